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
from dataclasses import dataclass

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, block_spans
from imgnmf.core.extrapolation import Pace, extrapolated
from imgnmf.core.losses import Loss
from imgnmf.core.parts import Array, Measured, Parts
from imgnmf.core.penalties import Weight
from imgnmf.core.solvers import Solver

__all__ = ["Iterate", "Problem", "iterate"]

# The stationarity of both halves costs a product more than the pass itself needs, so it is looked at now and then.
CHECK_EVERY = 10


@dataclass(frozen=True)
class Problem:
    """What is minimised, over which data, by which steps. Factors are k-major: ``V ~ W.T @ H``."""

    blocks: ColumnBlocks
    loss: Loss
    solver: Solver
    penalty_W: Weight
    penalty_H: Weight
    energy: float

    @property
    def rounding(self) -> float:
        """Differences of the loss below this are noise of the working precision."""
        return 0.01 * float(np.finfo(self.blocks.dtype).eps) * self.energy


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


@dataclass
class _Memory:
    """Three buffers for H that change places: the accepted pair's, the last step's, and a spare.

    A pass reads `accepted`, writes the step's result to `spare`, and replaces `last` by the extrapolation. So
    nothing is copied, and the accepted H survives a pass that is taken back or interrupted.
    """

    accepted: Array
    last: Array
    spare: Array

    def accept(self) -> None:
        self.accepted, self.last, self.spare = self.last, self.spare, self.accepted


def iterate(problem: Problem, W: Array, H: Array, run: Runner[Parts]) -> Iterator[Iterate]:
    """Improve ``(W, H)`` forever; each iterate's objective is at most the one's before.

    Parameters
    ----------
    problem : Problem
    W, H : array, shape (rank, n_pixels) and (rank, n_images)
        The start, in the working precision. `H` is taken over, not copied.
    run : callable
        Maps a function over column spans, in order; see `imgnmf.core.blocks.running`.

    Yields
    ------
    Iterate
    """
    memory = _Memory(H, H.copy(), np.empty_like(H))
    pace = problem.solver.pace
    ahead, accepted_W, last_W = W, W, W
    objective, squared_residual = np.inf, np.nan
    momentum, checking, iteration = 0.0, False, 0
    while True:
        iteration += 1
        checking = iteration % CHECK_EVERY == 0
        total, decrease = one_pass(problem, ahead, memory, momentum, checking, run)
        stepped = step_W(problem, total, ahead, run)
        found = total.measured(ahead, stepped, problem.energy)
        value = found.loss + problem.penalty_W.value(found.factor) + problem.penalty_H.value(memory.last)
        if checking:
            decrease += problem.penalty_W.applied(total, stepped).predicted_decrease(stepped)
        if value <= objective + problem.rounding or not momentum:
            objective, squared_residual, accepted_W = min(value, objective), found.squared_residual, found.factor
            memory.accept()
            ahead, last_W, momentum, pace = _move_on(pace, momentum, stepped, last_W)
        else:
            ahead, last_W, momentum, pace = accepted_W, accepted_W, 0.0, pace and pace.after_rise()
        yield Iterate(accepted_W, memory.accepted, objective, squared_residual, decrease if checking else np.nan)


def _move_on(pace: Pace | None, momentum: float, stepped: Array, last: Array) -> tuple[Array, Array, float, Pace | None]:
    if pace is None:
        return stepped, stepped, 0.0, None
    pace = pace.after_success() if momentum else pace
    return extrapolated(stepped, last, pace.momentum, pace.positive_only), stepped, pace.momentum, pace


def one_pass(
    problem: Problem, W: Array, memory: _Memory, momentum: float, checking: bool, run: Runner[tuple[Parts, float]]
) -> tuple[Parts, float]:
    """Visit every block: step its H, extrapolate it, and add up what the step on W needs."""
    positive_only = bool(problem.solver.pace and problem.solver.pace.positive_only)

    def visit(span: slice) -> tuple[Parts, float]:
        V_b, H_b = problem.blocks.load(span), memory.accepted[:, span]
        parts = problem.penalty_H.applied(problem.loss.parts(V_b, W, H_b), H_b)
        decrease = parts.predicted_decrease(H_b) if checking else 0.0
        stepped = problem.solver.step(parts, H_b)
        H_y = extrapolated(stepped, memory.last[:, span], momentum, positive_only) if momentum else stepped
        memory.spare[:, span] = stepped
        memory.last[:, span] = H_y
        return problem.loss.parts(V_b.T, H_y, W, measure=True), decrease

    visits = run(visit, problem.blocks.spans)
    total, decrease = next(visits)
    for parts, more in visits:
        total, decrease = total + parts, decrease + more
    return total, decrease


def step_W(problem: Problem, total: Parts, W: Array, run: Runner[Array]) -> Array:
    """The step on W; its columns are pixels, independent of each other, so it runs block by block too."""
    parts = problem.penalty_W.applied(total, W)

    def visit(span: slice) -> Array:
        return problem.solver.step(parts.columns(span), W[:, span])

    return np.concatenate(list(run(visit, block_spans(256, W.shape[1]))), axis=1)
