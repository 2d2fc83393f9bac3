"""From what the user points at to the files to read: folder, glob, file or list of paths."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from imgnmf.errors import NoImagesError, ParameterError
from imgnmf.images.formats import has_image_suffix
from imgnmf.images.report import Skipped, shown

__all__ = ["Listing", "Source", "SourceFile", "list_files", "natural_key", "obstacle"]

# A path, and what keeps it from being read if anything does.
Found = tuple[Path, str | None]
Source = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

# Names that people and programs give to a file so that it is no longer taken for what it was.
SET_ASIDE = (".bad", ".bak", ".orig", ".part", ".tmp", "~")
A_FOLDER = "a folder"


@dataclass(frozen=True)
class SourceFile:
    """A file to read, the name its image will have, and whether it claims to be an image."""

    path: Path
    name: str
    promises_image: bool


@dataclass(frozen=True)
class Listing:
    """The files of a source in natural order, and what was passed over while looking.

    Attributes
    ----------
    where : str
        The source in words, for messages.
    explicit : bool
        The user named every file: each one is expected to be an image.
    """

    where: str
    files: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...] = ()
    explicit: bool = False


def list_files(source: Source) -> Listing:
    """Find the files that a source stands for.

    Raises
    ------
    NoImagesError
        If a path does not exist or a list is empty.
    ParameterError
        If `source` is neither a path nor a list of paths.
    """
    if not isinstance(source, str | os.PathLike):
        return _list_of_paths(source)
    text = os.path.expanduser(os.fspath(source))
    if os.path.isdir(text):
        return _folder(Path(text))
    if os.path.lexists(text):
        return Listing(shown(text), (_explicit(Path(text), Path(text).name),), explicit=True)
    if glob.has_magic(text):
        return _glob(text)
    raise NoImagesError(f"no readable images in {shown(text)}: there is no such file or folder")


def natural_key(name: str) -> tuple[list[list[str | int]], str]:
    """Return a sort key that puts 2 before 10, folder by folder, the same on every machine.

    >>> sorted(["s10/1.pgm", "s2/10.pgm", "s2/9.pgm"], key=natural_key)
    ['s2/9.pgm', 's2/10.pgm', 's10/1.pgm']
    """
    return [_numbers_apart(part) for part in name.split("/")], name


def obstacle(path: Path) -> str | None:
    """Return why `path` is not a file whose bytes can be read, or None: opening a FIFO would never return."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        broken = "a dangling link, or a loop of links" if os.path.islink(path) else error.strerror
        return broken or "cannot be reached"
    if stat.S_ISREG(mode):
        return None
    return A_FOLDER if stat.S_ISDIR(mode) else "a FIFO, socket or device"


def _numbers_apart(part: str) -> list[str | int]:
    pieces: list[str | int] = list(re.split(r"([0-9]+)", part.casefold()))
    pieces[1::2] = map(int, pieces[1::2])
    return pieces


def _explicit(path: Path, name: str) -> SourceFile:
    return SourceFile(path, name, promises_image=True)


def _list_of_paths(source: Iterable[str | os.PathLike[str]]) -> Listing:
    expected = "expected a folder, a glob, a file or a list of paths"
    if not isinstance(source, Iterable) or hasattr(source, "dtype"):
        raise ParameterError(f"{expected}, got {type(source).__name__}; an array is ImageSet(array)")
    paths = list(source)
    if not paths:
        raise NoImagesError("no readable images: the list of paths is empty")
    for path in paths:
        if not isinstance(path, str | os.PathLike):
            raise ParameterError(f"{expected}, got a list that holds {type(path).__name__}")
    files = tuple(_explicit(Path(path).expanduser(), os.fspath(path)) for path in paths)
    return Listing(f"the list of {len(files)} paths", files, explicit=True)


def _folder(root: Path) -> Listing:
    return _sorted_out(shown(root), root, _walk(root))


def _glob(pattern: str) -> Listing:
    root = _fixed_part(pattern)
    return _sorted_out(shown(pattern), root, _matches(pattern, root))


def _matches(pattern: str, root: Path) -> Iterator[Found]:
    wanted = Path(pattern).parts[len(root.parts) :]
    if "**" not in wanted:
        yield from ((Path(match), obstacle(Path(match))) for match in glob.glob(pattern))
    elif root.is_dir():
        # Not left to the glob module: it goes round loops of links, every way there is.
        yield from (found for found in _walk(root) if _fits(found[0].relative_to(root).parts, wanted))


def _fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern or not parts:
        return not parts and all(part == "**" for part in pattern)
    if pattern[0] == "**":
        return _fits(parts, pattern[1:]) or _fits(parts[1:], pattern)
    return fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _sorted_out(where: str, root: Path, found: Iterable[Found]) -> Listing:
    """Name what was found below `root`, and part the files to read from the rest."""
    files: list[SourceFile] = []
    skipped: list[Skipped] = []
    for path, obstructed in found:
        name = path.relative_to(root).as_posix()
        reason = obstructed or ("set aside by its name" if name.lower().endswith(SET_ASIDE) else None)
        if reason:
            skipped.append(Skipped(name, reason))
        else:
            files.append(SourceFile(path, name, promises_image=has_image_suffix(name)))
    files.sort(key=lambda file: natural_key(file.name))
    skipped.sort(key=lambda entry: natural_key(entry.name))
    return Listing(where, tuple(files), tuple(skipped))


def _fixed_part(pattern: str) -> Path:
    """Return the folder that a pattern starts from: what stands before its first wildcard."""
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:fixed])


def _walk(root: Path) -> Iterator[Found]:
    """Yield all that is below a folder and is no folder, each with what is wrong with it, or None.

    A folder is entered once, and under its own name where it is below `root`: links to folders wait until
    all others are read. A link to a folder that holds `root` is not followed.
    """
    entered = {_identity(folder) for folder in root.resolve().parents}
    pending = deque([root])
    while pending:
        folder = pending.pop()
        if _identity(folder) in entered:
            yield folder, "a link to a folder that is read already or holds this one"
            continue
        entered.add(_identity(folder))
        try:
            paths = sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
        except OSError as error:
            yield folder, error.strerror
            continue
        for path in paths:
            reason = obstacle(path)
            if path.name.startswith("."):
                yield path, "hidden"
            elif reason != A_FOLDER:
                yield path, reason
            elif path.is_symlink():
                pending.appendleft(path)
            else:
                pending.append(path)


def _identity(folder: Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino
