"""Coefficients for given parts under any loss of the beta family: each image's own problem, solved on its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imgnmf.core.losses import BetaDivergence
from imgnmf.core.nnls import nonnegative_least_squares, own_least_squares
from imgnmf.core.parts import Array, Curvature
from imgnmf.core.penalties import NO_PENALTY, Weight
from imgnmf.core.sparse import is_sparse, model_at, stored_divergence, times

__all__ = ["own_minimisers"]

STEPS, HALVINGS = 400, 30
# An image is done when the next Newton step must be expected to gain less than this share of the sum of its pixels to
# the power of beta.
DONE = 1e-15
# Of that sum, what rounding may add to an objective that does not rise.
ROUNDING = 1e-14
# Where Newton's steps begin: least squares, so much of it that no pixel is left dark, and a few multiplicative steps.
LEAST_SQUARES, FIRST_STEPS = 0.99, {True: 4, False: 10}
LARGEST_START = 2.0**400


def own_minimisers(
    loss: BetaDivergence, V: Array, W: Array, *, weights: Array | None = None, penalty: Weight = NO_PENALTY
) -> Array:
    """Minimise ``loss(v, W' h) + penalty(h), h >= 0`` for every column `v`, by projected Newton steps.

    Each step solves a column's own quadratic model, and is halved until that column's objective falls, so that no
    column's path depends on its neighbours; a column that is done leaves the work. For ``1 <= beta <= 2`` the problem
    is convex and the answer its minimum.

    Parameters
    ----------
    loss : BetaDivergence
    V : array, shape (n_pixels, n_images), float64
    W : array, shape (rank, n_pixels), float64
    weights : array, shape (n_pixels, n_images), optional
    penalty : Weight

    Returns
    -------
    array, shape (rank, n_images)

    Examples
    --------
    >>> own_minimisers(BetaDivergence(1), np.array([[3.0], [1.0]]), np.array([[1.0, 1.0]])).round(9)
    array([[2.]])
    """
    H, reference = _start(loss, V, W, weights, penalty), _references(loss, V, weights)
    todo = np.flatnonzero(V.sum(axis=0) if is_sparse(V) else V.any(axis=0))
    V = V if is_sparse(V) else np.asarray(V, order="F")
    images = _Columns(loss, V, W, weights, penalty)
    before, value = np.zeros(V.shape[1]), images.values(H)
    for _ in range(STEPS):
        if not len(todo):
            break
        problem = images.some(todo)
        step, promised = problem.newton_step(H[:, todo])
        H[:, todo], after = problem.searched(H[:, todo], step, value[todo] + ROUNDING * reference[todo])
        gained, value[todo] = value[todo] - after, after
        # Newton's steps shrink faster and faster, so the next promise is to this one at most as this one to the last.
        fall = np.where(before[todo] > promised, promised / np.where(before[todo] > 0, before[todo], 1), 1)
        expected = np.minimum(promised, gained) * fall
        before[todo] = promised
        todo = todo[expected > DONE * reference[todo]]
    return H


@dataclass(frozen=True, eq=False)
class _Columns:
    """Some columns' problems, and what is needed to improve them all at once."""

    loss: BetaDivergence
    V: Array
    W: Array
    weights: Array | None
    penalty: Weight

    def newton_step(self, H: Array) -> tuple[Array, Array]:
        """The step to the minimum of each column's quadratic model, and the gain that it promises."""
        # Without weights, a convex loss has second derivatives that float32 can hold.
        rough = self.loss.convex and self.weights is None
        found = self.loss.parts("rough curvature" if rough else "curvature", self.V, self.W, H, weights=self.weights)
        parts: Curvature = self.penalty.applied(found, H)
        slope = np.ascontiguousarray(parts.minus - parts.plus)
        hessians = _positive(parts.hessians, len(H), np.broadcast_to(parts.plus, H.shape))
        step = own_least_squares(hessians, slope, H) - H
        return step, np.einsum("ij,ij->j", slope, step)

    def searched(self, H: Array, step: Array, allowed: Array) -> tuple[Array, Array]:
        """Go along `step` as far as each column's objective stays below what is allowed; and where it is then."""
        ahead = H + step
        value, share = self.values(ahead), 1.0
        stuck = np.flatnonzero(~(value <= allowed))
        for _ in range(HALVINGS):
            if not len(stuck):
                break
            share /= 2
            ahead[:, stuck] = H[:, stuck] + share * step[:, stuck]
            value[stuck] = self.some(stuck).values(ahead[:, stuck])
            stuck = stuck[~(value[stuck] <= allowed[stuck])]
        ahead[:, stuck], value[stuck] = H[:, stuck], allowed[stuck]
        return ahead, value

    def some(self, columns: Array) -> _Columns:
        """The problems of these columns alone, which rise; without a copy where they are all."""
        if len(columns) == self.V.shape[1]:
            return self
        seen = None if self.weights is None else self.weights[:, columns]
        return replace(self, V=self.V[:, columns], weights=seen)

    def values(self, H: Array) -> Array:
        """Each column's objective."""
        if is_sparse(self.V):
            only = self.weights is not None
            divergence = stored_divergence(self.V, model_at(self.V, self.W, H), self.W, H, only=only)
            return np.asarray(divergence + self.penalty.entries(H).sum(axis=0))
        entries = self.loss.entries(self.V, self.W.T @ H)
        entries = entries if self.weights is None else self.weights * entries
        return np.asarray(entries.sum(axis=0) + self.penalty.entries(H).sum(axis=0))


def _references(loss: BetaDivergence, V: Array, weights: Array | None) -> Array:
    if is_sparse(V):
        return np.asarray(V.sum(axis=0))
    unit = np.maximum(V, np.finfo(V.dtype).tiny) ** loss.beta
    return np.asarray((unit if weights is None else weights * unit).sum(axis=0))


def _start(loss: BetaDivergence, V: Array, W: Array, weights: Array | None, penalty: Weight) -> Array:
    """Near the minimum where there is but one; else the same for every part, which favours no minimum."""
    H = _flat_start(V, W, weights)
    if not loss.convex:
        return H
    if weights is None:
        best = nonnegative_least_squares(W @ W.T, times(W, V))
        H = LEAST_SQUARES * best + (1 - LEAST_SQUARES) * H
    for _ in range(FIRST_STEPS[weights is None]):
        parts = penalty.applied(loss.parts("gradient", V, W, H, weights=weights), H)
        H = H * (parts.minus / np.where(parts.plus > 0, parts.plus, 1)) ** parts.exponent
    return H


def _flat_start(V: Array, W: Array, weights: Array | None) -> Array:
    """The same amount of every part, of each column's own total; zero for an image of zeros."""
    if is_sparse(V):
        level = W.sum() if weights is None else W.sum(axis=0) @ weights
        return np.tile(V.sum(axis=0) / np.where(level > 0, level, 1), (len(W), 1))
    flat = np.broadcast_to(W.sum(axis=0)[:, None], V.shape)
    total, model = (a.sum(axis=0) if weights is None else (weights * a).sum(axis=0) for a in (V, flat))
    # Parts that a penalty emptied call for more than the penalty could square.
    return np.tile(np.minimum(total / np.where(model > 0, model, 1), LARGEST_START), (len(W), 1))


def _positive(hessians: Array, rank: int, plus: Array) -> Array:
    """A part that meets no light has no curvature: a little sends its coefficient to zero in one step."""
    a = np.arange(rank)
    own = a * rank - a * (a - 1) // 2
    lifted = np.maximum(hessians[own], 1e-9 * plus)
    if (lifted == hessians[own]).all():
        return hessians
    hessians = hessians.copy()
    hessians[own] = lifted
    return hessians
