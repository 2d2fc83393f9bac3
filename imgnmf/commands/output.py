"""Where results go: refused before the work starts if it cannot end well, and never there by halves."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from imgnmf.atomic import note_written, write_text
from imgnmf.errors import ImgnmfError, OutputError, ParameterError

__all__ = ["MARKER", "checked_file", "checked_folder", "json_object", "staged", "write_json"]

# A folder whose file of this name says that imgnmf made it was written by a command, so that --force may replace it.
MARKER = "summary.json"
# How each kind of file begins. Models, checkpoints, .nmf and .parts are imgnmf's own; the others are anybody's formats.
LONGEST_SIGNATURE = 512
SIGNATURES = {
    ".imgnmf": re.compile(rb".{8}\{\"__metadata__\":\{\"imgnmf", re.DOTALL),
    ".ckpt": re.compile(rb".{8}\{\"__metadata__\":\{\"imgnmf-checkpoint\"", re.DOTALL),
    ".nmf": re.compile(rb"\x89NMF"),
    ".parts": re.compile(rb"\x89NMF"),
    ".npy": re.compile(rb"\x93NUMPY"),
    ".h5": re.compile(rb"\x89HDF\r\n\x1a\n"),
    ".png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    ".pdf": re.compile(rb"%PDF-"),
    ".svg": re.compile(rb"<\?xml|<svg"),
    ".gif": re.compile(rb"GIF8"),
    ".mp4": re.compile(rb".{4}ftyp", re.DOTALL),
}


def checked_file(path: str, *, force: bool, suffix: str) -> Path:
    """Return the path of a file that can be written, seen before the work that leads to it.

    `force` replaces a file that begins as those do which are written here, and no other; and never through a link.

    Raises
    ------
    ParameterError
        It has another ending, is a link, or is there already and may not be replaced.
    OutputError
        Its folder does not exist or cannot be written to.
    """
    target = Path(os.path.expanduser(path))
    if target.suffix.lower() != suffix:
        raise ParameterError(f"what is written must end in {suffix}, got {path!r}")
    _check_name(target)
    if target.is_dir():
        raise ParameterError(f"{path!r} is a folder; give the name of a file")
    if target.is_symlink():
        raise ParameterError(f"{path!r} is a link, and what it points to is never replaced; choose another name")
    if target.exists() and not force:
        raise ParameterError(f"{path!r} exists; choose another name, or pass --force to replace it")
    if target.exists() and not _begins_as(target, suffix):
        raise ParameterError(
            f"{path!r} exists and is no {suffix} file as imgnmf writes them, so that --force does not replace it; "
            "choose another name, or delete it"
        )
    _check_parent(target)
    return target


def _begins_as(target: Path, suffix: str) -> bool:
    """Say whether a file begins as those of a suffix do; an empty one may be replaced by anything."""
    try:
        # Anything but a regular file might never give its bytes.
        with target.open("rb") if target.is_file() else BytesIO(b"?") as file:
            start = file.read(LONGEST_SIGNATURE)
    except OSError as reason:
        raise _output_error(target, reason) from reason
    return not start or SIGNATURES[suffix].match(start) is not None


def checked_folder(path: str, *, force: bool) -> Path:
    """Return the path of a folder that can be made, seen before the work that leads to it.

    An empty folder may be there already. `force` replaces what an earlier run wrote, and nothing else: a
    folder whose summary.json does not say so may hold anything.

    Raises
    ------
    ParameterError
        It exists and may not be replaced.
    OutputError
        The folder around it does not exist or cannot be written to.
    """
    target = Path(os.path.expanduser(path))
    _check_name(target)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ParameterError(f"{path!r} exists and is not a folder; choose another name")
    if target.is_dir() and any(target.iterdir()):
        if json_object(target / MARKER).get("made_by") != "imgnmf":  # many programs write a file of that name
            raise ParameterError(f"{path!r} holds files that imgnmf did not write; choose another name")
        if not force:
            raise ParameterError(f"{path!r} exists; choose another name, or pass --force to replace it")
    _check_parent(target)
    return target


def json_object(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds; an empty one where there is no such file, or it holds something else.

    >>> json_object(Path("there_is_no_such.json"))
    {}
    """
    try:
        document = json.loads(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Give an empty folder beside `target` that takes its name when the block ends without an error.

    Raises
    ------
    OutputError
        The folder could not be made or renamed; what was there before is whole.
    """
    staging = _beside(target, "partial")
    try:
        staging.mkdir()
        yield staging
        _take_over(staging, target)
    except ImgnmfError:
        raise
    except OSError as reason:
        raise _output_error(target, reason) from reason
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_json(path: Path, content: object) -> None:
    """Write strict JSON: what is not finite must have become null before."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _check_name(target: Path) -> None:
    try:
        os.lstat(target)
    except FileNotFoundError:
        return
    except OSError as reason:
        if reason.errno == errno.ENAMETOOLONG:
            raise OutputError(f"cannot write {str(target)!r}: the name is too long; choose a shorter one") from reason


def _check_parent(target: Path) -> None:
    parent = target.absolute().parent
    if not parent.is_dir():
        reason = "there is no such folder" if not parent.exists() else f"{str(parent)!r} is not a folder"
        raise OutputError(f"cannot write {str(target)!r}: {reason}; create it first, or choose another place")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {str(target)!r}: no permission; choose a folder that you may write to")


def _take_over(staging: Path, target: Path) -> None:
    if not target.exists():
        staging.rename(target)
        note_written(target)
        return
    former = _beside(target, "former")
    try:
        target.rename(former)
        staging.rename(target)
        note_written(target)
    except BaseException:  # Ctrl-C between the two would leave neither in place
        if former.exists() and not target.exists():
            former.rename(target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(former, ignore_errors=True)


def _beside(target: Path, what: str) -> Path:
    # The process id keeps two runs apart that want the same folder; the last to end wins.
    place = target.absolute()
    return place.with_name(f".{place.name[:100]}.{os.getpid()}.{what}")


def _output_error(target: Path, reason: OSError) -> OutputError:
    error = OutputError(f"cannot write {str(target)!r}: {reason.strerror or reason}; choose another place")
    error.errno = reason.errno
    return error
