"""One iteration = one pass over V, and the extrapolation and restart around it. The heart of the package.

::

    for every block b:   H_b <- step(parts(V_b, W, H_b), H_b);    total += parts(V_b', H_b', W')
    then                 W   <- step(total, W')

One reading of V serves both factors. The loss of the new pair comes out of `total`, so a rise is noticed at
once: the iteration is then taken back and followed by one without extrapolation, which cannot rise. What the
caller sees is therefore a sequence of pairs whose objective never rises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, block_spans, tree_sum
from imgnmf.core.constraints import Constraint, constrained_step, promised_gain
from imgnmf.core.extrapolation import Way, extrapolated
from imgnmf.core.losses import Loss
from imgnmf.core.parts import Array, Parts, Visit, inner
from imgnmf.core.penalties import Weight
from imgnmf.core.robust import Robust
from imgnmf.core.solvers import Solver
from imgnmf.core.sparse import is_sparse, model_at, stored_divergence, stored_squares
from imgnmf.core.steering import FREE, Steering
from imgnmf.errors import IncompatibleError

__all__ = ["Held", "Iterate", "Memory", "Problem", "exact_loss", "first_iterate", "iterate", "one_pass", "settled"]

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

    def seen_by_W(self, V: Array, weights: Array | None, W: Array, H: Array, decrease: float) -> Visit:
        """What one block adds to the step on W, and to the objective; ties between images are counted elsewhere."""
        penalty = self.penalty_H.value(H) if self.penalty_H.ties is None else 0.0
        return Visit(self.parts_of_W(V, weights, W, H), decrease, penalty)

    def step(self, parts: Any, moving: Array, careful: bool, constraint: Constraint | None = None) -> Array:
        """The solver's step, or its careful one, or one that stays in a set."""
        if constraint is not None:
            return constrained_step(parts, moving, constraint, careful=careful)
        return (self.solver.careful_step if careful else self.solver.step)(parts, moving)

    @property
    def tied(self) -> bool:
        """Whether a set ties the images together, so that H must be stepped as a whole."""
        return self.steering.constraint_H is not None and self.steering.constraint_H.ties

    def refuse_ties(self, why: str) -> None:
        """Raise if a set or a penalty ties images to each other."""
        if self.tied or self.penalty_H.ties is not None:
            raise IncompatibleError(
                f"what ties images to each other (Sparseness on H, Neighbours) needs all of H in one place, and {why}"
            )

    def stationarity_of_W(self, total: Parts, W: Array) -> float:
        """What one more step on W promises to gain."""
        parts = self.penalty_W.applied(total, W).beside(self.steering.n_fixed, W)
        return promised_gain(parts, W[self.steering.n_fixed :], self.steering.constraint_W)


@dataclass(frozen=True, eq=False)
class Iterate:
    """The best pair after one more iteration, and all else that the next iteration depends on.

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
    iteration : int
        How many were done.
    ahead : array, shape (rank, n_pixels)
        The extrapolated W that the next iteration looks from.
    last_W, last_H : array
        What the last steps gave, before extrapolation.
    way : Way
    """

    W: Array
    H: Array
    objective: float
    squared_residual: float
    predicted_decrease: float
    iteration: int
    ahead: Array
    last_W: Array
    last_H: Array
    way: Way


class Held(Protocol):
    """V and H, wherever they lie: here, or with the workers of a cluster (`imgnmf.cluster`)."""

    @property
    def accepted(self) -> Array:
        """The best pair's H."""
        ...

    @property
    def last(self) -> Array:
        """What the last step gave, before extrapolation."""
        ...

    def passed(self, problem: Problem, W: Array, way: Way, checking: bool) -> Visit:
        """Visit every block: step its H, and sum what the step on W needs; the accepted H stays as it is."""
        ...

    def accept(self) -> None:
        """Take the last pass's H for the best pair's."""
        ...


@dataclass
class Memory:
    """Buffers for H that change places: the accepted pair's, the last step's, a spare, and the extrapolation's.

    A pass reads `accepted` and `last`, writes the step's result to `spare` and its extrapolation to `ahead`. So
    nothing is copied, and the accepted H survives a pass that is taken back or interrupted. Where nobody needs `last`
    after such a pass, it is `ahead` too, and a buffer is saved.
    """

    accepted: Array
    last: Array
    spare: Array
    ahead: Array
    run: Runner[Any]

    @classmethod
    def of(cls, begin: Iterate, run: Runner[Any], *, lasting: bool = False) -> Memory:
        """Begin with the buffers of an iterate, which are taken over."""
        # All in one memory order, or results would round differently after a stop.
        last = begin.H.copy("K") if begin.last_H is begin.H else begin.last_H
        return cls(begin.H, last, np.empty_like(begin.H), np.empty_like(begin.H) if lasting else last, run)

    def passed(self, problem: Problem, W: Array, way: Way, checking: bool) -> Visit:
        """One pass over the blocks that are here."""
        found = (tied_passes if problem.tied else one_pass)(problem, W, self, way, checking)
        tied = problem.penalty_H.ties is not None
        return found._replace(penalty=problem.penalty_H.value(self.ahead)) if tied else found

    def accept(self) -> None:
        """The last pass's H becomes the best pair's."""
        lasting = self.ahead is not self.last
        self.accepted, self.last, self.spare, free = self.ahead, self.spare, self.accepted, self.last
        self.ahead = free if lasting else self.last


def first_iterate(problem: Problem, W: Array, H: Array) -> Iterate:
    """A start, before the first iteration; `H` is taken over, not copied."""
    H = H if H.flags.forc else np.ascontiguousarray(H)
    return Iterate(W, H, np.inf, np.nan, np.nan, 0, W, W, H, Way(problem.solver.pace))


def iterate(
    problem: Problem, begin: Iterate, run: Runner[Any], *, lasting: bool = False, held: Held | None = None
) -> Iterator[Iterate]:
    """Go on from an iterate forever; each one's objective is at most that of the one before.

    Parameters
    ----------
    problem : Problem
    begin : Iterate
        `first_iterate` of a start in the working precision, or any that an earlier run of the same problem gave: what
        follows is then the same to the last bit. Its buffers for H are taken over, not copied.
    run : callable
        Maps a function over column spans, in order; see `imgnmf.core.blocks.running`.
    lasting : bool
        Whether an iterate must stay whole, not its pair alone, while the next one is computed; takes one more H.
    held : Held, optional
        Where V and H lie, if it is not here.

    Yields
    ------
    Iterate
    """
    memory, now = Memory.of(begin, run, lasting=lasting) if held is None else held, begin
    while True:
        iteration = now.iteration + 1
        checking = iteration % CHECK_EVERY == 0
        total, decrease, penalty_H = memory.passed(problem, now.ahead, now.way, checking)
        stepped = step_W(problem, total, now.ahead, now.way.careful > 0, run)
        found = total.measured(now.ahead, stepped, problem.energy)
        value = found.loss + problem.penalty_W.value(found.factor) + penalty_H
        decrease = decrease + problem.stationarity_of_W(total, stepped) if checking else np.nan
        if value <= now.objective + problem.rounding or iteration == 1:
            memory.accept()
            way = now.way.after_success()
            ahead = problem.steering.kept_W(extrapolated(stepped, now.last_W, way.momentum, way.positive_only))
            value, pair = float(min(value, now.objective)), (found.factor, memory.accepted)
            now = Iterate(*pair, value, found.squared_residual, decrease, iteration, ahead, stepped, memory.last, way)
        else:
            # Without momentum the next iteration does not ask for the last H.
            way = now.way.after_rise()
            now = replace(now, predicted_decrease=decrease, iteration=iteration, ahead=now.W, last_W=now.W, way=way)
        yield now


def one_pass(problem: Problem, W: Array, memory: Memory, way: Way, checking: bool) -> Visit:
    """Visit every block: step its H, extrapolate it, and add up what the step on W needs."""

    def visit(span: slice) -> Visit:
        V_b, M_b = problem.blocks.load(span), problem.blocks.load_weights(span)
        parts = problem.parts(V_b, M_b, W, memory.accepted[:, span])
        decrease = step_H(problem, parts, memory, way, checking, span)
        return problem.seen_by_W(V_b, M_b, W, memory.ahead[:, span], decrease)

    return _added(problem, memory.run, visit)


def tied_passes(problem: Problem, W: Array, memory: Memory, way: Way, checking: bool) -> Visit:
    """As `one_pass` in two: one for all that the step on H needs, one for the step on W."""

    def look(span: slice) -> Parts:
        V_b, M_b = problem.blocks.load(span), problem.blocks.load_weights(span)
        return problem.parts(V_b, M_b, W, memory.accepted[:, span])

    found: list[Any] = list(memory.run(look, problem.blocks.spans))
    whole = replace(found[0], product=np.concatenate([parts.product for parts in found], axis=1))
    decrease = step_H(problem, whole, memory, way, checking, slice(None))

    def visit(span: slice) -> Visit:
        V_b, M_b = problem.blocks.load(span), problem.blocks.load_weights(span)
        return problem.seen_by_W(V_b, M_b, W, memory.ahead[:, span], 0.0)

    return _added(problem, memory.run, visit)._replace(decrease=decrease)


def step_H(problem: Problem, parts: Any, memory: Memory, way: Way, checking: bool, span: slice) -> float:
    """Step some columns of H and extrapolate them, in `memory`; what one more step promises, if it is asked for."""
    H_b, constraint = memory.accepted[:, span], problem.steering.constraint_H
    parts = problem.penalty_H.tied(problem.penalty_H.applied(parts, H_b), memory.accepted, span)
    decrease = promised_gain(parts, H_b, constraint) if checking else 0.0
    stepped = problem.step(parts, H_b, way.careful > 0, constraint)
    H_y = extrapolated(stepped, memory.last[:, span], way.momentum, way.positive_only)
    memory.spare[:, span] = stepped
    memory.ahead[:, span] = problem.steering.kept_H(H_y)
    return decrease


def _added(problem: Problem, run: Runner[Any], visit: Callable[[slice], Visit]) -> Visit:
    spans = problem.blocks.spans
    total: Visit = tree_sum(run(visit, spans), len(spans), Visit.and_of)
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
    residual, weights = problem.blocks.load(some) - W.T @ H[:, some], problem.blocks.load_weights(some)
    seen = residual if weights is None else residual[weights > 0]
    return replace(problem, loss=problem.loss.settled(seen))
