"""Which entries of V count: weights, missing values, and what was never seen at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.core.blocks import block_spans
from imgnmf.core.check import checked_choice
from imgnmf.core.columns import changed, is_elsewhere, order_of
from imgnmf.core.parts import Array
from imgnmf.core.sparse import is_sparse, is_stored_only, seen_along, stored_values, usable_stored
from imgnmf.errors import DataError, DataWarning, IncompatibleError, ShapeMismatchError, tell
from imgnmf.validation import as_array

__all__ = ["only_seen", "skip_empty", "usable", "usable_new", "weight_scale"]


def usable(V: Any, weights: Any, missing: str, negative: str) -> tuple[Any, Array | None]:
    """V with something finite in every entry that does not count, and the weights, their largest 1, or None."""
    masking = checked_choice("missing", missing, ("error", "mask")) == "mask"
    if is_sparse(V):
        V, found = usable_stored(V, weights, missing, checked_choice("negative", negative, ("error", "clip")))
        if found is not None and len(stored_values(V)):
            _tell_unseen(found)
        return V, found
    found = None if weights is None else _as_weights(weights, V.shape)
    found = _without_nan(V, found) if masking else found
    if found is not None:
        _tell_unseen(found)
        V = _filled(V, found)
    if checked_choice("negative", negative, ("error", "clip")) == "clip":
        V = changed(V, lambda _, block: np.maximum(block, 0)) if is_elsewhere(V) else np.maximum(V, 0)
    return V, found


def usable_new(V: Any, weights: Any, missing: str, scale: float = 1.0) -> tuple[Any, Array | None]:
    """As `usable` for images that are encoded: weights are divided by `scale`, and fillings stay within their image."""
    masking = checked_choice("missing", missing, ("error", "mask")) == "mask"
    if is_sparse(V):
        V, found = usable_stored(V, weights, missing)
        if found is not None:
            _tell_unseen(found, UNSEEN_NEW)
        return V, found
    found = None if weights is None else _checked_weights(weights, V.shape) / scale
    found = _without_nan(V, found) if masking else found
    if found is None:
        return V, None
    _tell_unseen(found, UNSEEN_NEW)
    found = np.broadcast_to(found, V.shape)
    return _where_seen(V, found, np.zeros((V.shape[0], 1), V.dtype)), found


def _without_nan(V: Any, weights: Array | None) -> Array | None:
    """The weights, with 0 where V is NaN."""
    if V.dtype.kind == "f" and is_elsewhere(V):
        raise IncompatibleError(
            "missing='mask' keeps a weight for every entry in memory, and V is read from where it lies: give weights "
            "that are 0 where nothing was seen, of shape (n_pixels, 1) or (1, n_images) if that will do"
        )
    if V.dtype.kind != "f" or not np.isnan(V).any():
        return weights
    present = ~np.isnan(V)
    return present.astype(np.float32) if weights is None else np.where(present, weights, 0)


def only_seen(factor: Array, weights: Array | None, axis: int) -> Array:
    """`factor`, its columns zero where the pixel (axis 1) or the image (axis 0) was never seen."""
    return factor if weights is None else np.where(seen_along(weights, axis), factor, 0).astype(factor.dtype)


def _as_weights(weights: Any, shape: tuple[int, ...]) -> Array:
    array = _checked_weights(weights, shape)
    if not array.any():
        raise DataError("weights are zero everywhere, so nothing was seen; give some entries a weight above 0")
    return np.broadcast_to(array / array.max(), shape)


def skip_empty(V: Any, weights: Array | None) -> Array | None:
    """Return the weights with 0 in the rows and columns where V is all zero, for losses that lift zeros to a floor.

    Lifted, such a row would be data that a loss without a scale must fit as closely as any other.

    >>> skip_empty(np.array([[1.0, 2.0], [0.0, 0.0]]), None)
    array([[ True,  True],
           [False, False]])
    """
    if is_sparse(V):
        return weights
    rows, columns = np.zeros(V.shape[0], bool), np.zeros(V.shape[1], bool)
    for span in block_spans(*V.shape):
        positive = np.asarray(V[:, span]) != 0
        rows |= positive.any(axis=1)
        columns[span] = positive.any(axis=0)
    if rows.all() and columns.all():
        return weights
    # Weights that repeat take no memory.
    if columns.all():
        some = np.broadcast_to(rows[:, None], V.shape)
    elif rows.all():
        some = np.broadcast_to(columns, V.shape)
    else:
        some = rows[:, None] & columns
    return some if weights is None else np.where(some, weights, 0)


def weight_scale(weights: Any) -> float:
    """Return what the weights of a fit, which `usable` has checked, were divided by: the largest of them.

    >>> weight_scale(np.array([[1.0, 4.0]])), weight_scale(None)
    (4.0, 1.0)
    """
    return 1.0 if weights is None or is_stored_only(weights) else float(np.max(weights))


def _checked_weights(weights: Any, shape: tuple[int, ...]) -> Array:
    if is_stored_only(weights):
        raise IncompatibleError("weights='stored' asks for a sparse V, and this one is an array: all of it is stored")
    array = as_array(weights, "weights")
    if array.ndim != 2 or any(w not in (1, n) for w, n in zip(array.shape, shape, strict=True)):
        raise ShapeMismatchError(
            f"weights must have shape {shape}, or (n_pixels, 1) = ({shape[0]}, 1), or (1, n_images) = (1, {shape[1]}); "
            f"got {array.shape}"
        )
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all() or array.min() < 0:
        raise DataError("weights must be finite and non-negative; 0 says that an entry was not seen")
    return array


def _filled(V: Any, weights: Array) -> Any:
    """V where it counts, elsewhere each pixel's mean over the images that show it: a neutral start."""
    spans = block_spans(*V.shape)
    count = np.maximum(sum((weights[:, span] > 0).sum(axis=1, keepdims=True) for span in spans), 1)
    mean = np.zeros((V.shape[0], 1))
    for span in spans:
        # Divided first, so that the sum of large numbers stays in range.
        mean += (np.where(weights[:, span] > 0, V[:, span], 0) / count).sum(axis=1, keepdims=True)
    return _where_seen(V, weights, mean.astype(V.dtype))


def _where_seen(V: Any, weights: Array, other: Array) -> Any:
    """V where it was seen, elsewhere what each pixel is to be."""
    if is_elsewhere(V):
        return changed(V, lambda span, block: np.where(weights[:, span] > 0, block, other))
    return np.asarray(np.where(weights > 0, V, other), order=order_of(V))


UNSEEN_NEW = (("image", 0, "its coefficients are 0"),)
UNSEEN = (*UNSEEN_NEW, ("pixel", 1, "it is 0 in every part"))


def _tell_unseen(weights: Array, kinds: tuple[tuple[str, int, str], ...] = UNSEEN) -> None:
    for what, axis, result in kinds:
        unseen = np.flatnonzero(~seen_along(weights, axis))
        if len(unseen):
            listed = ", ".join(map(str, unseen[:5])) + (", ..." if len(unseen) > 5 else "")
            tell(f"{len(unseen)} {what}(s) without a seen entry ({listed}): {result}", DataWarning)
