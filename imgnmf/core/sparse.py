"""V with few entries stored, as `scipy.sparse` keeps it: nothing here is ever of the size of V.

Kept as CSC, so that a block of columns lies in one piece. Products with a factor cost as many steps as there are stored
entries; Kullback-Leibler needs ``W H`` at those alone, since elsewhere ``v = 0`` leaves its sum, which the factors
know. An entry that is not stored is a 0 that was seen; with ``weights="stored"`` it was not seen, as in a table of
ratings, and a stored 0 is one that was. Weights are then a matrix of ones at the stored entries.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from imgnmf.core.kernels import stored_products
from imgnmf.core.parts import Array, gram_of, inner
from imgnmf.errors import DataError, IncompatibleError, ShapeMismatchError
from imgnmf.validation import plain_numbers

__all__ = [
    "as_stored",
    "checked_indices",
    "column_squares",
    "is_sparse",
    "is_stored_only",
    "model_at",
    "refuse_unfit",
    "seen_along",
    "some_columns",
    "spans_of",
    "squares_of",
    "stored_divergence",
    "stored_squares",
    "stored_values",
    "times",
    "usable_stored",
    "with_values",
]

FITTING_LOSSES = ("frobenius", "kullback-leibler")
# A block costs a sum of the size of a factor, which this many entries in each row of it must be worth.
ENTRIES_PER_ROW, FEWEST_ENTRIES, MOST_BLOCKS = 16, 1 << 16, 8


def is_sparse(V: Any) -> bool:
    """Whether `V` is a matrix or an array of `scipy.sparse`, seen without importing it.

    >>> is_sparse(np.eye(2))
    False
    """
    return hasattr(V, "tocsc") and hasattr(V, "nnz")


def stored_values(V: Any) -> Array:
    """What `V` stores: its entries, or of a dense V all of it."""
    return np.asarray(V.data if is_sparse(V) else V)


def as_stored(V: Any) -> Any:
    """`V` as a CSC array of real numbers, duplicates summed; the caller's matrix is not touched.

    Raises
    ------
    DataError
        If it is no matrix of real numbers, or empty.
    """
    from scipy.sparse import csc_array

    if V.ndim != 2:
        raise ShapeMismatchError(f"V must be a matrix (n_pixels, n_images), one image a column; got shape {V.shape}")
    if V.dtype.kind not in "biuf":
        raise DataError(f"V must hold real numbers, got dtype {V.dtype}")
    if 0 in V.shape:
        raise DataError(f"V must have at least one pixel and one image, got shape {V.shape}")
    whole = checked_indices(V, "V")
    compressed = whole.tocsc()
    stored = csc_array(compressed, copy=compressed is whole and not whole.has_canonical_format)
    stored.sum_duplicates()
    if stored.dtype.kind == "b":
        return stored.astype(np.uint8)
    values = plain_numbers(stored.data, "V")
    return stored if values is stored.data else with_values(stored, values)


def checked_indices(V: Any, name: str) -> Any:
    """Return a sparse `V` with its own attributes, all its indices within its shape; its arrays are not copied.

    SciPy's constructors do not look at every index, and conversions and products write or read where an index points.

    Raises
    ------
    DataError
        If an index, or the pointers to them, cannot be.

    Examples
    --------
    >>> from scipy.sparse import csc_array
    >>> checked_indices(csc_array(([1.0], [7], [0, 1]), shape=(2, 1)), "V")
    Traceback (most recent call last):
    imgnmf.errors.DataError: V is a sparse matrix that contradicts itself: indices must be < 2; build it anew
    """
    try:
        if V.format in ("csc", "csr", "bsr"):
            # The check replaces attributes, which shall not be the caller's.
            whole = type(V)((V.data, V.indices, V.indptr), shape=V.shape)
            whole.check_format(full_check=True)
            return whole
        # The other formats come to coordinates without following an index.
        whole = V.tocoo()
        for axis, places in enumerate(whole.coords):
            if len(places) and (places.min() < 0 or places.max() >= V.shape[axis]):
                outside = places.min() if places.min() < 0 else places.max()
                raise ValueError(f"index {outside} along axis {axis} of length {V.shape[axis]}")
    except (ValueError, TypeError, IndexError) as error:
        reason = str(error).rstrip(".")
        raise DataError(f"{name} is a sparse matrix that contradicts itself: {reason}; build it anew") from error
    return whole


def is_stored_only(weights: Any) -> bool:
    """Whether `weights` says that only stored entries were seen.

    >>> is_stored_only("stored"), is_stored_only(None)
    (True, False)
    """
    return isinstance(weights, str) and weights == "stored"


def usable_stored(V: Any, weights: Any, missing: str, negative: str = "error") -> tuple[Any, Any]:
    """`V` and its weights or None, once nothing is asked that would need all entries; negative ones clipped if asked.

    The weights are ones at the stored entries.
    """
    if weights is not None and not is_stored_only(weights):
        raise IncompatibleError(
            "weights and a sparse V exclude each other: an entry that is not stored is a seen 0. "
            "Leave weights out, pass weights='stored' if only the stored entries were seen, or pass V.toarray()"
        )
    if missing == "mask" and np.isnan(V.data).any():
        raise IncompatibleError("missing='mask' and a sparse V with NaN exclude each other; pass V.toarray()")
    V = with_values(V, np.maximum(V.data, 0)) if negative == "clip" else V
    return V, None if weights is None else with_values(V, np.ones(V.nnz, np.float32))


def seen_along(weights: Any, axis: int) -> Array:
    """Which images (axis 0) or pixels (axis 1) have an entry with a weight above 0.

    >>> seen_along(np.array([[1, 0], [1, 0]]), 0)
    array([ True, False])
    """
    if not is_sparse(weights):
        # Weights that repeat are looked at once.
        rows, columns = (slice(None) if stride else slice(1) for stride in weights.strides)
        return np.broadcast_to((weights[rows, columns] > 0).any(axis=axis), weights.shape[1 - axis])
    if axis == 0:
        return np.asarray(np.diff(weights.indptr) > 0)
    return np.asarray(np.bincount(weights.indices, minlength=weights.shape[0]) > 0)


def refuse_unfit(V: Any, loss: Any) -> None:
    """Raise where `loss` would have to see the entries that a sparse V does not store."""
    if is_sparse(V) and loss.name not in FITTING_LOSSES:
        raise IncompatibleError(
            f"the loss {loss.name!r} looks at every entry, and V is sparse: use loss='frobenius' or "
            "loss='kullback-leibler', or pass V.toarray() if it fits in memory"
        )


def with_values(V: Any, values: Array) -> Any:
    """A matrix with other values at the entries that `V` stores."""
    return type(V)((values, V.indices, V.indptr), shape=V.shape)


def some_columns(V: Any, span: slice) -> Any:
    """The columns of `span`; cheaper than indexing where they lie side by side."""
    first, stop, step = span.indices(V.shape[1])
    if step != 1:
        return V[:, span]
    begin, end = V.indptr[first], V.indptr[stop]
    edges = V.indptr[first : stop + 1] - begin
    return type(V)((V.data[begin:end], V.indices[begin:end], edges), shape=(V.shape[0], stop - first))


def spans_of(V: Any) -> tuple[slice, ...]:
    """Spans of columns for a pass: few, by the shape and the number of stored entries alone."""
    worth = max(ENTRIES_PER_ROW * V.shape[0], FEWEST_ENTRIES)
    n_blocks = int(np.clip(V.nnz // worth, 1, min(MOST_BLOCKS, V.shape[1])))
    edges = [V.shape[1] * i // n_blocks for i in range(n_blocks + 1)]
    return tuple(slice(a, b) for a, b in pairwise(edges))


def times(dense: Array, V: Any) -> Array:
    """``dense @ V``; of a sparse V too an array in C order, as the kernels want it."""
    return np.ascontiguousarray((V.T @ np.ascontiguousarray(dense.T)).T) if is_sparse(V) else np.asarray(dense @ V)


def model_at(V: Any, fixed: Array, moving: Array) -> Array:
    """``fixed.T @ moving`` at the entries that `V` stores, in their order; `V` is CSC or its transpose.

    >>> from scipy.sparse import csc_array
    >>> model_at(csc_array([[0, 1], [1, 0]]), np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
    array([6., 4.])
    """
    along, across = (moving, fixed) if V.format == "csc" else (fixed, moving)
    return stored_products(V.indptr, V.indices, np.ascontiguousarray(along.T), np.ascontiguousarray(across.T))


def squares_of(V: Any) -> float:
    """The sum of squares of the stored entries, in float64."""
    wide = V.data.astype(np.float64)
    return float(wide @ wide)


def column_squares(V: Any) -> Array:
    """`squares_of` for each column."""
    return np.asarray(with_values(V, V.data.astype(np.float64) ** 2).sum(axis=0))


def stored_squares(V: Any, model: Array, fixed: Array, moving: Array, *, only: bool = False) -> float:
    """``|V - fixed.T @ moving|^2 = |V|^2 - 2 <V, model> + <F F', M M'>``, `model` being that of `model_at`.

    With `only`, of the stored entries alone.
    """
    if only:
        gap = np.subtract(V.data, model, dtype=np.float64)
        return float(gap @ gap)
    explained = float(np.einsum("i,i->", V.data, model, dtype=np.float64))
    return max(squares_of(V) - 2 * explained + inner(gram_of(fixed), gram_of(moving)), 0.0)


def stored_divergence(V: Any, model: Array, fixed: Array, moving: Array, *, only: bool = False) -> Array:
    """Kullback-Leibler of every image: ``sum v log(v / y) - v`` where v is stored, and the sum of all y.

    `V` is CSC, and `model` that of `model_at`. With `only`, y is summed where v is stored.
    """
    tiny, wide = np.finfo(model.dtype).tiny, V.data.astype(np.float64)
    entries = wide * np.log(np.maximum(V.data / np.maximum(model, tiny), tiny)) - wide
    entries = entries + model if only else entries
    sums = np.asarray(with_values(V, entries).sum(axis=0 if V.format == "csc" else 1))
    if only:
        return sums
    level = fixed if V.format == "csc" else moving
    other = moving if V.format == "csc" else fixed
    return np.asarray(sums + level.sum(axis=1, dtype=np.float64) @ other)
