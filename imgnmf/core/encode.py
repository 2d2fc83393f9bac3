"""Coefficients for given parts, exact for each image on its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, running, thread_count
from imgnmf.core.check import as_matrix, checked_values
from imgnmf.core.losses import Loss
from imgnmf.core.nnls import nonnegative_least_squares
from imgnmf.core.parts import Array
from imgnmf.core.penalties import Weight
from imgnmf.errors import IncompatibleError, ShapeMismatchError

__all__ = ["encode", "exact_coefficients"]


def encode(V_new: Any, W: Array, *, loss: Loss, threads: int | None = None) -> Array:
    """The best non-negative coefficients of each image for the parts `W`.

    Solves ``min_h |v - W h|^2, h >= 0`` for every column `v` of `V_new`, to the precision of float64, so that
    no image's answer depends on its neighbours.

    Parameters
    ----------
    V_new : array, shape (n_pixels, n_new), non-negative, in the unit that the parts were learned in
    W : array, shape (n_pixels, rank)
    loss : Loss
        Squared Frobenius.
    threads : int, optional
        None for one per processor; the result does not depend on it.

    Returns
    -------
    array, shape (rank, n_new), in the precision of `W`

    Raises
    ------
    ShapeMismatchError
        If `V_new` has another number of pixels than `W`.
    DataError
        If `V_new` holds NaN, infinite or negative values.

    Examples
    --------
    >>> from imgnmf.core.losses import Frobenius
    >>> encode(np.array([[2.0], [0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]), loss=Frobenius())
    array([[2.],
           [0.]])
    """
    V = as_matrix(V_new)
    if V.shape[0] != W.shape[0]:
        raise ShapeMismatchError(
            f"the parts have {W.shape[0]} pixels, the new images {V.shape[0]}; "
            "load the new images at the size that the model was fitted at"
        )
    if "quadratic" not in loss.offers:
        raise IncompatibleError(f"encode solves squared Frobenius problems, and the loss is {loss.name!r}")
    exponent_V, exponent_W = (int(np.frexp(largest)[1]) for largest in (checked_values(V), W.max(initial=0)))
    with running(thread_count(threads)) as run:
        blocks = ColumnBlocks(V, np.dtype(np.float64), exponent_V)
        H = exact_coefficients(np.ldexp(W.T.astype(np.float64), -exponent_W), blocks, Weight(), run)
    return np.ldexp(H, exponent_V - exponent_W).astype(W.dtype, copy=False)


def exact_coefficients(W: Array, blocks: ColumnBlocks, penalty: Weight, run: Runner[Array]) -> Array:
    """The minimiser of squared Frobenius loss plus penalty over H for k-major parts `W`, solved in float64."""
    wide, W = replace(blocks, dtype=np.dtype(np.float64)), W.astype(np.float64)
    gram = W @ W.T + penalty.l2 * np.eye(len(W))

    def visit(span: slice) -> Array:
        exact = nonnegative_least_squares(gram, W @ wide.load(span) - penalty.l1)
        return exact.astype(blocks.dtype)

    return np.concatenate(list(run(visit, wide.thin_spans)), axis=1)
