"""What is minimised, over which data and by which steps; and what a pair of factors comes to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from imgnmf.core.blocks import ColumnBlocks
from imgnmf.core.constraints import Constraint, constrained_step, promised_gain
from imgnmf.core.losses import Loss, squared_residual
from imgnmf.core.parts import Array, Parts
from imgnmf.core.penalties import NO_PENALTY, Weight
from imgnmf.core.robust import Robust, with_curvature
from imgnmf.core.solvers import Solver
from imgnmf.core.sparse import is_sparse, model_at, stored_divergence, stored_squares
from imgnmf.core.steering import FREE, Steering

__all__ = ["Problem", "Visit", "exact_loss", "settled"]

# As many images tell how large residuals are.
SETTLING_IMAGES = 1000


class Visit(NamedTuple):
    """What an iteration needs to know of the blocks that were visited; those of more blocks add up.

    Attributes
    ----------
    parts : Parts
        For the step on W.
    decrease : float
        What one more step on these blocks of H promises to gain; 0 where nobody asked.
    penalty : float
        Of these blocks of the new H.
    """

    parts: Parts
    decrease: float
    penalty: float

    def and_of(self, other: Visit) -> Visit:
        """Of these blocks and of others."""
        return Visit(self.parts + other.parts, self.decrease + other.decrease, self.penalty + other.penalty)


@dataclass(frozen=True)
class Problem:
    """What is minimised, over which data, by which steps. Factors are k-major: ``V ~ W.T @ H``."""

    blocks: ColumnBlocks
    loss: Loss
    solver: Solver
    penalty_W: Weight
    penalty_H: Weight
    energy: float
    reference: float
    steering: Steering = FREE

    @property
    def rounding(self) -> float:
        """An objective below this is zero to the working precision."""
        return 0.01 * float(np.finfo(self.blocks.dtype).eps) * self.reference

    def noise(self, *, monotone: bool) -> float:
        """Rises of the computed objective below this are noise of the working precision.

        The loss that a pass gives for free is a difference of numbers of the size of ``|V|^2``, from products in the
        working precision: in float32 its error has a standard deviation of 4e-9 to 6e-9 of ``|V|^2`` (faces, digits,
        patches). 3e-8 is five of them: with less, one low value by chance stops the fit or its momentum, and with
        twice as much, real rises of 1e-5 of the objective pass. A step that is proven not to raise the objective
        (`monotone`) is trusted up to eight times that: then the last value was the wrong one.
        """
        return (4.0 if monotone else 0.5) * float(np.finfo(self.blocks.dtype).eps) * self.reference

    def parts(self, V: Array, weights: Array | None, W: Array, H: Array, *, checking: bool = False) -> Parts:
        """The loss's parts for a step on H, in the form that the solver needs; to be `checking` how much is left."""
        found: Parts = self.loss.parts(self.solver.needs, V, W, H, weights=weights)
        return with_curvature(self.loss, found, V, weights, W, H) if checking else found

    def parts_of_W(self, V: Array, weights: Array | None, W: Array, H: Array, *, checking: bool = False) -> Parts:
        """The same for a step on W, from one block, with the loss itself."""
        loss = getattr(self.loss, "transposed", self.loss)
        seen = None if weights is None else weights.T
        found: Parts = loss.parts(self.solver.needs, V.T, H, W, weights=seen, measure=True)
        return with_curvature(loss, found, V.T, seen, H, W) if checking else found

    def seen_by_W(
        self, V: Array, weights: Array | None, W: Array, H: Array, decrease: float, *, checking: bool = False
    ) -> Visit:
        """What one block adds to the step on W, and to the objective; ties between images are counted elsewhere."""
        penalty = self.penalty_H.value(H) if self.penalty_H.ties is None else 0.0
        return Visit(self.parts_of_W(V, weights, W, H, checking=checking), decrease, penalty)

    def step(self, parts: Any, moving: Array, careful: bool, constraint: Constraint | None = None) -> Array:
        """The solver's step, or its careful one, or one that stays in a set."""
        if constraint is not None:
            return constrained_step(parts, moving, constraint, careful=careful)
        return (self.solver.careful_step if careful else self.solver.step)(parts, moving)

    @property
    def tied(self) -> bool:
        """Whether a set ties the images together, so that H must be stepped as a whole."""
        return self.steering.tied

    @property
    def each_alone(self) -> bool:
        """Whether no set and no penalty makes an image's coefficients depend on other images."""
        return not self.tied and self.penalty_H.ties is None

    @property
    def scale_is_free(self) -> bool:
        """Whether the objective stays the same when scale moves between a part and its coefficients."""
        return self.penalty_W == self.penalty_H == NO_PENALTY and self.steering.scale_is_free

    def stationarity_of_W(self, total: Parts, W: Array) -> float:
        """What one more step on W promises to gain."""
        parts = self.penalty_W.applied(total, W).beside(self.steering.n_fixed, W)
        return promised_gain(parts, W[self.steering.n_fixed :], self.steering.constraint_W)


def exact_loss(problem: Problem, W: Array, H: Array) -> tuple[float, float]:
    """Loss and squared residual of a pair, from the residual itself, block by block."""
    if is_sparse(problem.blocks.data):
        return _exact_stored_loss(problem, W, H)
    loss = squared = 0.0
    for span in problem.blocks.thin_spans:
        V_b = problem.blocks.load(span)
        model = W.T @ H[:, span]
        weights = problem.blocks.load_weights(span)
        loss += problem.loss.value(V_b, model, weights)
        squared += squared_residual(V_b, model, weights)
    return loss, squared


def _exact_stored_loss(problem: Problem, W: Array, H: Array) -> tuple[float, float]:
    V = replace(problem.blocks, dtype=np.dtype(np.float64)).load(slice(None))
    W, H = W.astype(np.float64), H.astype(np.float64)
    model = model_at(V, W, H)
    only = problem.blocks.weights is not None
    squared = stored_squares(V, model, W, H, only=only)
    if problem.loss.beta == 2:
        return squared / 2, squared
    return float(stored_divergence(V, model, W, H, only=only).sum()), squared


def settled(problem: Problem, W: Array, H: Array) -> Problem:
    """The problem, once a robust loss has seen the residuals of the start in some of the images."""
    if not isinstance(problem.loss, Robust):
        return problem
    n_images = problem.blocks.shape[1]
    some = slice(0, None, max(1, n_images // SETTLING_IMAGES))
    V, weights = problem.blocks.load(some), problem.blocks.load_weights(some)
    # Rows and columns of zeros are fitted exactly, and would lower the median of the residuals.
    counted = V.any(axis=1, keepdims=True) & V.any(axis=0)
    counted = counted if weights is None else counted & (weights > 0)
    return replace(problem, loss=problem.loss.settled((V - W.T @ H[:, some])[counted]))
