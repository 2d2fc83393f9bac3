"""PNG, JPEG, GIF, BMP, WebP and bitmaps, through Pillow.

Pillow's format classes are called directly: `PIL.Image.open` guesses among all formats, and has a size limit
that is global to the process; ours is `Request.max_pixels`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgnmf.images.raster import Raster, Request, upright

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

__all__ = ["read_bitmap", "read_bmp", "read_gif", "read_jpeg", "read_png", "read_webp", "to_raster"]

ORIENTATION_TAG = 0x0112

# Pillow's names for the samples of a PNG that it would cut down to 8 bits.
SIXTEEN_BIT_COLOR = ("RGB;16B", "RGBA;16B")
SIXTEEN_BIT_ALPHA = "LA;16B"

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
    from PIL.PngImagePlugin import PngImageFile

    image = PngImageFile(file)
    request.check_size(image.height, image.width)
    if image.tile[0].args in SIXTEEN_BIT_COLOR:
        yield _upright(image, _sixteen_bit_color(image, PngImageFile(_rewound(file))))
    elif image.tile[0].args == SIXTEEN_BIT_ALPHA:
        yield _upright(image, _sixteen_bit_alpha(image))
    else:
        yield from _frames(image, request)


def read_jpeg(file: BinaryIO, request: Request) -> Iterator[Raster]:
    """Read a JPEG; of the pictures of a stereo or preview (MPO) file, the main one."""
    from PIL.JpegImagePlugin import JpegImageFile

    return _frames(JpegImageFile(file), request)


def read_gif(file: BinaryIO, request: Request) -> Iterator[Raster]:
    """Read a GIF or the frames of an animated one, each as it is shown."""
    from PIL.GifImagePlugin import GifImageFile

    return _frames(GifImageFile(file), request)


def read_bmp(file: BinaryIO, request: Request) -> Iterator[Raster]:
    """Read a Windows bitmap."""
    from PIL.BmpImagePlugin import BmpImageFile

    return _frames(BmpImageFile(file), request)


def read_webp(file: BinaryIO, request: Request) -> Iterator[Raster]:
    """Read a WebP or the frames of an animated one."""
    from PIL.WebPImagePlugin import WebPImageFile

    return _frames(WebPImageFile(file), request)


def read_bitmap(file: BinaryIO, request: Request) -> Iterator[Raster]:
    """Read a PBM: one bit a pixel, as 0 and 255."""
    from PIL.PpmImagePlugin import PpmImageFile

    return _frames(PpmImageFile(file), request)


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
