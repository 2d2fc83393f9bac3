"""Which reader takes a file: decided by how its content begins, never by its name.

Adding a format is a function ``read(file, request) -> iterator of Raster``, one that measures from the header,
``measure(file) -> Header``, and one line in `FORMATS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, TypeAlias

import numpy as np

from imgnmf.images.netpbm import measure_netpbm, read_netpbm
from imgnmf.images.pillow_formats import (
    measures,
    open_bitmap,
    open_bmp,
    open_gif,
    open_jpeg,
    open_png,
    open_webp,
    read_png,
    reads,
)
from imgnmf.images.raster import Header, Raster, Request, UnreadableError
from imgnmf.images.tiff import measure_tiff, read_tiff
from imgnmf.images.video import VIDEO_SIGNATURE, measure_video, read_video

__all__ = [
    "BYTES_OF_SIGNATURE",
    "FORMATS",
    "Format",
    "begins_a_picture",
    "decode",
    "has_image_suffix",
    "looked_for",
    "measure",
    "recognised",
]

BYTES_OF_SIGNATURE = 64
NOTHING = Raster(np.empty(0))

Reader: TypeAlias = Callable[[BinaryIO, Request], Iterator[Raster]]
Measure: TypeAlias = Callable[[BinaryIO], Header]


@dataclass(frozen=True)
class Format:
    """A file format: what it is called, how it begins, who reads and who measures it."""

    name: str
    suffixes: tuple[str, ...]
    signature: re.Pattern[bytes]
    read: Reader
    measure: Measure


def _format(name: str, suffixes: str, signature: bytes, read: Reader, measure: Measure) -> Format:
    return Format(name, tuple(suffixes.split()), re.compile(signature, re.DOTALL), read, measure)


BMP_SIGNATURE = rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"

FORMATS = (
    _format("PNG", ".png .apng", rb"\x89PNG\r\n\x1a\n", read_png, measures(open_png)),
    _format("JPEG", ".jpg .jpeg .jpe .jfif", rb"\xff\xd8\xff", reads(open_jpeg), measures(open_jpeg)),
    _format("PGM or PPM", ".pgm .ppm .pnm", rb"P[2356][\s#]", read_netpbm, measure_netpbm),
    _format("PBM", ".pbm", rb"P[14]\s+[#0-9]", reads(open_bitmap), measures(open_bitmap)),
    _format("TIFF", ".tif .tiff", rb"II[*+]\0|MM\0[*+]", read_tiff, measure_tiff),
    _format("GIF", ".gif", rb"GIF8[79]a", reads(open_gif), measures(open_gif)),
    # Two letters are no signature: the size of the second header comes to their help.
    _format("BMP", ".bmp .dib", BMP_SIGNATURE, reads(open_bmp), measures(open_bmp)),
    _format("WebP", ".webp", rb"RIFF.{4}WEBP", reads(open_webp), measures(open_webp)),
    # No suffix promises a picture: a video among photographs is passed over, with a line in the report.
    _format("video", "", VIDEO_SIGNATURE, read_video, measure_video),
)

IMAGE_SUFFIXES = tuple(suffix for known in FORMATS for suffix in known.suffixes)


def has_image_suffix(name: str) -> bool:
    """Say whether a file's name promises an image: it decides only whether other content is an error."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def looked_for() -> str:
    """Return the extensions of all formats, for messages."""
    return ", ".join(suffix[1:] for suffix in IMAGE_SUFFIXES)


def recognised(start: bytes) -> Format:
    """Return the format that a file beginning like this has.

    Raises
    ------
    UnreadableError
        If it is none of `FORMATS`.
    """
    known = next((known for known in FORMATS if known.signature.match(start)), None)
    if known is None:
        found = f"it begins with {start[:16]!r}" if start else "it is empty (0 bytes)"
        raise UnreadableError(f"not an image: {found}", foreign=True)
    return known


def begins_a_picture(start: bytes) -> bool:
    """Say whether a file that begins like this has one of `FORMATS`."""
    return any(known.signature.match(start) for known in FORMATS)


def decode(file: BinaryIO, request: Request) -> Iterator[Raster]:
    """Decode one picture of a file after the other; whatever goes wrong comes out as `UnreadableError`."""
    known = _recognised(file)
    try:
        rasters = known.read(file, request)
        # Damaged headers make some decoders return nothing, without an error.
        for raster in chain((next(rasters, NOTHING),), rasters):
            if raster.pixels.size == 0 or raster.pixels.ndim < 2:
                raise UnreadableError("its header is damaged: there is no picture in it")
            yield raster
    except UnreadableError:
        raise
    # Decoders leak a dozen exception types on damaged files; all of them mean the same to the user.
    except Exception as error:
        raise _damaged(known.name, error) from error


def measure(file: BinaryIO) -> Header:
    """Return what the header of a file says; what is wrong with it comes out as `UnreadableError`."""
    known = _recognised(file)
    try:
        header = known.measure(file)
    except UnreadableError:
        raise
    except Exception as error:
        raise _damaged(known.name, error) from error
    # Damaged tags of a TIFF come as they are: tuples, text.
    if not all(isinstance(value, int) and value > 0 for value in (header.height, header.width, header.frames)):
        raise UnreadableError(f"its header says {header.height} x {header.width} pixels: damaged")
    return header


def _recognised(file: BinaryIO) -> Format:
    known = recognised(file.read(BYTES_OF_SIGNATURE))
    file.seek(0)
    return known


def _damaged(name: str, error: Exception) -> UnreadableError:
    cause = f"{type(error).__name__}: {error}"
    return UnreadableError(f"cannot be decoded as {name} ({cause}): damaged or truncated")
