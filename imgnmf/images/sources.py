"""From what the user points at to the files to read: folder, glob, archive, file or list of paths."""

from __future__ import annotations

import fnmatch
import glob
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from numpy.typing import NDArray

from imgnmf.errors import NoImagesError, ParameterError
from imgnmf.images.archives import list_archive
from imgnmf.images.listing import Found, Listing, SourceFile, natural_key, sorted_out
from imgnmf.images.raster import Request, UnreadableError
from imgnmf.images.report import shown

__all__ = ["Source", "list_files", "obstacle"]

# A path, and what keeps it from being read if anything does.
Entry: TypeAlias = tuple[Path, str | None]
Source: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | NDArray[Any]

A_FOLDER = "a folder"


def list_files(source: Source, request: Request, resources: ExitStack) -> Listing:
    """Find the files that a source stands for; what has to stay open for reading them goes on the stack.

    Raises
    ------
    NoImagesError
        If a path does not exist or a list is empty.
    ParameterError
        If `source` is neither a path nor a list of paths.
    ImageReadError
        If it is a damaged archive.
    """
    if not isinstance(source, str | os.PathLike):
        return _list_of_paths(source)
    text = os.path.expanduser(os.fspath(source))
    if os.path.isdir(text):
        return _folder(Path(text))
    if os.path.lexists(text):
        return _file(Path(text), request, resources)
    if glob.has_magic(text):
        return _glob(text)
    raise NoImagesError(f"no readable images in {shown(text)}: there is no such file or folder")


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


def _file(path: Path, request: Request, resources: ExitStack) -> Listing:
    archive = None if obstacle(path) else list_archive(path, request, resources)
    return archive or Listing(shown(path), (_explicit(path, path.name),), explicit=True)


def _explicit(path: Path, name: str) -> SourceFile:
    return SourceFile(name, shown(path), promises_image=True, open=partial(_open, path))


def _open(path: Path, request: Request) -> BinaryIO:
    reason = obstacle(path)
    if reason:
        raise UnreadableError(f"cannot be read: {reason}")
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableError(f"cannot be opened ({error.strerror})") from error


def _list_of_paths(source: Iterable[Any]) -> Listing:
    expected = "expected a folder, a glob, a file, a list of paths or an array"
    if not isinstance(source, Iterable):
        raise ParameterError(f"{expected}, got {type(source).__name__}")
    paths = list(source)
    if not paths:
        raise NoImagesError("no readable images: the list of paths is empty")
    for path in paths:
        if not isinstance(path, str | os.PathLike):
            raise ParameterError(f"{expected}, got a list that holds {type(path).__name__}")
    files = tuple(_explicit(Path(os.path.expanduser(path)), os.fspath(path)) for path in paths)
    return Listing(f"the list of {len(files)} paths", files, explicit=True)


def _folder(root: Path) -> Listing:
    return sorted_out(shown(root), _named(root, _walk(root)))


def _glob(pattern: str) -> Listing:
    root = _fixed_part(pattern)
    return sorted_out(shown(pattern), _named(root, _matches(pattern, root)))


def _matches(pattern: str, root: Path) -> Iterator[Entry]:
    wanted = Path(pattern).parts[len(root.parts) :]
    if "**" not in wanted:
        yield from ((Path(match), obstacle(Path(match))) for match in glob.glob(pattern))
    elif root.is_dir():
        # Not left to the glob module: it goes round loops of links, every way there is.
        yield from (entry for entry in _walk(root) if _fits(entry[0].relative_to(root).parts, wanted))


def _fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern or not parts:
        return not parts and all(part == "**" for part in pattern)
    if pattern[0] == "**":
        return _fits(parts, pattern[1:]) or _fits(parts[1:], pattern)
    return fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _named(root: Path, entries: Iterable[Entry]) -> Iterator[Found]:
    """Name what was found below `root`."""
    for path, reason in entries:
        yield Found(path.relative_to(root).as_posix(), shown(path), partial(_open, path), reason)


def _fixed_part(pattern: str) -> Path:
    """Return the folder that a pattern starts from: what stands before its first wildcard."""
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:fixed])


def _walk(root: Path) -> Iterator[Entry]:
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
