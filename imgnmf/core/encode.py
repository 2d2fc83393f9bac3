"""Coefficients for given parts, exact for each image on its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, running, thread_count
from imgnmf.core.check import as_data, checked_values
from imgnmf.core.constraints import Constraint, constrained_step
from imgnmf.core.descent import own_minimisers
from imgnmf.core.interrupts import interruptible
from imgnmf.core.losses import BetaDivergence, Frobenius, Loss, model_of, pair_products
from imgnmf.core.nnls import nonnegative_least_squares, own_least_squares
from imgnmf.core.parts import Array
from imgnmf.core.penalties import NO_PENALTY, Weight
from imgnmf.core.robust import Huber, Robust
from imgnmf.core.seen import only_seen, skip_empty, usable_new
from imgnmf.core.sparse import is_sparse, refuse_unfit, times
from imgnmf.core.units import power_of_two, times_power_of_two
from imgnmf.errors import DataError, IncompatibleError, ShapeMismatchError

__all__ = ["encodable", "encode", "exact_coefficients"]


REWEIGHTINGS, CONSTRAINED_STEPS, SETTLED = 300, 2000, 1e-9


@interruptible()
def encode(
    V_new: Any,
    W: Array,
    *,
    loss: Loss,
    weights: Any = None,
    missing: Literal["error", "mask"] = "error",
    penalty: Weight = NO_PENALTY,
    constraint: Constraint | None = None,
    floor: float = 0.0,
    weight_scale: float = 1.0,
    threads: int | None = None,
) -> Array:
    """The best non-negative coefficients of each image for the parts `W`.

    Solves ``min_h loss(v, W h) + penalty(h), h >= 0`` for every column `v` of `V_new` in float64, so that no image's
    answer depends on its neighbours: squared Frobenius by block pivoting (Kim & Park 2011, alg. 2), also with weights,
    until the KKT conditions hold to 1e-10 of the image's largest product with a part; the other losses of the beta
    family by projected Newton steps, until the next must be expected to gain less than 1e-15 of the image. Outside
    ``1 <= beta <= 2`` the problem is not convex and the answer a local minimum.

    Parameters
    ----------
    V_new : array, shape (n_pixels, n_new), non-negative, in the unit that the parts were learned in
    W : array, shape (n_pixels, rank)
    loss : Loss
    weights : array, shape (n_pixels, n_new), (n_pixels, 1) or (1, n_new), non-negative, or "stored", optional
        How much each entry counts; 0 = not seen, 1 = as in a fit. Of a sparse `V_new`, "stored": what is not, was not
        seen.
    missing : {"error", "mask"}
        Refuse NaN, or give it weight 0.
    penalty : Weight
        On the coefficients, in the unit of `V_new`; a fit has its own as `penalty_H`.
    constraint : Constraint, optional
        A set that the coefficients must stay in; a fit has its own as `constraint_H`.
    floor : float
        What `V_new` is lifted to; a fit has its own.
    weight_scale : float
        What `weights` are divided by; a fit has its own.
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
    Interrupted
        At Ctrl-C; its `best` is None.

    Warns
    -----
    DataWarning
        If no entry of an image was seen: its coefficients are 0.

    Examples
    --------
    >>> from imgnmf.core.losses import Frobenius
    >>> encode(np.array([[2.0], [0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]), loss=Frobenius())
    array([[2.],
           [0.]])
    """
    V = as_data(V_new, missing)
    if V.shape[0] != W.shape[0]:
        raise ShapeMismatchError(
            f"the parts have {W.shape[0]} pixels, the new images {V.shape[0]}; "
            "load the new images at the size that the model was fitted at"
        )
    if not encodable(loss):
        raise IncompatibleError(f"encode knows imgnmf's own losses, and the loss is {loss.name!r}")
    refuse_unfit(V, loss)
    V, seen = usable_new(V, weights, missing, weight_scale)
    if loss.floor:
        # An image of zeros has no parts, and a pixel that no part shows tells nothing of the coefficients.
        seen = skip_empty(V, seen)
        shown = W.any(axis=1, keepdims=True)
        if not np.all(shown):
            seen = np.broadcast_to(shown, V.shape) if seen is None else np.where(shown, seen, 0)
    # What is below the floor counts as much as the floor does.
    exponent_V = int(np.frexp(max(checked_values(V), floor))[1])
    # Parts that a penalty emptied stay small: scaled to a maximum of 1, they would make the penalty infinite.
    smallest = exponent_V + penalty.smallest_factor(-loss.beta * exponent_V)
    exponent_W = int(np.ceil(max(np.frexp(W.max(initial=0))[1], smallest)))
    scaled = penalty.in_unit(-loss.beta * exponent_V, exponent_W - exponent_V)
    if isinstance(loss, Huber):
        loss = loss.in_unit(-exponent_V)
    with running(thread_count(threads)) as run:
        blocks = ColumnBlocks(V, np.dtype(np.float64), exponent_V, times_power_of_two(floor, -exponent_V), seen)
        parts = np.ldexp(W.T.astype(np.float64), -exponent_W)
        inside = None if constraint is None else constraint.in_unit(power_of_two(exponent_W - exponent_V))
        H = exact_coefficients(parts, blocks, loss, scaled, run, inside)
    H = only_seen(H, seen, 0)
    H = np.ldexp(H, exponent_V - exponent_W)
    if H.max(initial=0) > np.finfo(W.dtype).max:
        raise DataError(
            f"the coefficients must be numbers that {W.dtype}, the precision of the parts, can hold, and V_new is too "
            "large beside the parts; divide V_new by a number"
        )
    return H.astype(W.dtype, copy=False)


def encodable(loss: Loss) -> bool:
    """Whether `encode` has a way to the minimum of this loss: it has for those of the package.

    >>> from imgnmf.core.losses import Frobenius
    >>> encodable(Frobenius())
    True
    """
    return isinstance(loss, (Frobenius, BetaDivergence, *Robust))


def exact_coefficients(
    W: Array,
    blocks: ColumnBlocks,
    loss: Loss,
    penalty: Weight,
    run: Runner[Any],
    constraint: Constraint | None = None,
) -> Array:
    """The minimiser of loss plus penalty over H for k-major parts `W`, solved in float64."""
    wide, W = replace(blocks, dtype=np.dtype(np.float64)), W.astype(np.float64)
    gram = W @ W.T

    H = np.empty((len(W), blocks.shape[1]), blocks.dtype)

    def visit(span: slice) -> None:
        V_b, M_b = wide.load(span), wide.load_weights(span)
        if constraint is not None:
            exact = _constrained(loss, W, V_b, M_b, penalty, constraint)
        elif isinstance(loss, BetaDivergence):
            exact = own_minimisers(loss, V_b, W, weights=M_b, penalty=penalty)
        elif isinstance(loss, Huber):
            exact = _reweighted(loss, gram, W, V_b, M_b, penalty)
        else:
            exact = _least_squares(gram, W, V_b, M_b, penalty)
        H[:, span] = exact

    for _ in run(visit, wide.thin_spans):
        pass
    return H


def _least_squares(
    gram: Array, W: Array, V: Array, weights: Array | None, penalty: Weight, start: Array | None = None
) -> Array:
    ridge = penalty.l2 * np.eye(len(W))
    if weights is None:
        return nonnegative_least_squares(gram + ridge, times(W, V) - penalty.l1)
    if is_sparse(V):
        grams = pair_products(W, weights) + ridge[np.triu_indices(len(W))][:, None]
        return own_least_squares(grams, times(W, V) - penalty.l1)
    # What all pixels alike would say is a good guess at what is zero.
    start = nonnegative_least_squares(gram + ridge, W @ V) if start is None else start
    grams = pair_products(W, weights) + ridge[np.triu_indices(len(W))][:, None]
    slope = W @ (weights * (V - model_of(V, W, start))) - penalty.l1 - penalty.l2 * start
    return own_least_squares(grams, slope, start)


def _reweighted(loss: Huber, gram: Array, W: Array, V: Array, weights: Array | None, penalty: Weight) -> Array:
    """Least squares again and again, each image until its coefficients stay."""
    H, todo = _least_squares(gram, W, V, weights, penalty), np.arange(V.shape[1])
    for _ in range(REWEIGHTINGS):
        near = loss.reweighted(V[:, todo], W.T @ H[:, todo])
        near = near if weights is None else near * weights[:, todo]
        moved = _least_squares(gram, W, V[:, todo], near, penalty, H[:, todo])
        going_on = _unsettled(H[:, todo], moved)
        H[:, todo] = moved
        todo = todo[going_on]
        if not len(todo):
            break
    return H


def _unsettled(before: Array, after: Array) -> Array:
    """Which images' coefficients still change."""
    change = np.abs(after - before).max(axis=0, initial=0)
    return np.asarray(change > SETTLED * np.abs(after).max(axis=0, initial=0))


def _constrained(
    loss: Loss, W: Array, V: Array, weights: Array | None, penalty: Weight, constraint: Constraint
) -> Array:
    """Accelerated projected steps on all images, each image out when its coefficients stay."""
    H = constraint.projected(_least_squares(W @ W.T, W, V, weights, penalty))
    before, todo, t = H.copy(), np.arange(V.shape[1]), 1.0
    for _ in range(CONSTRAINED_STEPS):
        t_next = (1 + np.sqrt(1 + 4 * t * t)) / 2
        ahead = constraint.projected(H[:, todo] + (t - 1) / t_next * (H[:, todo] - before[:, todo]))
        seen = None if weights is None else weights[:, todo]
        parts = penalty.applied(loss.parts("quadratic", V[:, todo], W, ahead, weights=seen), ahead)
        moved, before[:, todo], t = constrained_step(parts, ahead, constraint), H[:, todo], t_next
        going_on = _unsettled(H[:, todo], moved)
        H[:, todo] = moved
        todo = todo[going_on]
        if not len(todo):
            break
    return H
