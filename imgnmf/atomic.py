"""Write a file so that nobody ever sees half of it.

The bytes go to a hidden file beside the target, reach the disk, and take the target's name in one step.
Whoever reads the target finds the old file or the new one, whole; after a failure, the old one. Standard
library only.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

from imgnmf.errors import ImgnmfError, OutputError

try:
    import fcntl
except ImportError:  # not a POSIX system: the open file itself is the lock there
    fcntl = None  # type: ignore[assignment]

__all__ = ["note_written", "recorded", "replacing", "write_bytes", "write_text"]

_RECORD: ContextVar[list[Path] | None] = ContextVar("written", default=None)

_ADVICE = {
    errno.ENOSPC: "free some space or choose another disk",
    errno.EDQUOT: "free some space or choose another disk",
    errno.EFBIG: "raise the file size limit or choose another disk",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
    errno.ENOENT: "create the folder first",
    errno.ENOTDIR: "a part of the path is a file where a folder is needed",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EISDIR: "give the name of a file, not of a folder",
}


def write_bytes(path: str | os.PathLike[str], data: bytes | bytearray | memoryview) -> None:
    """Write `data` to `path`, all of it or nothing.

    Parameters
    ----------
    path : str or path-like
        The file to write; its folder must exist. A file already there is replaced, and keeps its permissions.
    data : bytes-like
        The whole content.

    Raises
    ------
    OutputError
        The file could not be written; what was there before is whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "parts.bin"
    ...     write_bytes(target, b"W H")
    ...     target.read_bytes()
    b'W H'
    """
    with replacing(path) as file:
        file.write(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    r"""Write `text` to `path` as UTF-8 with the line ends it has, all of it or nothing.

    Parameters
    ----------
    path : str or path-like
        The file to write; its folder must exist.
    text : str
        The whole content.

    Raises
    ------
    OutputError
        The file could not be written; what was there before is whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "parts.txt"
    ...     write_text(target, "k = 25\n")
    ...     target.read_bytes()
    b'k = 25\n'
    """
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Give an open binary file whose content becomes `path` when the block ends without an error.

    Parameters
    ----------
    path : str or path-like
        The file to write; its folder must exist. A link is followed, as `open` does.

    Yields
    ------
    BinaryIO
        The hidden file beside the target.

    Raises
    ------
    OutputError
        The file could not be written; what was there before is whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "parts.bin"
    ...     with replacing(target) as file:
    ...         _ = file.write(b"one ")
    ...         _ = file.write(b"two")
    ...     target.read_bytes()
    b'one two'
    """
    try:
        target = Path(os.path.realpath(path))
        _refuse_unless_a_file(target)
        with _temporary_beside(target) as (file, temporary):
            yield file
            _bring_to_disk(file)
            _take_over(file, temporary, target)
    except ImgnmfError:  # what was to be written could not be read, say; some of those are OSErrors too
        raise
    except OSError as reason:
        raise _output_error(path, reason) from reason


@contextmanager
def recorded(written: list[Path]) -> Iterator[None]:
    """Add whatever is written within the block to a list, to be able to say so if it ends early."""
    token = _RECORD.set(written)
    try:
        yield
    finally:
        _RECORD.reset(token)


def note_written(target: Path) -> None:
    """Add to the list of `recorded`, if there is one."""
    if (written := _RECORD.get()) is not None:
        written.append(target)


def _refuse_unless_a_file(target: Path) -> None:
    if target.exists() and not target.is_file():
        number = errno.EISDIR if target.is_dir() else errno.EINVAL
        raise OSError(number, "it exists and is not a regular file")


@contextmanager
def _temporary_beside(target: Path) -> Iterator[tuple[BinaryIO, Path]]:
    temporary = _temporary_name(target)
    file = _open_locked(temporary)
    try:
        yield file, temporary
    except BaseException:
        # Still locked here, so it is nobody else's file. The first failure is the one to report.
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    finally:
        with contextlib.suppress(OSError):
            file.close()


def _temporary_name(target: Path) -> Path:
    # One name per target: what a killed process left behind is taken over by the next write instead of
    # piling up. A digest, because a name of 255 bytes leaves no room for a suffix.
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    return target.with_name(f".imgnmf-{digest}.tmp")


def _open_locked(temporary: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        file = os.fdopen(os.open(temporary, flags, 0o666), "r+b")
        try:
            _wait_for_lock(file)
            if _is_still_named(file, temporary):
                file.truncate()
                return file
        except BaseException:
            file.close()
            raise
        # The writer we waited for has renamed this very file to the target: begin a new one.
        file.close()


def _wait_for_lock(file: BinaryIO) -> None:
    if fcntl is not None:
        # Some network file systems know no locks; there, two writers of one file are the caller's affair.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)


def _is_still_named(file: BinaryIO, temporary: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(temporary))
    except FileNotFoundError:
        return False


def _bring_to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _take_over(file: BinaryIO, temporary: Path, target: Path) -> None:
    if target.exists():
        os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
    if os.name == "nt":  # an open file cannot be renamed there
        file.close()
    os.replace(temporary, target)
    note_written(target)
    _bring_folder_to_disk(target.parent)


def _bring_folder_to_disk(folder: Path) -> None:
    # The new file is in place and whole already: a folder that cannot be synced is no reason to report a
    # failure.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _output_error(path: str | os.PathLike[str], reason: OSError) -> OutputError:
    advice = _ADVICE.get(reason.errno or 0, "choose another place")
    error = OutputError(f"cannot write {os.fspath(path)!r}: {reason.strerror or reason}; {advice}")
    error.errno = reason.errno
    return error
