"""Checks of what the user hands in: each message says what was expected, what was found, what to do."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from imgnmf.core.parts import Array
from imgnmf.core.sparse import as_stored, is_sparse
from imgnmf.errors import DataError, DataWarning, ParameterError, ShapeMismatchError

__all__ = ["as_matrix", "checked_choice", "checked_count", "checked_rank", "checked_values"]


def as_matrix(V: Any) -> Array:
    """`V` as a two-dimensional array of real numbers, without a copy where it is one."""
    if is_sparse(V):
        return as_stored(V)  # type: ignore[no-any-return]
    array = np.asarray(V)
    if array.ndim != 2:
        raise ShapeMismatchError(
            f"V must be a matrix (n_pixels, n_images), one image a column; got shape {array.shape}. "
            "An ImageSet gives it as images.V"
        )
    if array.dtype.kind not in "biuf":
        raise DataError(f"V must hold real numbers, got dtype {array.dtype}")
    if 0 in array.shape:
        raise DataError(f"V must have at least one pixel and one image, got shape {array.shape}")
    return array.astype(np.uint8) if array.dtype.kind == "b" else array


def checked_values(V: Array) -> float:
    """The largest value of `V`, once all of them are seen to be finite and non-negative."""
    if is_sparse(V):
        return _checked_stored(V)
    if V.dtype.kind == "u":
        return float(V.max())
    largest, smallest = float(V.max()), float(V.min())
    if not np.isfinite(largest) or not np.isfinite(smallest):
        raise DataError(
            _first_bad(
                V,
                ~np.isfinite(V),
                "non-finite (NaN or infinite)",
                "replace them, or pass missing='mask' to leave NaN out",
            )
        )
    if smallest < 0:
        raise DataError(_first_bad(V, V < 0, "negative", "shift the data, or pass negative='clip' to set them to 0"))
    return largest


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


def _first_bad(V: Array, bad: Array, kind: str, remedy: str) -> str:
    row, column = (int(i) for i in np.argwhere(bad)[0])
    return (
        f"V must be finite and non-negative; {int(bad.sum())} of {V.size} values are {kind}, "
        f"the first at (pixel {row}, image {column}): {V[row, column]}; {remedy}"
    )


def checked_rank(rank: Any, shape: tuple[int, int], *, beyond: bool) -> int:
    """`rank` as an int within ``1 .. min(n_pixels, n_images)``; above that only where `beyond` allows it."""
    bounds = f"1 <= rank <= min(n_pixels, n_images) = {min(shape)}"
    if isinstance(rank, bool) or not isinstance(rank, (int, np.integer)) or rank < 1:
        raise ParameterError(f"rank must be a whole number with {bounds}, got {rank!r}")
    if rank > min(shape):
        if not beyond:
            raise ParameterError(f"rank must be within {bounds}, got {rank}; lower it or use init='random'")
        warnings.warn(f"rank {rank} is above min(n_pixels, n_images) = {min(shape)}", DataWarning, stacklevel=4)
    return int(rank)


def checked_count(name: str, number: Any, least: int) -> int:
    """`number` as an int of at least `least`."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < least:
        raise ParameterError(f"{name} must be a whole number >= {least}, got {number!r}")
    return int(number)


def checked_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """`value`, once it is seen to be one of `choices`."""
    if value not in choices:
        raise ParameterError(f"{name} must be {' or '.join(map(repr, choices))}, got {value!r}")
    return value
