"""PNG, JPEG, GIF, BMP, WebP and bitmaps, through Pillow.

Pillow's format classes are called directly: `PIL.Image.open` guesses among all formats, and has a size limit
that is global to the process; ours is `Request.max_pixels`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgnmf.images.raster import SIDEWAYS, Header, Raster, Request, kind_of, upright

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

__all__ = [
    "measures",
    "open_bitmap",
    "open_bmp",
    "open_gif",
    "open_jpeg",
    "open_png",
    "open_webp",
    "read_png",
    "reads",
    "to_raster",
]

Opener: TypeAlias = "Callable[[BinaryIO], ImageFile]"

ORIENTATION_TAG = 0x0112

# Pillow's names for the samples of a PNG that it would cut down to 8 bits.
SIXTEEN_BIT_COLOR = ("RGB;16B", "RGBA;16B")
SIXTEEN_BIT_ALPHA = "LA;16B"

GREY_MODES = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L")
DEPTH_OF_MODE = {"I": "int32", "F": "float32"}

# What a mode is turned into when NumPy cannot take it as grey, RGB or either with alpha.
PLAIN_MODE = {
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
}


def read_png(file: BinaryIO, request: Request) -> Iterator[Raster]:
    """Read a PNG or the frames of an animated one; 16 bits a channel are kept."""
    image = open_png(file)
    request.check_size(image.height, image.width)
    samples = image.tile[0].args
    if samples in SIXTEEN_BIT_COLOR:
        yield _upright(image, _sixteen_bit_color(image, open_png(_rewound(file))))
    elif samples == SIXTEEN_BIT_ALPHA:
        yield _upright(image, _sixteen_bit_alpha(image))
    else:
        yield from _frames(image, request)


def reads(opener: Opener) -> Callable[[BinaryIO, Request], Iterator[Raster]]:
    """Return the reader of a format that has no peculiarities: every frame as it is shown."""
    return lambda file, request: _frames(opener(file), request)


def measures(opener: Opener) -> Callable[[BinaryIO], Header]:
    """Return what tells the size of a picture from its header."""
    return lambda file: _measured(opener(file))


def open_png(file: BinaryIO) -> ImageFile:
    """Open a PNG: nothing is decoded yet."""
    from PIL.PngImagePlugin import PngImageFile

    return PngImageFile(file)


def open_jpeg(file: BinaryIO) -> ImageFile:
    """Open a JPEG: of the pictures of a stereo or preview (MPO) file, the main one."""
    from PIL.JpegImagePlugin import JpegImageFile

    return JpegImageFile(file)


def open_gif(file: BinaryIO) -> ImageFile:
    """Open a GIF: nothing is decoded yet."""
    from PIL.GifImagePlugin import GifImageFile

    return GifImageFile(file)


def open_bmp(file: BinaryIO) -> ImageFile:
    """Open a Windows bitmap: nothing is decoded yet."""
    from PIL.BmpImagePlugin import BmpImageFile

    return BmpImageFile(file)


def open_webp(file: BinaryIO) -> ImageFile:
    """Open a WebP: nothing is decoded yet."""
    from PIL.WebPImagePlugin import WebPImageFile

    return WebPImageFile(file)


def open_bitmap(file: BinaryIO) -> ImageFile:
    """Open a PBM, which has one bit a pixel: nothing is decoded yet."""
    from PIL.PpmImagePlugin import PpmImageFile

    return PpmImageFile(file)


def to_raster(image: Image) -> Raster:
    """Decode fully, with palette, CMYK and one-bit pixels brought to grey or RGB."""
    mode = image.mode
    if image.has_transparency_data and mode in ("1", "L", "P", "RGB"):
        plain = image.convert("LA" if mode in ("1", "L") else "RGBA")
    elif mode in PLAIN_MODE:
        plain = image.convert(PLAIN_MODE[mode])
    else:
        plain = image
    notes = (f"{mode} converted to RGB",) if mode in ("CMYK", "YCbCr") else ()
    return Raster(np.asarray(plain), notes)


def _frames(image: ImageFile, request: Request) -> Iterator[Raster]:
    request.check_size(image.height, image.width)
    for number in request.frame_numbers(getattr(image, "n_frames", 1)):
        image.seek(number)
        request.check_size(image.height, image.width)
        yield _upright(image, to_raster(image))


def _measured(image: ImageFile) -> Header:
    samples = image.tile[0].args if image.tile else ""
    sixteen = samples in (*SIXTEEN_BIT_COLOR, SIXTEEN_BIT_ALPHA) or image.mode.startswith("I;16")
    depth = DEPTH_OF_MODE.get(image.mode, "uint16" if sixteen else "uint8")
    kind = kind_of(depth, image.mode not in GREY_MODES)
    # A PNG may have its tag after the pixels, which are not read here: asked for it, Pillow would decode them.
    known = image.format != "PNG" or "exif" in image.info
    sideways = known and image.getexif().get(ORIENTATION_TAG, 1) in SIDEWAYS
    height, width = image.size if sideways else image.size[::-1]
    return Header(height, width, kind, getattr(image, "n_frames", 1))


def _upright(image: ImageFile, raster: Raster) -> Raster:
    return upright(raster, image.getexif().get(ORIENTATION_TAG, 1))


def _sixteen_bit_color(image: ImageFile, again: ImageFile) -> Raster:
    """Decode twice: Pillow keeps 8 of the 16 bits of a colour sample, but lets one say which 8.

    Taken as big-endian, as PNG stores it, a sample gives its high byte; as little-endian, its low one.
    """
    high = _decoded_as(image, f"{image.mode};16B").astype(np.uint16)
    low = _decoded_as(again, f"{again.mode};16L")
    return Raster(high << 8 | low)


def _sixteen_bit_alpha(image: ImageFile) -> Raster:
    """Decode as if the four bytes of grey and alpha were red, green, blue and alpha: all of them are kept."""
    return Raster(_decoded_as(image, "RGBA").view(">u2").astype(np.uint16))


def _decoded_as(image: ImageFile, samples: str) -> NDArray[Any]:
    image.tile = [tile._replace(args=samples) for tile in image.tile]
    return np.ascontiguousarray(image)


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file
