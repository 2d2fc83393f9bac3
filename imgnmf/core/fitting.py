"""One fit from start to end: what is fitted, and by what."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, energy_of, total_of
from imgnmf.core.columns import is_elsewhere
from imgnmf.core.encode import encodable, exact_coefficients
from imgnmf.core.inits import Init, fallback_of
from imgnmf.core.interrupts import INTERRUPTED, better, concluded, cut_short, interruptible
from imgnmf.core.iterate import Iterate, first_iterate, iterate
from imgnmf.core.limits import MAX_ITER, Limits
from imgnmf.core.online import Online
from imgnmf.core.parts import Array
from imgnmf.core.penalties import Penalties, Weight, weights_of
from imgnmf.core.problem import Problem, exact_loss, settled
from imgnmf.core.progress import Keeping, Progress, Session, Standing
from imgnmf.core.result import Factorization, History, in_unit
from imgnmf.core.robust import Robust
from imgnmf.core.seen import only_seen
from imgnmf.core.sketch import randomized_svd
from imgnmf.core.start import coefficients_in, steered_start
from imgnmf.core.steering import FREE, Steering
from imgnmf.core.units import SMALLEST, in_user_units, power_of_two, times_power_of_two, to_unit_length
from imgnmf.errors import DataWarning, tell

__all__ = ["Fitting", "best_fit", "is_stuck"]

# Relative errors. In float32 the floor of the singular value decomposition is known to about 5e-4. Swimmers on a
# background of 1 are left at 0.13; at every k up to 49, the floor of faces, patches and digits is above 0.02.
EXACT, STUCK = 0.01, 0.03
# Most random starts get out of it, not all: at most this many are tried.
FALLBACKS = 3


@dataclass(frozen=True)
class Fitting:
    """What is fitted, and by what."""

    loss: Any
    solver: Any
    init: Init
    rank: int
    penalty_W: Penalties
    penalty_H: Penalties
    steering: Steering = FREE
    online: Online | None = None
    weight_scale: float = 1.0

    def problem(self, blocks: ColumnBlocks, run: Runner[Any]) -> Problem:
        """The problem in the unit of the blocks."""
        return self.problem_of(blocks, energy_of(blocks, run), total_of(blocks, run))

    def problem_of(self, blocks: ColumnBlocks, energy: float, total: float) -> Problem:
        """The problem, once the sums of V and of its squares are known."""
        size, beta = blocks.shape[0] * blocks.shape[1], self.loss.beta
        reference = energy / 2 if beta == 2 else size * float(total / size) ** beta
        scale = float(np.sqrt(energy / size))
        weights = weights_of(self.penalty_W, self.penalty_H, blocks.shape, scale, beta)
        unit, half = -blocks.exponent * beta, blocks.exponent // 2
        for side, given_as, exponent in ((0, self.penalty_W, half), (1, self.penalty_H, blocks.exponent - half)):
            if isinstance(given_as, Weight):  # in the unit of V, not free of it
                made = weights[side].in_unit(unit, -exponent)
                weights = (made, weights[1]) if side == 0 else (weights[0], made)
        weights[1].check_kept(-unit, blocks.exponent - half)
        loss = self.loss.in_unit(-blocks.exponent) if isinstance(self.loss, Robust) else self.loss
        given = self.steering.in_unit(blocks.exponent, blocks.dtype)
        return Problem(blocks, loss, self.solver, *weights, energy, reference, steering=given)

    def fit(
        self, problem: Problem, rng: np.random.Generator, limits: Limits, run: Runner[Any], keeping: Keeping
    ) -> Factorization:
        """Start, or go on where an earlier run stopped, iterate until something ends it, and finish.

        Raises
        ------
        Interrupted
            With the best pair until then.
        """
        problem, begin, history, interrupted = self._begun(problem, rng, limits, run, keeping.progress.standing)
        if interrupted:
            begin = self._with_final_parts(begin, problem)
            return concluded(partial(self.result, begin, problem, history), INTERRUPTED, False)
        after = partial(keeping.after, history=history, loss=problem.loss)
        iterates = iterate(problem, begin, run, lasting=keeping.lasting)
        best, reason, converged = limits.follow(iterates, begin, problem, history, after)
        try:
            after(best, last=True)
        except KeyboardInterrupt:
            reason, converged = INTERRUPTED, False
        # All buffers of H but that of the best pair are free from here on.
        best = replace(best, last_H=best.H)
        del iterates, begin
        try:
            best = self._with_final_parts(best, problem)
        except KeyboardInterrupt:  # that is done again, or all the fit would be lost
            reason, converged = INTERRUPTED, False
            best = self._with_final_parts(best, problem)
        if best.iteration and self.ends_exactly(problem, reason):
            inside = problem.steering.constraint_H
            try:
                H = exact_coefficients(best.W, problem.blocks, problem.loss, problem.penalty_H, run, inside)
                best = replace(best, H=H)
            except KeyboardInterrupt:
                reason, converged = INTERRUPTED, False
        return concluded(partial(self.result, best, problem, history), reason, converged)

    def ends_exactly(self, problem: Problem, reason: str) -> bool:
        """Whether H becomes what `encode` finds for the final parts: where each image has one answer of its own.

        After every stop but an interrupt, which must not wait for it.
        """
        ended = reason != INTERRUPTED
        return ended and problem.each_alone and encodable(self.loss) and bool(self.loss.convex)

    def final_parts(self, best: Iterate, problem: Problem) -> tuple[Array, Array]:
        """Return the parts of the result and what to multiply the rows of `best.H` by.

        Parts have Euclidean length 1 where scale means nothing, so that the rows of H can be compared. A start that
        was not improved is given back as it is.
        """
        W = only_seen(best.W, problem.blocks.weights, 1)
        return to_unit_length(W) if self._has_unit_parts(best, problem) else (W, np.ones(len(W), W.dtype))

    def _with_final_parts(self, best: Iterate, problem: Problem) -> Iterate:
        W, lengths = self.final_parts(best, problem)
        return replace(best, W=W, H=best.H * lengths[:, None])

    @staticmethod
    def _has_unit_parts(best: Iterate, problem: Problem) -> bool:
        return best.iteration > 0 and problem.scale_is_free

    def _begun(
        self, problem: Problem, rng: np.random.Generator, limits: Limits, run: Runner[Any], standing: Standing | None
    ) -> tuple[Problem, Iterate, History, bool]:
        if standing is not None:
            history = replace(standing.history, rounding=problem.rounding, reference=problem.reference)
            return replace(problem, loss=standing.loss), standing.iterate, history, False
        W, H = steered_start(self.init, problem, self.rank, rng, run)
        history = History(rounding=problem.rounding, reference=problem.reference)
        problem, interrupted = settled(problem, W, H), False
        if self.online is not None:
            W, interrupted = _improved_online(self.online, problem, W, limits, run)
            H = coefficients_in(problem, W, run)
        return problem, first_iterate(problem, W, H), history, interrupted

    def result(
        self,
        best: Iterate,
        problem: Problem,
        history: History,
        reason: str,
        converged: bool,
        *,
        measured: tuple[float, float] | None = None,
    ) -> Factorization:
        """The best pair in the user's unit, its loss and squared residual computed anew, or as `measured`.

        Its parts are those of `final_parts`.
        """
        best = replace(best, H=only_seen(best.H, problem.blocks.weights, 0))
        unit_parts = self._has_unit_parts(best, problem)
        W, H = in_user_units(best.W, best.H, problem.blocks.exponent, unit_parts=unit_parts)
        loss, squared = measured or exact_loss(problem, best.W, best.H)
        penalties = problem.penalty_W.value(best.W) + problem.penalty_H.value(best.H)
        exponent = problem.blocks.exponent
        unit = power_of_two(exponent * self.loss.beta)
        return Factorization(
            W=W,
            H=H,
            n_iter=len(history.seconds),
            converged=converged,
            reason=reason,
            objective=float(in_unit(np.array(loss + penalties), unit)),
            relative_error=float(np.sqrt(squared / problem.energy)),
            trace=history.frozen(unit),
            loss=problem.loss.in_unit(exponent) if isinstance(problem.loss, Robust) else self.loss,
            solver=self.solver.name,
            init=self.init.name,
            floor=problem.blocks.floor and max(times_power_of_two(problem.blocks.floor, exponent), SMALLEST),
            penalty_H=problem.penalty_H.in_unit(exponent * self.loss.beta, exponent - exponent // 2),
            constraint_H=self.steering.constraint_of_an_image,
            weight_scale=self.weight_scale,
        )

    def of_nothing(self, shape: tuple[int, int], blocks: ColumnBlocks) -> Factorization:
        """The factors of a matrix of zeros: zeros, and a word about it."""
        tell("V is zero everywhere, so W and H are too", DataWarning)
        return Factorization(
            W=np.zeros((shape[0], self.rank), blocks.dtype),
            H=np.zeros((self.rank, shape[1]), blocks.dtype),
            n_iter=0,
            converged=True,
            reason="V is zero everywhere",
            objective=0.0,
            relative_error=0.0,
            trace=History(0.0, 1.0).frozen(1.0),
            loss=self.loss,
            solver=self.solver.name,
            init=self.init.name,
        )


def best_fit(
    fitting: Fitting,
    problem: Problem,
    n_init: int,
    limits: Limits,
    run: Runner[Any],
    *,
    begin: Progress,
    session: Session | None,
) -> Factorization:
    """The best of `n_init` starts, those that an earlier run has done left out.

    Where the only start ends in a bad stationary point (see `is_stuck`), its `fallback` is tried too.

    Raises
    ------
    Interrupted
        With the best of the starts that were begun.
    """
    if begin.standing is not None:
        limits = replace(limits, started=time.perf_counter() - begin.seconds)
    best, streams = begin.best, begin.rng.spawn(n_init + FALLBACKS)

    def fitted(fitting: Fitting, start: int) -> Factorization:
        standing = begin.standing if start == begin.start else None
        progress = replace(begin, start=start, best=best, standing=standing)
        return fitting.fit(problem, streams[start], limits, run, Keeping(session, progress))

    with interruptible(lambda unfinished: cut_short(better(best, unfinished))):
        for start in range(begin.start, n_init):
            best = better(best, fitted(fitting, start))
        # More starts, numbered after the others, so that a checkpoint goes on with them like with any.
        other = fallback_of(fitting.init) if n_init == 1 else None
        for start in range(max(n_init, begin.start), n_init + FALLBACKS):
            finished = cast("Factorization", best)
            if other is None or limits.time_is_up() or not is_stuck(fitting, finished, problem, streams[start], run):
                break
            best = better(best, fitted(replace(fitting, init=other), start))
    return cast("Factorization", best)


def is_stuck(
    fitting: Fitting, fit: Factorization, problem: Problem, rng: np.random.Generator, run: Runner[Any]
) -> bool:
    """Whether a fit ended in a bad stationary point: V is of its rank, and yet much of V is missed.

    The singular value decomposition is the floor of every factorization. Where it leaves less than `EXACT` of V and the
    fit more than `STUCK`, the start is to blame; on photographs the floor itself is far above `EXACT`. Looked at
    for squared Frobenius alone, with nothing else in force and V in memory: it costs about three iterations.
    """
    plain = fitting.loss.beta == 2 and problem.scale_is_free and problem.blocks.weights is None
    ended = fit.converged or fit.reason.startswith(MAX_ITER)
    if not (plain and ended and fit.n_iter and fit.relative_error > STUCK and fitting.online is None):
        return False
    if is_elsewhere(problem.blocks.data):
        return False
    _, values, _ = randomized_svd(problem.blocks, fitting.rank, rng.spawn(1)[0], run)
    explained = float(np.square(values, dtype=np.float64).sum()) / problem.energy
    return bool(1 - explained < EXACT**2)


def _improved_online(
    online: Online, problem: Problem, W: Array, limits: Limits, run: Runner[Any]
) -> tuple[Array, bool]:
    """Parts after the windows, and whether Ctrl-C came; or after those that the time allowed."""
    last = W
    try:
        for learned in online.improved(problem, W, run):
            last = learned
            if limits.time_is_up():
                break
    except KeyboardInterrupt:
        return last, True
    return last, False
