"""`factorize`: check, start, iterate until a rule says stop, finish. The only loop over iterations."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, running, thread_count
from imgnmf.core.check import as_matrix, checked_rank, checked_values
from imgnmf.core.choices import InitLike, LossLike, SolverLike, as_init, as_loss, as_solver
from imgnmf.core.encode import encode
from imgnmf.core.inits import Init, RandomInit, fitted_start
from imgnmf.core.iterate import Iterate, Problem, iterate
from imgnmf.core.parts import Array, inner
from imgnmf.core.penalties import Weight
from imgnmf.core.result import Factorization, History
from imgnmf.core.stopping import RelativeDecrease, StoppingRule, TimeLimit
from imgnmf.errors import ConvergenceWarning, DataWarning, ParameterError

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


def factorize(  # noqa: PLR0913 - the public contract
    V: Any,
    rank: int,
    *,
    loss: LossLike = "frobenius",
    solver: SolverLike | None = None,
    init: InitLike = "nndsvd",
    negative: Literal["error", "clip"] = "error",
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 1000,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
    callback: Callback | None = None,
) -> Factorization:
    """Take a set of images apart: find ``V ~ W H`` with ``W >= 0`` and ``H >= 0``.

    Solves ``min |V - W H|^2 / 2`` by extrapolated HALS in one pass over V per iteration (Ang & Gillis 2019). V is
    converted block by block, to float32 unless it is float64, and never as a whole; the unit of V does not matter.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        One image a column; uint8, uint16 and floats alike.
    rank : int
        k, the number of parts; at most ``min(n_pixels, n_images)``, unless the start is random.
    loss : "frobenius" or Loss
    solver : "hals", "mu" or Solver, optional
        None for the fastest one that serves the loss.
    init : "nndsvd", "random" or Init
    negative : {"error", "clip"}
        Refuse negative values, or set them to 0 in a copy.
    stop : rule or sequence of rules, optional
        None for ``RelativeDecrease(1e-4)``.
    max_iter : int
        0 gives the start back.
    time_limit : float, optional
        In seconds.
    rng : int, Generator or None
        Decides the start; None for a different one each time.
    threads : int, optional
        None for one per processor. The result is the same to the last bit for any number.
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
    data, start = as_matrix(V), as_init(init)
    if negative == "clip":
        data = np.maximum(data, 0)
    rank = checked_rank(rank, data.shape, beyond=isinstance(start, RandomInit))
    limits = _Limits(_as_rules(stop, time_limit), _checked_max_iter(max_iter), callback, started)
    fitting = _Fit(as_loss(loss), as_solver(solver, as_loss(loss)), start, rank)
    blocks = _as_blocks(data)
    if not data.any():
        return fitting.of_nothing(data.shape, blocks)
    with running(thread_count(threads)) as run:
        problem = fitting.problem(blocks, run)
        W, H = fitted_start(start, blocks, rank, np.random.default_rng(rng), run)
        history = History(rounding=problem.rounding, reference=problem.energy / 2)
        best, reason, converged = limits.follow(iterate(problem, W, H, run), problem, history)
    if best is None:
        best = Iterate(W, H, np.nan, np.nan, np.nan)
    elif reason != INTERRUPTED:
        best = fitting.finished(best, problem, threads)
    return fitting.result(best, problem, history, reason, converged)


INTERRUPTED = "interrupted"


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
                for rule in self.rules:
                    if reason := rule(history):
                        return best, reason, rule.converges
                if self.callback and self.callback(_state(best, history, problem)):
                    return best, "the callback asked to stop", False
        except KeyboardInterrupt:
            return best, INTERRUPTED, False
        return best, f"max_iter = {self.max_iter} iterations were done", False


@dataclass(frozen=True)
class _Fit:
    """What is fitted, and by what."""

    loss: Any
    solver: Any
    init: Init
    rank: int

    def problem(self, blocks: ColumnBlocks, run: Runner[float]) -> Problem:
        def energy(span: slice) -> float:
            block = blocks.load(span)
            return inner(block, block)

        return Problem(blocks, self.loss, self.solver, Weight(), Weight(), sum(run(energy, blocks.spans)))

    def finished(self, best: Iterate, problem: Problem, threads: int | None) -> Iterate:
        """With the exact coefficients for the final parts, the same that `encode` would find."""
        return best

    def result(self, best: Iterate, problem: Problem, history: History, reason: str, converged: bool) -> Factorization:
        W, H = in_user_units(best.W, best.H, problem.blocks.exponent)
        loss, squared = exact_loss(problem, best.W, best.H)
        if not converged and reason.startswith("max_iter") and history.seconds:
            _warn_not_converged(history, reason)
        unit = _power_of_two(problem.blocks.exponent * self.loss.degree)
        return Factorization(
            W=W,
            H=H,
            n_iter=len(history.seconds),
            converged=converged,
            reason=reason,
            objective=loss * unit,
            relative_error=float(np.sqrt(squared / problem.energy)),
            trace=history.frozen(unit),
            loss=self.loss,
            solver=self.solver.name,
            init=self.init.name,
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


def exact_loss(problem: Problem, W: Array, H: Array) -> tuple[float, float]:
    """Loss and squared residual of a pair, from the residual itself, block by block."""
    loss = squared = 0.0
    for span in problem.blocks.spans:
        V_b = problem.blocks.load(span)
        model = W.T @ H[:, span]
        residual = V_b - model
        loss, squared = loss + problem.loss.value(V_b, model), squared + inner(residual, residual)
    return loss, squared


def in_user_units(W: Array, H: Array, exponent: int) -> tuple[Array, Array]:
    """`W` as (n_pixels, rank) and `H`, as copies, the scale of V shared out between them."""
    half = exponent // 2
    return np.ldexp(W, half).T, np.ldexp(H, exponent - half)


def _as_blocks(V: Array) -> ColumnBlocks:
    """Blocks in float64 for float64 data, else float32, scaled only where squares would leave the range."""
    largest = checked_values(V)
    dtype = np.dtype(np.float64 if V.dtype == np.float64 else np.float32)
    exponent = int(np.frexp(largest)[1])
    return ColumnBlocks(V, dtype, exponent if abs(exponent) > 16 else 0)


def _as_rules(stop: StoppingRule | Sequence[StoppingRule] | None, time_limit: float | None) -> tuple[StoppingRule, ...]:
    rules = RelativeDecrease() if stop is None else stop
    limit = () if time_limit is None else (TimeLimit(time_limit),)
    return (*(rules if isinstance(rules, Sequence) else (rules,)), *limit)


def _checked_max_iter(max_iter: int) -> int:
    if isinstance(max_iter, bool) or not isinstance(max_iter, (int, np.integer)) or max_iter < 0:
        raise ParameterError(f"max_iter must be a whole number >= 0, got {max_iter!r}")
    return int(max_iter)


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
        objective=best.objective * _power_of_two(exponent * problem.loss.degree),
        relative_error=history.relative_error[-1],
        _pair=lambda: in_user_units(best.W, best.H, exponent),
    )


def _power_of_two(exponent: float) -> float:
    with np.errstate(over="ignore", under="ignore"):
        return float(np.exp2(exponent))


def _warn_not_converged(history: History, reason: str) -> None:
    seen = history.kkt[~np.isnan(history.kkt)]
    residual = f"; scaled KKT residual {seen[-1]:.2g}" if len(seen) else ""
    warnings.warn(
        f"{reason} before the stopping rule held{residual}. Raise max_iter, or pass a looser "
        "stop=RelativeDecrease(tol)",
        ConvergenceWarning,
        stacklevel=4,
    )
