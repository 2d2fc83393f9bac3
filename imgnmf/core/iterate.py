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

from imgnmf.core.blocks import Runner, block_spans, tree_sum
from imgnmf.core.constraints import promised_gain
from imgnmf.core.extrapolation import Way, extrapolated
from imgnmf.core.parts import Array, Parts
from imgnmf.core.problem import Problem, Visit

__all__ = ["Held", "Iterate", "Memory", "first_iterate", "iterate", "one_pass"]

# The stationarity of both halves costs a product more than the pass itself needs, so it is looked at now and then.
CHECK_EVERY = 10


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
        # One low value by chance must not stop the fit: rises within the noise are none, the less after a step that
        # cannot rise. The objective that is told is the lowest so far.
        if value <= now.objective + problem.noise(monotone=now.way.careful > 0) or iteration == 1:
            memory.accept()
            way = now.way.after_success()
            ahead = problem.steering.kept_W(extrapolated(stepped, now.last_W, way.momentum, way.positive_only))
            value, pair = float(min(value, now.objective)), (found.factor, memory.accepted)
            now = Iterate(*pair, value, found.squared_residual, decrease, iteration, ahead, stepped, memory.last, way)
        else:
            # Without momentum the next iteration does not ask for the last H.
            way = now.way.after_rise()
            now = replace(now, predicted_decrease=decrease, iteration=iteration, ahead=now.W, last_W=now.W, way=way)
        del total, found, stepped  # a Hessian of each pixel may be large, and the next pass makes its own
        yield now


def one_pass(problem: Problem, W: Array, memory: Memory, way: Way, checking: bool) -> Visit:
    """Visit every block: step its H, extrapolate it, and add up what the step on W needs."""

    def visit(span: slice) -> Visit:
        V_b, M_b = problem.blocks.load(span), problem.blocks.load_weights(span)
        parts = problem.parts(V_b, M_b, W, memory.accepted[:, span], checking=checking)
        decrease = step_H(problem, parts, memory, way, checking, span)
        return problem.seen_by_W(V_b, M_b, W, memory.ahead[:, span], decrease, checking=checking)

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
        return problem.seen_by_W(V_b, M_b, W, memory.ahead[:, span], 0.0, checking=checking)

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
