"""Many tiles in one picture, pixel for pixel."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from imgnmf.errors import ParameterError
from imgnmf.validation import check_flag, checked_choice, checked_count, checked_number
from imgnmf.viz.stack import Array, as_stack, default_columns, per_tile, refuse_negative

__all__ = ["Scale", "montage", "scaled"]

Scale = Literal["shared", "per-tile"]


def montage(
    stack: ArrayLike,
    *,
    columns: int | None = None,
    padding: int = 1,
    scale: Scale | None = "shared",
    magnify: int = 1,
    gap: float = 0.5,
    white_is_zero: bool = False,
) -> Array:
    """Lay the tiles of a stack out in rows, left to right, top to bottom.

    ::

        +---+---+---+
        | 1 | 2 | 3 |
        +---+---+---+
        | 4 | 5 |gap|
        +---+---+---+

    Parameters
    ----------
    stack : array, shape (n, h, w) or (n, h, w, c)
        The tiles, >= 0.
    columns : int, optional
        Tiles in a row; by default what makes the picture roughly square.
    padding : int
        Pixels of gap between tiles and around them, in the result (not magnified).
    scale : {"shared", "per-tile"}, optional
        "shared" divides by the largest value of the stack, so that tiles compare; "per-tile" by the largest
        value of each, so that faint ones can be seen. Zero stays zero in both. None leaves the values as
        they are: uint8, or numbers already within 0..1.
    magnify : int
        Each pixel becomes a square of this side, without smoothing.
    gap : float, 0..1
        The grey between tiles and in unused places.
    white_is_zero : bool
        Show 0 as white and the largest value as black, as in print.

    Returns
    -------
    array, shape (rows * (h * magnify + padding) + padding, columns * (w * magnify + padding) + padding[, c])
        float32 in 0..1; uint8 when `stack` is uint8 and `scale` is None.

    Raises
    ------
    NoImagesError, ShapeMismatchError
        `stack` is empty, or not a stack of tiles.
    DataError
        Values are NaN, infinite, negative, or above 1 where no scale was asked for.
    ParameterError
        An option is out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> stack = np.array([[[1.0, 2.0]], [[4.0, 0.0]]])
    >>> montage(stack, columns=2, padding=1)
    array([[0.5 , 0.5 , 0.5 , 0.5 , 0.5 , 0.5 , 0.5 ],
           [0.5 , 0.25, 0.5 , 0.5 , 1.  , 0.  , 0.5 ],
           [0.5 , 0.5 , 0.5 , 0.5 , 0.5 , 0.5 , 0.5 ]], dtype=float32)
    """
    tiles = as_stack(stack)
    _check_options(columns, padding, magnify, gap)
    check_flag("white_is_zero", white_is_zero)
    shown = scaled(tiles, scale)
    largest = 255 if shown.dtype == np.uint8 else 1.0
    if white_is_zero:
        shown = largest - shown
    shown = shown.repeat(magnify, axis=1).repeat(magnify, axis=2)
    per_row = columns or default_columns(len(tiles), shown.shape[1] / shown.shape[2])
    return _tiled(shown, per_row, padding, fill=_rounded_to(shown.dtype, gap * largest))


def scaled(tiles: Array, scale: Scale | None) -> Array:
    """Return `tiles` as float32 in 0..1, or uint8 as it is when `scale` is None; zero stays zero."""
    refuse_negative(tiles, "stack")
    if scale is None:
        return _already_scaled(tiles)
    checked_choice("scale", scale, ("shared", "per-tile"))
    peaks = tiles.max(axis=tuple(range(1, tiles.ndim))).astype(np.float64)
    if scale == "shared":
        peaks[:] = peaks.max()
    # A tile of zeros has no scale of its own: it is shown as the zeros it holds.
    peaks[peaks == 0] = 1
    return (tiles / per_tile(peaks, tiles)).astype(np.float32)


def _already_scaled(tiles: Array) -> Array:
    if tiles.dtype == np.uint8:
        return tiles
    if tiles.max() > 1:
        raise ParameterError(
            f'scale=None needs uint8 or values within 0..1, found {tiles.max():.3g}; use scale="shared"'
        )
    return tiles.astype(np.float32)


def _check_options(columns: int | None, padding: int, magnify: int, gap: float) -> None:
    for name, value, lowest in (("columns", columns, 1), ("padding", padding, 0), ("magnify", magnify, 1)):
        if value is not None:
            checked_count(name, value, lowest)
    checked_number("gap", gap, "a gray between 0 and 1", least=0, most=1)


def _rounded_to(dtype: np.dtype[np.generic], value: float) -> float:
    return round(value) if dtype.kind == "u" else value


def _tiled(tiles: Array, columns: int, padding: int, fill: float) -> Array:
    from skimage.util import montage as lay_out

    rows = math.ceil(len(tiles) / columns)
    colour = tiles.ndim == 4
    picture: Array = lay_out(
        tiles,
        fill=[fill] * tiles.shape[3] if colour else fill,
        grid_shape=(rows, columns),
        padding_width=padding,
        channel_axis=3 if colour else None,
    )
    return picture
