"""Colour and depth: one decoded picture to grey or RGB, and between the ranges of dtypes.

The full scale of an integer dtype is its largest value, of a float dtype 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "colourful",
    "common_depth",
    "full_scale",
    "on_white",
    "rescale",
    "rescale_back",
    "resize",
    "to_dtype",
    "to_grey",
    "to_rgb",
]

# ITU-R BT.601 luminance, 0.299 R + 0.587 G + 0.114 B, in units of 1/65536: Pillow's numbers and rounding.
LUMINANCE = (19595, 38470, 7471)


def full_scale(dtype: DTypeLike) -> float:
    """Return the value of white in `dtype`: an int if that is an integer dtype."""
    kind = np.dtype(dtype)
    return int(np.iinfo(kind).max) if kind.kind in "ui" else 1.0


def colourful(pixels: NDArray[Any]) -> bool:
    """Say whether a picture has colours to lose: grey ones that are stored as RGB have none.

    >>> colourful(np.full((2, 2, 3), 7)), colourful(np.arange(12).reshape(2, 2, 3))
    (False, True)
    """
    if pixels.ndim == 2 or pixels.shape[2] < 3:
        return False
    red, green, blue = (pixels[..., channel] for channel in range(3))
    return not (np.array_equal(red, green, equal_nan=True) and np.array_equal(green, blue, equal_nan=True))


def to_grey(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the ITU-R BT.601 luminance on white, shape (height, width), in the same dtype."""
    opaque = on_white(pixels)
    if opaque.ndim == 2:
        return opaque
    red, green, blue = (_widened(opaque[..., channel]) for channel in range(3))
    weighted = red * LUMINANCE[0] + green * LUMINANCE[1] + blue * LUMINANCE[2]
    if weighted.dtype == np.uint32:
        return to_dtype((weighted + 32768) >> 16, opaque.dtype)
    return to_dtype(weighted / 65536, opaque.dtype)


def to_rgb(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return shape (height, width, 3) on white, in the same dtype; grey is repeated."""
    opaque = on_white(pixels)
    return np.repeat(opaque[..., None], 3, axis=2) if opaque.ndim == 2 else opaque


def on_white(pixels: NDArray[Any]) -> NDArray[Any]:
    """Composite (grey, alpha) or (red, green, blue, alpha) on white; opaque pixels pass unchanged."""
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels
    wide = _widened(pixels)
    color, alpha = wide[..., :-1], wide[..., -1:]
    white: Any = full_scale(pixels.dtype)
    mixed: NDArray[Any] = color * alpha + white * (white - alpha)
    composite = (mixed + white // 2) // white if wide.dtype == np.uint32 else mixed / white
    return to_dtype(composite[..., 0] if pixels.shape[2] == 2 else composite, pixels.dtype)


def common_depth(first: DTypeLike, second: DTypeLike) -> np.dtype[Any]:
    """Return the dtype that holds the steps of both: the wider of two unsigned ones, else a float.

    >>> common_depth("uint8", "uint16"), common_depth("uint16", "float32")
    (dtype('uint16'), dtype('float32'))
    """
    one, other = np.dtype(first), np.dtype(second)
    if one == other:
        return one
    if one.kind == other.kind == "u":
        return max(one, other, key=lambda dtype: dtype.itemsize)
    return np.result_type(np.float32, one, other)


def rescale(pixels: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Bring pixels to a common depth so that full scale stays full scale.

    >>> rescale(np.array([0, 1, 255], np.uint8), np.uint16)
    array([    0,   257, 65535], dtype=uint16)
    """
    target = np.dtype(dtype)
    if pixels.dtype == target:
        return pixels
    scaled: NDArray[Any] = pixels.astype(target)
    if target.kind == "f":
        scaled /= full_scale(pixels.dtype)
    else:
        # Exact: 255 divides 65535, and that 2**32 - 1.
        scaled *= int(full_scale(target)) // int(full_scale(pixels.dtype))
    return scaled


def rescale_back(pixels: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Undo `rescale`, exactly.

    >>> rescale_back(rescale(np.array([0, 1, 255], np.uint8), np.float32), np.uint8)
    array([  0,   1, 255], dtype=uint8)
    """
    target = np.dtype(dtype)
    if target.kind == "f":
        return pixels.astype(target)
    if pixels.dtype.kind == "f":
        return to_dtype(pixels * full_scale(target), target)
    return (pixels // (int(full_scale(pixels.dtype)) // int(full_scale(target)))).astype(target)


def resize(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize (height, width[, 3]) in its own dtype, antialiased.

    The filter is a triangle as wide as the larger pixel. Its weights are not negative, so that no pixel
    leaves the range of the image, as the lobes of a bicubic or Lanczos filter let it.
    """
    if pixels.shape[:2] == size:
        return pixels
    if pixels.dtype == np.uint8:
        return _resized(pixels, size)
    planes = np.atleast_3d(pixels.astype(np.float32))
    resized = np.stack([_resized(plane, size) for plane in np.moveaxis(planes, 2, 0)], axis=-1)
    return to_dtype(resized[..., 0] if pixels.ndim == 2 else resized, pixels.dtype)


def _resized(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    from PIL import Image

    height, width = size
    picture = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def _widened(pixels: NDArray[Any]) -> NDArray[Any]:
    """Make room for a product: two 16-bit numbers fill 32 bits and never pass them; others get floats."""
    return pixels.astype(np.uint32 if pixels.dtype in (np.uint8, np.uint16) else np.float64)


def to_dtype(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return computed values in the dtype of the image, rounded where that has no fractions."""
    if dtype.kind not in "ui" or values.dtype.kind in "ui":
        return values.astype(dtype)
    bounds = np.iinfo(dtype)
    rounded: NDArray[Any] = np.rint(values).clip(bounds.min, bounds.max)
    return rounded.astype(dtype)
