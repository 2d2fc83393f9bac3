"""Which reader takes a file: decided by how its content begins, never by its name.

Adding a format is a function ``read(file, request) -> iterator of Raster`` and one line in `FORMATS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imgnmf.images.netpbm import read_netpbm
from imgnmf.images.pillow_formats import read_bitmap, read_bmp, read_gif, read_jpeg, read_png, read_webp
from imgnmf.images.raster import Raster, Request, UnreadableError
from imgnmf.images.tiff import read_tiff

__all__ = ["FORMATS", "Format", "decode", "has_image_suffix", "looked_for"]

BYTES_OF_SIGNATURE = 64


@dataclass(frozen=True)
class Format:
    """A file format: what it is called, how it begins, who reads it."""

    name: str
    suffixes: tuple[str, ...]
    signature: re.Pattern[bytes]
    read: Callable[[BinaryIO, Request], Iterator[Raster]]


def _format(
    name: str, suffixes: str, signature: bytes, read: Callable[[BinaryIO, Request], Iterator[Raster]]
) -> Format:
    return Format(name, tuple(suffixes.split()), re.compile(signature, re.DOTALL), read)


FORMATS = (
    _format("PNG", ".png .apng", rb"\x89PNG\r\n\x1a\n", read_png),
    _format("JPEG", ".jpg .jpeg .jpe .jfif", rb"\xff\xd8\xff", read_jpeg),
    _format("PGM or PPM", ".pgm .ppm .pnm", rb"P[2356][\s#]", read_netpbm),
    _format("PBM", ".pbm", rb"P[14]\s+[#0-9]", read_bitmap),
    _format("TIFF", ".tif .tiff", rb"II[*+]\0|MM\0[*+]", read_tiff),
    _format("GIF", ".gif", rb"GIF8[79]a", read_gif),
    # Two letters are no signature: the size of the second header comes to their help.
    _format("BMP", ".bmp .dib", rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", read_bmp),
    _format("WebP", ".webp", rb"RIFF.{4}WEBP", read_webp),
)

IMAGE_SUFFIXES = tuple(suffix for known in FORMATS for suffix in known.suffixes)


def has_image_suffix(name: str) -> bool:
    """Say whether a file's name promises an image: it decides only whether other content is an error."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def looked_for() -> str:
    """Return the extensions of all formats, for messages."""
    return ", ".join(suffix[1:] for suffix in IMAGE_SUFFIXES)


def decode(file: BinaryIO, request: Request) -> list[Raster]:
    """Decode a file completely; whatever goes wrong inside a decoder comes out as `UnreadableError`."""
    start = file.read(BYTES_OF_SIGNATURE)
    known = next((known for known in FORMATS if known.signature.match(start)), None)
    if known is None:
        found = f"it begins with {start[:16]!r}" if start else "it is empty (0 bytes)"
        raise UnreadableError(f"not an image: {found}", foreign=True)
    file.seek(0)
    try:
        return _checked(known.read(file, request))
    except UnreadableError:
        raise
    # Decoders leak a dozen exception types on damaged files; all of them mean the same to the user.
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise UnreadableError(f"cannot be decoded as {known.name} ({cause}): damaged or truncated") from error


def _checked(rasters: Iterator[Raster]) -> list[Raster]:
    """Decode them all; damaged headers make some decoders return nothing, without an error."""
    decoded = list(rasters)
    if not decoded or any(raster.pixels.size == 0 or raster.pixels.ndim < 2 for raster in decoded):
        raise UnreadableError("its header is damaged: there is no picture in it")
    return decoded
