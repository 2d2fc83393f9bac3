"""TIFF and BigTIFF: tifffile reads every header, and the pixels that need no codec beyond zlib.

Pillow decodes the rest (palettes, CMYK, LZW, fax, JPEG). Its release 13 turns pictures with orientation
5 to 8 into noise, therefore it never gets to see the tag.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgnmf.images.color import full_scale
from imgnmf.images.pillow_formats import to_raster
from imgnmf.images.raster import ALPHA_NOTE, SIDEWAYS, Header, Raster, Request, UnreadableError, kind_of, upright

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

__all__ = ["measure_tiff", "read_tiff"]

ORIENTATION_TAG = 274
NO_CODEC_NEEDED = (1, 8, 32946)  # none, and the two numbers of deflate
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
INVALID_TAGS = "some of the TIFF tags are invalid"
PREMULTIPLIED_ALPHA, STRAIGHT_ALPHA = 1, 2


def read_tiff(file: BinaryIO, request: Request) -> Iterator[Raster]:
    """Read the full-size pages of a TIFF; thumbnails and pyramid levels are no pages."""
    import tifffile

    image: ImageFile | None = None
    with _logged() as complaints, tifffile.TiffFile(file) as tiff:
        pages = _full_size_pages(tiff.pages)
        for number in request.frame_numbers(len(pages)):
            page = pages[number]
            request.check_size(page.imagelength, page.imagewidth)
            if _is_plain(page):
                raster = _with_tifffile(page)
            else:
                image = image or _open_with_pillow(request.read_all(file), pages)
                raster = _with_pillow(image, page)
            if complaints:
                raster = replace(raster, notes=(*raster.notes, INVALID_TAGS))
            yield upright(raster, _orientation(page))


def measure_tiff(file: BinaryIO) -> Header:
    """Return what the first page of a TIFF says, and how many there are."""
    import tifffile

    with _logged(), tifffile.TiffFile(file) as tiff:
        pages = _full_size_pages(tiff.pages)
        first = pages[0]
        is_color = first.photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO)
        kind = kind_of(first.dtype or "uint8", is_color)
        size = (first.imagelength, first.imagewidth)
        height, width = size[::-1] if _orientation(first) in SIDEWAYS else size
        return Header(height, width, kind if first.bitspersample >= 8 else kind_of("uint8", is_color), len(pages))


class _Complaints(logging.Handler):
    """Collects what tifffile logs in one thread; other threads read other files."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.thread, self.messages = threading.get_ident(), []

    messages: list[str]

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.messages.append(record.getMessage())


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect what tifffile logs: without a handler, Python would print it on the standard error of the user."""
    logger, complaints = logging.getLogger("tifffile"), _Complaints()
    logger.addHandler(complaints)
    try:
        yield complaints.messages
    finally:
        logger.removeHandler(complaints)


def _orientation(page: Any) -> int:
    tag = page.tags.get(ORIENTATION_TAG)
    return tag.value if tag else 1


def _full_size_pages(pages: Iterable[Any]) -> list[Any]:
    kept = []
    for page in pages:
        # A damaged link leads through the rest of the file as if it were pages, for minutes.
        if page.imagelength * page.imagewidth == 0:
            raise UnreadableError(f"its page {page.index} has no size: damaged or truncated")
        if not page.is_reduced:
            kept.append(page)
    return kept


def _is_plain(page: Any) -> bool:
    in_reach = page.compression in NO_CODEC_NEEDED or page.bitspersample > 16
    return in_reach and page.bitspersample >= 8 and page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)


def _with_tifffile(page: Any) -> Raster:
    if page.axes not in ("YX", "YXS", "SYX") or page.samplesperpixel > 4:
        raise UnreadableError(
            f"its page has the shape {page.shape} (axes {page.axes}), expected grey or RGB, with alpha or not"
        )
    pixels = page.asarray()
    if page.axes == "SYX":
        pixels = np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
    if page.photometric == WHITE_IS_ZERO:
        pixels = np.bitwise_not(pixels) if pixels.dtype.kind == "u" else pixels
    return _with_straight_alpha(pixels, page)


def _with_straight_alpha(pixels: NDArray[Any], page: Any) -> Raster:
    extra = page.extrasamples
    if pixels.ndim == 2 or not extra or extra[0] == STRAIGHT_ALPHA:
        return Raster(pixels)
    colors, alpha = pixels[..., :-1], pixels[..., -1:]
    if extra[0] == PREMULTIPLIED_ALPHA:
        white = alpha.dtype.type(full_scale(alpha.dtype))
        colors, note = np.minimum(colors, alpha) + (white - alpha), ALPHA_NOTE
    else:
        note = "a channel of unstated meaning left out"
    return Raster(np.ascontiguousarray(colors.squeeze(2) if colors.shape[2] == 1 else colors), (note,))


def _open_with_pillow(content: bytes, pages: list[Any]) -> ImageFile:
    from PIL.TiffImagePlugin import TiffImageFile

    data = bytearray(content)
    for tag in filter(None, (page.tags.get(ORIENTATION_TAG) for page in pages)):
        upright_tag = np.uint16(1).astype(tag.parent.byteorder + "u2")
        data[tag.valueoffset : tag.valueoffset + 2] = upright_tag.tobytes()
    return TiffImageFile(io.BytesIO(data))


def _with_pillow(image: ImageFile, page: Any) -> Raster:
    image.seek(page.index)
    if page.bitspersample > 8 and not image.mode.startswith("I;16"):
        raise UnreadableError(
            f"its compression ({page.compression.name}) of {page.bitspersample} bits a sample needs a codec "
            "that is not installed; pip install imagecodecs, or save it uncompressed"
        )
    return to_raster(image)
