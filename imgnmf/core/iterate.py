"""One iteration = one pass over V, and the extrapolation and restart around it. The heart of the package.

::

    for every block b:   H_b <- step(parts(V_b, W, H_b), H_b);    total += parts(V_b', H_b', W')
    then                 W   <- step(total, W')

One reading of V serves both factors. The loss of the new pair comes out of `total`, so a rise is noticed at
once: the iteration is then taken back and followed by one without extrapolation, which cannot rise. What the
caller sees is therefore a sequence of pairs whose objective never rises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, block_spans, tree_sum
from imgnmf.core.constraints import Constraint, constrained_step, promised_gain
from imgnmf.core.extrapolation import Pace, extrapolated
from imgnmf.core.losses import Loss
from imgnmf.core.parts import Array, Parts, Visit, inner
from imgnmf.core.penalties import Weight
from imgnmf.core.robust import Robust
from imgnmf.core.solvers import Solver
from imgnmf.core.sparse import is_sparse, model_at, stored_divergence, stored_squares
from imgnmf.core.steering import FREE, Steering

__all__ = ["Held", "Iterate", "Memory", "Problem", "Way", "exact_loss", "iterate", "one_pass", "settled"]

# The stationarity of both halves costs a product more than the pass itself needs, so it is looked at now and then.
CHECK_EVERY = 10
# As many images tell how large residuals are.
SETTLING_IMAGES = 1000


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
        """Differences of the loss below this are noise of the working precision."""
        return 0.01 * float(np.finfo(self.blocks.dtype).eps) * self.reference

    def parts(self, V: Array, weights: Array | None, W: Array, H: Array) -> Parts:
        """The loss's parts for a step on H, in the form that the solver needs."""
        found: Parts = self.loss.parts(self.solver.needs, V, W, H, weights=weights)
        return found

    def parts_of_W(self, V: Array, weights: Array | None, W: Array, H: Array) -> Parts:
        """The same for a step on W, from one block, with the loss itself."""
        loss = getattr(self.loss, "transposed", self.loss)
        seen = None if weights is None else weights.T
        found: Parts = loss.parts(self.solver.needs, V.T, H, W, weights=seen, measure=True)
        return found

    def step(self, parts: Any, moving: Array, careful: bool, constraint: Constraint | None = None) -> Array:
        """The solver's step, or its careful one, or one that stays in a set."""
        if constraint is not None:
            return constrained_step(parts, moving, constraint, careful=careful)
        return (self.solver.careful_step if careful else self.solver.step)(parts, moving)

    def stationarity_of_W(self, total: Parts, W: Array) -> float:
        """What one more step on W promises to gain."""
        parts = self.penalty_W.applied(total, W).beside(self.steering.n_fixed, W)
        return promised_gain(parts, W[self.steering.n_fixed :], self.steering.constraint_W)


@dataclass(frozen=True)
class Iterate:
    """The best pair after one more iteration.

    Attributes
    ----------
    W, H : array, shape (rank, n_pixels) and (rank, n_images)
        Not to be written to, and good until the next iteration.
    objective : float
        Loss plus penalties.
    squared_residual : float
        ``|V - W H|^2``.
    predicted_decrease : float
        What one more step promises to gain; NaN in iterations that did not look.
    """

    W: Array
    H: Array
    objective: float
    squared_residual: float
    predicted_decrease: float


class Held(Protocol):
    """V and H, wherever they lie: here, or with the workers of a cluster (`imgnmf.cluster`)."""

    @property
    def accepted(self) -> Array:
        """The best pair's H."""
        ...

    def passed(self, problem: Problem, W: Array, way: Way, checking: bool) -> Visit:
        """Visit every block: step its H, and sum what the step on W needs; the accepted H stays as it is."""
        ...

    def accept(self) -> None:
        """Take the last pass's H for the best pair's."""
        ...


@dataclass
class Memory:
    """Three buffers for H that change places: the accepted pair's, the last step's, and a spare.

    A pass reads `accepted`, writes the step's result to `spare`, and replaces `last` by the extrapolation. So
    nothing is copied, and the accepted H survives a pass that is taken back or interrupted.
    """

    accepted: Array
    last: Array
    spare: Array
    run: Runner[Any]

    @classmethod
    def of(cls, H: Array, run: Runner[Any]) -> Memory:
        """Begin with `H`, which is taken over."""
        return cls(H, H.copy(), np.empty_like(H), run)

    def passed(self, problem: Problem, W: Array, way: Way, checking: bool) -> Visit:
        """One pass over the blocks that are here."""
        return one_pass(problem, W, self, way, checking)

    def accept(self) -> None:
        """The last pass's H becomes the best pair's."""
        self.accepted, self.last, self.spare = self.last, self.spare, self.accepted


def iterate(problem: Problem, W: Array, H: Array, run: Runner[Any], held: Held | None = None) -> Iterator[Iterate]:
    """Improve ``(W, H)`` forever; each iterate's objective is at most the one's before.

    Parameters
    ----------
    problem : Problem
    W, H : array, shape (rank, n_pixels) and (rank, n_images)
        The start, in the working precision. `H` is taken over, not copied.
    run : callable
        Maps a function over column spans, in order; see `imgnmf.core.blocks.running`.
    held : Held, optional
        Where V and H lie, if it is not here.

    Yields
    ------
    Iterate
    """
    memory = Memory.of(H, run) if held is None else held
    way = Way(problem.solver.pace)
    ahead, accepted_W, last_W = W, W, W
    objective, squared_residual = np.inf, np.nan
    for iteration in count(1):
        checking = iteration % CHECK_EVERY == 0
        total, decrease, penalty_H = memory.passed(problem, ahead, way, checking)
        stepped = step_W(problem, total, ahead, way.careful > 0, run)
        found = total.measured(ahead, stepped, problem.energy)
        value = found.loss + problem.penalty_W.value(found.factor) + penalty_H
        if checking:
            decrease += problem.stationarity_of_W(total, stepped)
        if value <= objective + problem.rounding or iteration == 1:
            objective, squared_residual, accepted_W = (
                min(value, objective),
                found.squared_residual,
                found.factor,
            )
            memory.accept()
            way = way.after_success()
            ahead = problem.steering.kept_W(extrapolated(stepped, last_W, way.momentum, way.positive_only))
            last_W = stepped
        else:
            ahead, last_W, way = accepted_W, accepted_W, way.after_rise()
        yield Iterate(accepted_W, memory.accepted, objective, squared_residual, decrease if checking else np.nan)


@dataclass(frozen=True)
class Way:
    """How the next iteration goes: how far it extrapolates, and for how long it must be careful.

    After a rise comes an iteration of careful steps without extrapolation; after a rise soon again, twice as many.
    """

    pace: Pace | None
    momentum: float = 0.0
    careful: int = 0
    caution: int = 1

    @property
    def positive_only(self) -> bool:
        """Whether only growth is extrapolated."""
        return self.pace is not None and self.pace.positive_only

    def after_success(self) -> Way:
        """On, once the objective fell."""
        if self.careful > 1:
            return replace(self, careful=self.careful - 1)
        pace = self.pace.after_success() if self.pace and self.momentum else self.pace
        return Way(pace, pace.momentum if pace else 0.0, 0, self.caution if self.careful else 1)

    def after_rise(self) -> Way:
        """On, once an iteration was taken back."""
        pace = self.pace.after_rise() if self.pace and self.momentum else self.pace
        return Way(pace, 0.0, self.caution, min(2 * self.caution, 64))


def one_pass(problem: Problem, W: Array, memory: Memory, way: Way, checking: bool) -> Visit:
    """Visit every block: step its H, extrapolate it, and add up what the step on W needs."""

    def visit(span: slice) -> Visit:
        V_b, M_b = problem.blocks.load(span), problem.blocks.load_weights(span)
        H_b = memory.accepted[:, span]
        parts = problem.penalty_H.applied(problem.parts(V_b, M_b, W, H_b), H_b)
        decrease = promised_gain(parts, H_b, problem.steering.constraint_H) if checking else 0.0
        stepped = problem.step(parts, H_b, way.careful > 0, problem.steering.constraint_H)
        H_y = extrapolated(stepped, memory.last[:, span], way.momentum, way.positive_only)
        H_y = problem.steering.kept_H(H_y)
        memory.spare[:, span] = stepped
        memory.last[:, span] = H_y
        return Visit(problem.parts_of_W(V_b, M_b, W, H_y), decrease, problem.penalty_H.value(H_y))

    spans = problem.blocks.spans
    total: Visit = tree_sum(memory.run(visit, spans), len(spans), Visit.and_of)
    return total


def step_W(problem: Problem, total: Parts, W: Array, careful: bool, run: Runner[Any]) -> Array:
    """The step on W; its columns are pixels, independent of each other, so it runs block by block too."""
    parts = problem.penalty_W.applied(total, W).beside(problem.steering.n_fixed, W)
    fixed, free = W[: problem.steering.n_fixed], W[problem.steering.n_fixed :]
    if problem.steering.constraint_W is not None:
        return np.concatenate([fixed, problem.step(parts, free, careful, problem.steering.constraint_W)])

    def visit(span: slice) -> Array:
        return problem.step(parts.columns(span), free[:, span], careful)

    stepped = np.concatenate(list(run(visit, block_spans(256, W.shape[1]))), axis=1)
    return np.concatenate([fixed, stepped]) if problem.steering.n_fixed else stepped


def exact_loss(problem: Problem, W: Array, H: Array) -> tuple[float, float]:
    """Loss and squared residual of a pair, from the residual itself, block by block."""
    if is_sparse(problem.blocks.data):
        return _exact_stored_loss(problem, W, H)
    loss = squared = 0.0
    for span in problem.blocks.thin_spans:
        V_b = problem.blocks.load(span)
        model = W.T @ H[:, span]
        weights, residual = problem.blocks.load_weights(span), V_b - model
        loss += problem.loss.value(V_b, model, weights)
        squared += inner(residual, residual if weights is None else weights * residual)
    return loss, squared


def _exact_stored_loss(problem: Problem, W: Array, H: Array) -> tuple[float, float]:
    V = replace(problem.blocks, dtype=np.dtype(np.float64)).load(slice(None))
    W, H = W.astype(np.float64), H.astype(np.float64)
    model = model_at(V, W, H)
    squared = stored_squares(V, model, W, H)
    return squared / 2 if problem.loss.beta == 2 else float(stored_divergence(V, model, W, H).sum()), squared


def settled(problem: Problem, W: Array, H: Array) -> Problem:
    """The problem, once a robust loss has seen the residuals of the start in some of the images."""
    if not isinstance(problem.loss, Robust):
        return problem
    n_images = problem.blocks.shape[1]
    some = slice(0, None, max(1, n_images // SETTLING_IMAGES))
    residual, weights = problem.blocks.load(some) - W.T @ H[:, some], problem.blocks.load_weights(some)
    seen = residual if weights is None else residual[weights > 0]
    return replace(problem, loss=problem.loss.settled(seen))
