"""Checks of what the user hands in: each message says what was expected, what was found, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imgnmf.core.blocks import Runner, block_spans
from imgnmf.core.columns import Columns, is_source
from imgnmf.core.parts import Array
from imgnmf.core.sparse import as_stored, is_sparse
from imgnmf.errors import DataError, DataWarning, ParameterError, ShapeMismatchError, tell
from imgnmf.validation import as_array, checked_choice, checked_count, unreadable

__all__ = [
    "LOWER_OR_RANDOM",
    "Figures",
    "Seen",
    "as_data",
    "as_matrix",
    "checked_choice",
    "checked_count",
    "checked_rank",
    "checked_values",
    "figures_of",
    "look_at",
    "look_over",
    "refuse_masked_blocks",
]


LOWER_OR_RANDOM = "lower it or use init='random'"  # what helps where there is a start to choose


def as_matrix(V: Any, missing: str = "error") -> Array:
    """Return `V` as a matrix of real numbers in memory, without a copy where it is one.

    The one door for V in memory: a mask is refused, or NaN with ``missing="mask"``; bytes come in native order, long
    double as float64; a sparse matrix is checked in full.
    """
    if is_sparse(V):
        return as_stored(V)  # type: ignore[no-any-return]
    if hasattr(V, "V") and not hasattr(V, "__array__"):
        raise ShapeMismatchError(f"V must be a matrix (n_pixels, n_images), got {type(V).__name__}: pass its .V")
    array = as_array(V, "V", missing=missing)
    _check_matrix(array)
    return array.astype(np.uint8) if array.dtype.kind == "b" else array


def as_data(V: Any, missing: str = "error") -> Any:
    """As `as_matrix`; but what gives columns on demand is never read as a whole, see `imgnmf.core.columns`."""
    if isinstance(V, (str, bytes)) or hasattr(V, "__fspath__"):
        raise DataError(f"V must be a matrix, got the path {str(V)!r}; open it: imgnmf.open_images({str(V)!r}).V")
    try:
        in_memory = is_sparse(V) or not is_source(V)
    except Exception as error:  # a dataset of a file that was closed does not even tell its dtype
        raise unreadable("V", V, error) from error
    if in_memory:
        return as_matrix(V, missing)
    _check_matrix(V)
    refuse_masked_blocks(V)
    return Columns(V)


def refuse_masked_blocks(V: Any) -> None:
    """Refuse a dask array whose blocks are masked arrays: it says so by `_meta`, an empty block."""
    if isinstance(getattr(V, "_meta", None), np.ma.MaskedArray):
        raise DataError(
            "V is a dask array of masked arrays, and the masks would be lost: pass dask.array.ma.filled(V, 0) if "
            "masked values are zeros, else weights= that are 0 there"
        )


def _check_matrix(V: Any) -> None:
    if len(V.shape) != 2:
        raise ShapeMismatchError(
            f"V must be a matrix (n_pixels, n_images), one image a column; got shape {V.shape}. "
            "An ImageSet gives it as images.V, imgnmf.open_images does for a store, and of one image it is v[:, None]"
        )
    if np.isnan(V.shape).any():  # of a dask array that does not know it
        raise ShapeMismatchError(f"V must have a known shape, got {V.shape}; call its compute_chunk_sizes() first")
    if V.dtype.kind not in "biuf":
        raise DataError(f"V must hold real numbers, got dtype {V.dtype}")
    if 0 in V.shape:
        raise DataError(f"V must have at least one pixel and one image, got shape {V.shape}")


@dataclass(frozen=True)
class Figures:
    """What one reading of V tells.

    Attributes
    ----------
    largest : float
        The largest value.
    exponent : int
        Of that value; the sums are those of ``V * 2**-exponent``, so that they stay in range.
    total, energy : float
        The sum, and the sum of squares.
    sample : array
        The positive values of every so-manieth image, if they were asked for.
    """

    largest: float
    exponent: int
    total: float
    energy: float
    sample: Array


@dataclass(frozen=True)
class _Bad:
    """Values that cannot be: how many, and the first of them by pixel and image."""

    count: int = 0
    place: tuple[int, int] = (0, 0)
    value: Any = None

    def __add__(self, other: _Bad) -> _Bad:
        if not (self.count and other.count):
            return other if other.count else self
        return replace(min(self, other, key=lambda bad: bad.place), count=self.count + other.count)


@dataclass(frozen=True)
class Seen:
    """What one block told; `total` and `energy` are in the unit of its own largest value."""

    largest: float
    exponent: int
    total: float
    energy: float
    sample: Array
    unfinite: _Bad
    negative: _Bad


def checked_values(V: Any) -> float:
    """The largest value of `V`, once all of them are seen to be finite and non-negative."""
    return _checked_stored(V) if is_sparse(V) else look_over(V, map, sums=False).largest


def look_over(V: Any, run: Runner[Any], *, sums: bool = True, every: int = 0) -> Figures:
    """Read `V` once, block by block: refuse what is not finite or negative, and add up the rest.

    With `every`, the positive values of each image whose number it divides are kept.
    """
    if is_sparse(V):
        return Figures(_checked_stored(V), 0, np.nan, np.nan, V.data[V.data > 0])
    blocks = list(run(lambda span: look_at(V[:, span], span.start, sums, every), block_spans(*V.shape)))
    return figures_of(blocks, V.shape)


def figures_of(blocks: Sequence[Seen], shape: tuple[int, int]) -> Figures:
    """What all blocks of a V of this shape tell together; refuses what is not finite or negative."""
    for kind, remedy, bad in (
        (
            "non-finite (NaN or infinite)",
            "replace them, or set them to NaN and pass missing='mask' to leave them out",
            sum((block.unfinite for block in blocks), _Bad()),
        ),
        (
            "negative",
            "shift the data, or pass negative='clip' to set them to 0",
            sum((block.negative for block in blocks), _Bad()),
        ),
    ):
        if bad.count:
            refused = DataError(
                f"V must be finite and non-negative; {bad.count} of {shape[0] * shape[1]} values are {kind}, "
                f"the first at (pixel {bad.place[0]}, image {bad.place[1]}): {bad.value}; {remedy}"
            )
            refused.place = bad.place
            raise refused
    largest = max(block.largest for block in blocks)
    exponent = int(np.frexp(largest)[1])
    total = sum(float(np.ldexp(block.total, block.exponent - exponent)) for block in blocks)
    energy = sum(float(np.ldexp(block.energy, 2 * (block.exponent - exponent))) for block in blocks)
    return Figures(largest, exponent, total, energy, np.concatenate([block.sample for block in blocks]))


def look_at(block: Array, first: int, sums: bool, every: int) -> Seen:
    """Look at one block, whose first image has this number."""
    largest, smallest = float(block.max()), 0.0 if block.dtype.kind == "u" else float(block.min())
    nothing = block[:, :0].ravel()
    if not (np.isfinite(largest) and np.isfinite(smallest) and smallest >= 0):
        bad = _bad_in(block, ~np.isfinite(block), first), _bad_in(block, block < 0, first)
        return Seen(0.0, 0, 0.0, 0.0, nothing, *bad)
    exponent = int(np.frexp(largest)[1])
    total = energy = 0.0
    if sums:
        # In one piece whatever it was cut from, so that the sums are taken in the same order.
        exact = block.dtype.itemsize < 4 or block.dtype.kind == "f"
        block = block if exact else block.astype(np.float32)  # as the loop will see it
        wide = block.astype(np.float64, order="K").ravel(order="K")
        np.ldexp(wide, -exponent, out=wide)  # one copy of the block in float64, written over
        total, energy = float(wide.sum()), float(np.square(wide, out=wide).sum())
    sample = block[:, -first % every :: every].ravel(order="K") if every else nothing
    return Seen(largest, exponent, total, energy, sample[sample > 0], _Bad(), _Bad())


def _bad_in(block: Array, bad: Array, first: int) -> _Bad:
    if not bad.any():
        return _Bad()
    row, column = (int(i) for i in np.argwhere(bad)[0])
    return _Bad(int(bad.sum()), (row, first + column), block[row, column])


def _checked_stored(V: Any) -> float:
    for bad, kind in ((~np.isfinite(V.data), "non-finite (NaN or infinite)"), (V.data < 0, "negative")):
        if bad.any():
            first = int(bad.argmax())
            column = int(np.searchsorted(V.indptr, first, side="right")) - 1
            raise DataError(
                f"V must be finite and non-negative; {int(bad.sum())} of {V.nnz} stored values are {kind}, the first "
                f"at (pixel {int(V.indices[first])}, image {column}): {V.data[first]}; correct V.data"
            )
    return float(V.data.max(initial=0))


def checked_rank(rank: Any, shape: tuple[int, int], *, beyond: bool, remedy: str = "lower it") -> int:
    """`rank` as an int within ``1 .. min(n_pixels, n_images)``; above that only where `beyond` allows it."""
    bounds = f"1 <= rank <= min(n_pixels, n_images) = {min(shape)}"
    if isinstance(rank, bool) or not isinstance(rank, (int, np.integer)) or rank < 1:
        raise ParameterError(f"rank must be a whole number with {bounds}, got {rank!r}")
    if rank > min(shape):
        if not beyond:
            raise ParameterError(f"rank must be within {bounds}, got {rank}; {remedy}")
        tell(f"rank {rank} is above min(n_pixels, n_images) = {min(shape)}", DataWarning)
    return int(rank)
