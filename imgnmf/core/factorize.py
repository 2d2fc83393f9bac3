"""`factorize`: check, start, iterate until a rule says stop, finish. The only loop over iterations."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, energy_of, running, useful_threads
from imgnmf.core.check import as_matrix, checked_count, checked_rank
from imgnmf.core.choices import InitLike, LossLike, SolverLike, as_init, as_loss, as_solver
from imgnmf.core.encode import exact_coefficients
from imgnmf.core.inits import ColumnSample, GivenFactors, Init, RandomInit
from imgnmf.core.iterate import Iterate, Problem, exact_loss, iterate
from imgnmf.core.lead_in import led_in_start
from imgnmf.core.parts import Array
from imgnmf.core.penalties import Penalties, weights_of
from imgnmf.core.result import Factorization, History, in_unit
from imgnmf.core.seen import only_seen, usable
from imgnmf.core.stopping import RelativeDecrease, StoppingRule, TimeLimit
from imgnmf.core.units import as_blocks, in_user_units, power_of_two
from imgnmf.errors import ConvergenceWarning, DataWarning

__all__ = ["Callback", "State", "factorize"]


@dataclass(frozen=True)
class State:
    """What a callback sees after an iteration: the best factors so far, as copies of its own."""

    iteration: int
    seconds: float
    objective: float
    relative_error: float
    _pair: Callable[[], tuple[Array, Array]]

    @property
    def W(self) -> Array:
        """Basis images, shape (n_pixels, rank)."""
        return self._pair()[0]

    @property
    def H(self) -> Array:
        """Coefficients, shape (rank, n_images)."""
        return self._pair()[1]


Callback: TypeAlias = Callable[[State], object]


def factorize(
    V: Any,
    rank: int,
    *,
    loss: LossLike = "frobenius",
    solver: SolverLike | None = None,
    init: InitLike = "nndsvd",
    n_init: int = 1,
    penalty_W: Penalties = None,
    penalty_H: Penalties = None,
    weights: Any = None,
    missing: Literal["error", "mask"] = "error",
    negative: Literal["error", "clip"] = "error",
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 500,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
    callback: Callback | None = None,
) -> Factorization:
    """Take a set of images apart: find ``V ~ W H`` with ``W >= 0`` and ``H >= 0``.

    Solves ``min loss(V, W H) + penalties`` in one pass over V per iteration, by default with extrapolated HALS
    (Ang & Gillis 2019). V is converted block by block, to float32 unless it is float64, and never as a whole; its
    unit does not matter.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        One image a column; uint8, uint16 and floats alike.
    rank : int
        k, the number of parts; at most ``min(n_pixels, n_images)``, unless the start is random.
    loss : "frobenius", "kullback-leibler", "itakura-saito" or Loss
        `BetaDivergence` for any other member of the family.
    solver : "hals", "anls", "pg", "mu", "newton" or Solver, optional
        None for the one that was measured to be the fastest for the loss.
    init : "nndsvd", "random", "columns", "spa" or Init
    n_init : int
        Fit from so many starts and keep the best.
    penalty_W, penalty_H : L1, L2 or several, optional
        Both or none: a penalty on one factor is defeated by scale.
    weights : array, shape (n_pixels, n_images), (n_pixels, 1) or (1, n_images), non-negative, optional
        How much each entry counts, relative to the largest; 0 = not seen. Objective and relative error count alike.
    missing : {"error", "mask"}
        Refuse NaN, or give it weight 0.
    negative : {"error", "clip"}
        Refuse negative values, or set them to 0 in a copy.
    stop : rule or sequence of rules, optional
        None for ``RelativeDecrease()``.
    max_iter : int
        0 gives the start back.
    time_limit : float, optional
        In seconds.
    rng : int, Generator or None
        Decides the start; None for a different one each time.
    threads : int, optional
        At most so many; None for one per processor. The result is the same to the last bit for any number.
    callback : callable, optional
        Called with a `State` after each iteration; stops the fit by returning True.

    Returns
    -------
    Factorization

    Raises
    ------
    DataError
        If V has NaN, infinite or negative values, or is not a matrix.
    ParameterError
        If an option is out of bounds; IncompatibleError if loss and solver do not fit.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came before any stopping rule held.

    Examples
    --------
    >>> import numpy as np, imgnmf
    >>> V = np.array([[1.0, 0.0, 1.0], [2.0, 0.0, 2.0], [0.0, 3.0, 3.0]])
    >>> fit = imgnmf.factorize(V, rank=2)
    >>> fit.relative_error < 1e-6
    True
    """
    started = time.perf_counter()
    data, seen = usable(as_matrix(V), weights, missing, negative)
    start = as_init(init)
    rank = checked_rank(rank, data.shape, beyond=isinstance(start, (RandomInit, ColumnSample, GivenFactors)))
    limits = _Limits(_as_rules(stop, time_limit), checked_count("max_iter", max_iter, 0), callback, started)
    fitting = _Fit(as_loss(loss), as_solver(solver, as_loss(loss), rank), start, rank, penalty_W, penalty_H)
    blocks = as_blocks(data, fitting.loss, seen)
    if not data.any():
        return fitting.of_nothing(data.shape, blocks)
    streams = np.random.default_rng(rng).spawn(checked_count("n_init", n_init, 1))
    with running(useful_threads(threads, data.shape, rank)) as run:
        problem = fitting.problem(blocks, run)
        fits = (fitting.fit(problem, stream, limits, run) for stream in streams)
        best = min(fits, key=lambda fit: fit.objective)
    if best.n_iter and best.reason.startswith(MAX_ITER):
        _warn_not_converged(best)
    return best


INTERRUPTED, MAX_ITER = "interrupted", "max_iter"


@dataclass(frozen=True)
class _Limits:
    """Everything that can end a fit."""

    rules: tuple[StoppingRule, ...]
    max_iter: int
    callback: Callback | None
    started: float

    def follow(
        self, iterates: Iterator[Iterate], problem: Problem, history: History
    ) -> tuple[Iterate | None, str, bool]:
        """Run until something says stop: the best pair, why, and whether that means convergence."""
        best: Iterate | None = None
        try:
            for _ in range(self.max_iter):
                best = next(iterates)
                _record(history, best, time.perf_counter() - self.started, problem.energy)
                if self.callback and self.callback(_state(best, history, problem)):
                    return best, "the callback asked to stop", False
                for rule in self.rules:
                    if reason := rule(history):
                        return best, reason, rule.converges
        except KeyboardInterrupt:
            return best, INTERRUPTED, False
        return best, f"{MAX_ITER} = {self.max_iter} iterations were done", False


@dataclass(frozen=True)
class _Fit:
    """What is fitted, and by what."""

    loss: Any
    solver: Any
    init: Init
    rank: int
    penalty_W: Penalties
    penalty_H: Penalties

    def problem(self, blocks: ColumnBlocks, run: Runner[Any]) -> Problem:
        energy = energy_of(blocks, run)
        total = sum(run(lambda span: blocks.load(span).sum(dtype=np.float64), blocks.spans))
        size, beta = blocks.shape[0] * blocks.shape[1], self.loss.beta
        reference = energy / 2 if beta == 2 else size * float(total / size) ** beta
        scale = float(np.sqrt(energy / size))
        weights = weights_of(self.penalty_W, self.penalty_H, blocks.shape, scale, beta)
        return Problem(blocks, self.loss, self.solver, *weights, energy, reference)

    def fit(self, problem: Problem, rng: np.random.Generator, limits: _Limits, run: Runner[Any]) -> Factorization:
        W, H = led_in_start(self.init, problem, self.rank, rng, run)
        history = History(rounding=problem.rounding, reference=problem.reference)
        best, reason, converged = limits.follow(iterate(problem, W, H, run), problem, history)
        if best is None:
            best = Iterate(W, H, np.nan, np.nan, np.nan)
        elif (converged or reason.startswith(MAX_ITER)) and self.loss.beta == 2 and problem.blocks.weights is None:
            # The coefficients that `encode` would find for the final parts.
            H = exact_coefficients(best.W, problem.blocks, problem.penalty_H, run)
            best = replace(best, H=H)
        return self.result(best, problem, history, reason, converged)

    def result(self, best: Iterate, problem: Problem, history: History, reason: str, converged: bool) -> Factorization:
        weights = problem.blocks.weights
        best = replace(best, W=only_seen(best.W, weights, 1), H=only_seen(best.H, weights, 0))
        W, H = in_user_units(best.W, best.H, problem.blocks.exponent)
        loss, squared = exact_loss(problem, best.W, best.H)
        penalties = problem.penalty_W.value(best.W) + problem.penalty_H.value(best.H)
        unit = power_of_two(problem.blocks.exponent * self.loss.beta)
        return Factorization(
            W=W,
            H=H,
            n_iter=len(history.seconds),
            converged=converged,
            reason=reason,
            objective=float(in_unit(np.array(loss + penalties), unit)),
            relative_error=float(np.sqrt(squared / problem.energy)),
            trace=history.frozen(unit),
            loss=self.loss,
            solver=self.solver.name,
            init=self.init.name,
            floor=problem.blocks.floor * power_of_two(problem.blocks.exponent),
        )

    def of_nothing(self, shape: tuple[int, int], blocks: ColumnBlocks) -> Factorization:
        """The factors of a matrix of zeros: zeros, and a word about it."""
        warnings.warn("V is zero everywhere, so W and H are too", DataWarning, stacklevel=3)
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


def _as_rules(stop: StoppingRule | Sequence[StoppingRule] | None, time_limit: float | None) -> tuple[StoppingRule, ...]:
    rules = RelativeDecrease() if stop is None else stop
    limit = () if time_limit is None else (TimeLimit(time_limit),)
    return (*(rules if isinstance(rules, Sequence) else (rules,)), *limit)


def _record(history: History, best: Iterate, seconds: float, energy: float) -> None:
    history.seconds.append(seconds)
    history.objective.append(best.objective)
    history.relative_error.append(float(np.sqrt(best.squared_residual / energy)))
    history.predicted_decrease.append(best.predicted_decrease)


def _state(best: Iterate, history: History, problem: Problem) -> State:
    exponent = problem.blocks.exponent
    return State(
        iteration=len(history.seconds),
        seconds=history.seconds[-1],
        objective=float(in_unit(np.array(best.objective), power_of_two(exponent * problem.loss.beta))),
        relative_error=history.relative_error[-1],
        _pair=lambda: in_user_units(best.W, best.H, exponent),
    )


def _warn_not_converged(fit: Factorization) -> None:
    seen = fit.trace.kkt[~np.isnan(fit.trace.kkt)]
    residual = f"; scaled KKT residual {seen[-1]:.2g}" if len(seen) else ""
    warnings.warn(
        f"{fit.reason} before the stopping rule held{residual}. Raise max_iter, or pass a looser "
        "stop=RelativeDecrease(tol)",
        ConvergenceWarning,
        stacklevel=3,
    )
