"""What every picture starts from: a checked stack of equally sized tiles, (n, h, w) or (n, h, w, c)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgnmf.errors import DataError, NoImagesError, ShapeMismatchError
from imgnmf.validation import as_array

__all__ = [
    "Array",
    "as_pictures",
    "as_stack",
    "bands_note",
    "check_finite",
    "default_columns",
    "per_tile",
    "refuse_negative",
    "shrunk",
]

Array = NDArray[Any]


def as_stack(stack: ArrayLike, name: str = "stack") -> Array:
    """Return `stack` as an array of finite numbers with a leading axis of at least one tile."""
    # A set of images stands for its pixels.
    tiles = as_array(getattr(stack, "pixels", stack), name)
    if tiles.dtype == bool:
        tiles = tiles.astype(np.uint8) * np.uint8(255)
    if tiles.dtype.kind not in "uif":
        raise DataError(
            f"{name} must hold real numbers, got dtype {tiles.dtype}; convert it to float or uint8, and turn a "
            "fit into images by images.stack(fit.W) or images.stack(fit.reconstruct())"
        )
    if tiles.ndim not in (3, 4):
        raise ShapeMismatchError(
            f"{name} must have shape (n, h, w) or (n, h, w, c), got {tiles.shape}; "
            "turn columns into images with ImageSet.stack(W), or one image into a stack with image[None]"
        )
    if tiles.size == 0:
        raise NoImagesError(f"{name} has no pixels: its shape is {tiles.shape}; give at least one image")
    check_finite(tiles, name)
    return tiles


def check_finite(values: Array, name: str) -> None:
    """Raise DataError, naming the first offender, unless all `values` are finite."""
    good = np.isfinite(values)
    if not good.all():
        first = tuple(int(i) for i in np.argwhere(~good)[0])
        count = int(values.size - np.count_nonzero(good))
        raise DataError(
            f"{name} must be finite, found {count} NaN or infinite values, the first at index {first}; "
            "replace them, or leave those images out"
        )


def refuse_negative(values: Array, name: str) -> None:
    """Raise DataError if any of `values` is below zero: zero is an end of every grey scale here."""
    lowest = values.min()
    if lowest < 0:
        raise DataError(
            f"{name} must be >= 0, found {lowest:.3g}; parts and coefficients of an NMF are never negative. "
            "For differences show their absolute value"
        )


def as_pictures(stack: ArrayLike, name: str = "stack") -> Array:
    """Return `stack` as tiles that a screen can show: grey ``(n, h, w)`` or red-green-blue ``(n, h, w, 3)``.

    A cube with any other number of channels becomes the mean over them.
    """
    tiles = as_stack(stack, name)
    if tiles.ndim == 4 and tiles.shape[3] != 3:
        return tiles.mean(axis=3) if tiles.shape[3] > 1 else tiles[..., 0]
    return tiles


def bands_note(stack: ArrayLike) -> str:
    """Return what the small print says of a cube that `as_pictures` averages; nothing of other pictures."""
    shape = np.shape(stack)
    return f";  shown: the mean of {shape[-1]} bands" if shape[3:] and shape[3] not in (1, 3) else ""


def per_tile(values: Array, tiles: Array) -> Array:
    """Shape one value a tile so that it broadcasts against `tiles`."""
    return values.reshape(-1, *(1,) * (tiles.ndim - 1))


def default_columns(n_tiles: int, aspect: float = 1.0) -> int:
    """Return how many columns make `n_tiles` tiles of this height / width roughly square, rows about even."""
    columns = min(n_tiles, max(1, math.ceil(math.sqrt(n_tiles * aspect) - 1e-9)))
    rows = math.ceil(n_tiles / columns)
    return math.ceil(n_tiles / rows)


def shrunk(tiles: Array, longest_side: int) -> Array:
    """Average blocks of pixels until no side of a tile is longer than this."""
    # Averaging pixels commutes with the product of the factors: small parts still add up to small images.
    factor = math.ceil(max(tiles.shape[1:3]) / longest_side)
    if factor == 1:
        return tiles
    down, across = min(factor, tiles.shape[1]), min(factor, tiles.shape[2])
    rows, columns = tiles.shape[1] // down, tiles.shape[2] // across
    cropped = tiles[:, : rows * down, : columns * across]
    blocks = cropped.reshape(len(tiles), rows, down, columns, across, *tiles.shape[3:])
    small: Array = blocks.mean(axis=(2, 4))
    return small
