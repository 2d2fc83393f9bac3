"""Zip and tar archives, read member by member: nothing is ever written to disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import IO, BinaryIO, cast

from imgnmf.errors import ImageReadError
from imgnmf.images.formats import BYTES_OF_SIGNATURE, recognised
from imgnmf.images.listing import Found, Listing, sorted_out
from imgnmf.images.raster import Request, UnreadableError
from imgnmf.images.report import shown

__all__ = ["ARCHIVE_ERRORS", "Packed", "check_packing", "is_zip", "list_archive", "list_packed", "unpacked"]

ZIP_SIGNATURES = (b"PK\3\4", b"PK\5\6")
COMPRESSIONS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))
TAR_BLOCK = 512

# What the standard library raises on archives that are damaged, locked, or packed by a method it does not know.
ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,  # of a member without a name
    struct.error,
)

# Pictures rarely shrink to a hundredth. What does, and is large, was made to fill the memory.
MOST_SHRUNK = 200
NEVER_A_BOMB = 2**25


@dataclass(frozen=True)
class Packed:
    """Something packed: a file, or the bytes of one."""

    where: str
    content: Path | bytes

    @property
    def n_bytes(self) -> int:
        """How large it is, packed as it is."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def open(self) -> BinaryIO:
        """Open it as it is."""
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")

    def unpacked(self) -> tuple[BinaryIO, bool]:
        """Open it; if it is compressed by gzip, bzip2 or xz, what is inside. Say also whether it is."""
        with self.open() as file:
            start = file.read(BYTES_OF_SIGNATURE)
        opener = next((opener for signature, opener in COMPRESSIONS if start.startswith(signature)), None)
        if opener is None:
            return self.open(), False
        source = io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content
        return cast(BinaryIO, opener(source, "rb")), True


def list_archive(path: Path, request: Request, resources: ExitStack) -> Listing | None:
    """List the members of an archive, named below the folder that holds them all; None if it is no archive.

    Raises
    ------
    ImageReadError
        If it is damaged, or would unpack to far more than it seems.
    """
    return list_packed(Packed(shown(path), path), request, resources)


def list_packed(packed: Packed, request: Request, resources: ExitStack) -> Listing | None:
    """Do as `list_archive` does, for an archive that may lie in another one."""
    try:
        start = _first_bytes(packed)
        if is_zip(start):
            return _zip(packed, resources)
        return _tar(packed, request, resources) if _begins_a_tar(start) else None
    except UnreadableError as refusal:
        raise ImageReadError(f"{packed.where}: {refusal}") from refusal
    except ARCHIVE_ERRORS as error:
        raise ImageReadError(
            f"{packed.where}: cannot be read as an archive ({type(error).__name__}: {error}): damaged or truncated"
        ) from error


def is_zip(start: bytes) -> bool:
    """Say whether a file that begins like this is a zip archive."""
    return start.startswith(ZIP_SIGNATURES)


def unpacked(path: Path) -> BinaryIO:
    """Open a file; if it is compressed by gzip, bzip2 or xz, what is inside."""
    return Packed("", path).unpacked()[0]


def check_packing(n_bytes: int, packed: int) -> None:
    """Refuse what claims to unpack to far more than pictures do."""
    if n_bytes > max(NEVER_A_BOMB, MOST_SHRUNK * packed):
        raise UnreadableError(
            f"{packed} bytes that unpack to {n_bytes} or more, as no pictures do; unpack it yourself if that is right"
        )


def _first_bytes(packed: Packed) -> bytes:
    try:
        with packed.unpacked()[0] as file:
            return file.read(TAR_BLOCK)
    except ARCHIVE_ERRORS:
        # Damaged where it begins: whoever reads it next says so.
        return b""


def _begins_a_tar(start: bytes) -> bool:
    try:
        # By its checksum: archives of the nineties have no other signature.
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _zip(packed: Packed, resources: ExitStack) -> Listing:
    archive = resources.enter_context(zipfile.ZipFile(resources.enter_context(packed.open())))
    members = {member.filename: member for member in archive.infolist() if not member.is_dir()}
    found = [_in_zip(packed.where, archive, member) for member in members.values()]
    return sorted_out(packed.where, _below_common_folder(found))


def _in_zip(where: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Found:
    opened = partial(_member, partial(archive.open, member), member.file_size, member.compress_size)
    return _found(where, member.filename, opened)


def _tar(packed: Packed, request: Request, resources: ExitStack) -> Listing:
    stream, compressed = packed.unpacked()
    archive = resources.enter_context(tarfile.TarFile(fileobj=resources.enter_context(stream)))
    members = _members(archive, packed.n_bytes, request)
    found = {member.name: _in_tar(packed.where, archive, member) for member in members}
    return sorted_out(packed.where, _below_common_folder(list(found.values())), in_order=not compressed)


def _members(archive: tarfile.TarFile, packed: int, request: Request) -> Iterator[tarfile.TarInfo]:
    """Yield what is no folder; stop before a member is unpacked that makes it too much in all."""
    total = 0
    for member in archive:
        total += member.size
        check_packing(total, packed)
        request.check_bytes(total, "all of it unpacked")
        if not member.isdir():
            yield member
    _check_end(archive)


def _check_end(archive: tarfile.TarFile) -> None:
    """Refuse what the tarfile module takes for the end: half a header, or a damaged one."""
    if archive.fileobj is not None:
        archive.fileobj.seek(archive.offset)
        if archive.fileobj.read(TAR_BLOCK).strip(b"\0"):
            raise UnreadableError("cannot be read as an archive (no header where one should be): damaged or truncated")


def _in_tar(where: str, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Found:
    reason = None if member.isreg() else "a link" if member.islnk() or member.issym() else "a FIFO, socket or device"
    opened = partial(_member, partial(archive.extractfile, member), member.size, member.size)
    found = _found(where, member.name, opened)
    return replace(found, obstacle=found.obstacle or reason)


def _found(where: str, name: str, opened: Callable[[Request], BinaryIO]) -> Found:
    # A name is only a name here: it never becomes a path.
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return Found("/".join(parts), f"{where}, {shown(name)}", opened, "hidden" if hidden else None, packed=True)


def _below_common_folder(found: list[Found]) -> list[Found]:
    folders = [thing.name.split("/")[:-1] for thing in found if not thing.obstacle]
    columns = zip(*folders, strict=False)
    depth = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    return [thing if thing.obstacle else replace(thing, name=_without(thing.name, depth)) for thing in found]


def _without(name: str, depth: int) -> str:
    return "/".join(name.split("/")[depth:])


def _member(read: Callable[[], IO[bytes] | None], n_bytes: int, packed: int, request: Request) -> BinaryIO:
    """Return a member as a file in memory: decoders seek, which is slow in what is packed."""
    check_packing(n_bytes, packed)
    request.check_bytes(n_bytes)
    try:
        # There is no stream only for what is no file, and that is left out already.
        with read() or io.BytesIO() as stream:
            start = stream.read(BYTES_OF_SIGNATURE)
            recognised(start)
            return io.BytesIO(start + stream.read())
    except ARCHIVE_ERRORS as error:
        raise UnreadableError(f"cannot be unpacked ({type(error).__name__}: {error})") from error
