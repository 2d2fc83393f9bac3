"""What ends a fit, what is written down on the way, and what a callback sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from imgnmf.core.blocks import ColumnBlocks
from imgnmf.core.check import checked_count
from imgnmf.core.interrupts import INTERRUPTED
from imgnmf.core.parts import Array
from imgnmf.core.result import History, Trace, in_unit
from imgnmf.core.stopping import FEWEST_ITERATIONS, RelativeDecrease, StoppingRule, TimeLimit, as_rules
from imgnmf.core.units import in_user_units, power_of_two
from imgnmf.errors import ConvergenceWarning, tell
from imgnmf.validation import checked_callback

__all__ = [
    "MAX_ITER",
    "Callback",
    "Followed",
    "Limits",
    "Reached",
    "State",
    "limits_of",
    "warn_if_cut_short",
]


MAX_ITER = "max_iter"

# No one sees a smaller change of a picture: a squared error that falls by 1 % of itself is 0.04 dB of PSNR; and where
# it falls by more, a relative error that falls by 0.001 is a thousandth of the images.
VISIBLE_FALL, VISIBLE_ERROR = 0.01, 0.001


@dataclass(frozen=True)
class State:
    """What a callback sees after an iteration: the best factors so far, as copies of its own.

    Their scale is the one that the iteration works in, shared between `W` and `H`. `factorize` brings the parts to unit
    length at the end.
    """

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


class Followed(Protocol):
    """What is asked of a problem to write down how it goes."""

    @property
    def blocks(self) -> ColumnBlocks:
        """V, scaled."""
        ...

    @property
    def loss(self) -> Any:
        """Its `beta` tells the unit of the objective."""
        ...

    @property
    def energy(self) -> float:
        """``|V|^2``, scaled."""
        ...


class Found(Protocol):
    """What is asked of an iterate, k-major and scaled."""

    @property
    def W(self) -> Array: ...
    @property
    def H(self) -> Array: ...
    @property
    def objective(self) -> float: ...
    @property
    def squared_residual(self) -> float: ...
    @property
    def predicted_decrease(self) -> float: ...
    @property
    def iteration(self) -> int: ...


F = TypeVar("F", bound=Found)


@dataclass(frozen=True, eq=False)
class Reached:
    """The best pair after an iteration, for those that keep nothing else."""

    W: Array
    H: Array
    objective: float = np.inf
    squared_residual: float = np.nan
    predicted_decrease: float = np.nan
    iteration: int = 0


class Fit(Protocol):
    """What is asked of a fit that may have been cut short."""

    @property
    def n_iter(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def rank(self) -> int: ...
    @property
    def trace(self) -> Trace: ...


@dataclass(frozen=True)
class Limits:
    """Everything that can end a fit."""

    rules: tuple[StoppingRule, ...]
    max_iter: int
    callback: Callback | None
    started: float

    def time_is_up(self) -> bool:
        """Whether a time limit was reached, for work that is not an iteration."""
        seconds = time.perf_counter() - self.started
        return any(isinstance(rule, TimeLimit) and seconds >= rule.seconds for rule in self.rules)

    def follow(
        self,
        iterates: Iterator[F],
        begin: F,
        problem: Followed,
        history: History,
        after: Callable[[F], object] | None = None,
    ) -> tuple[F, str, bool]:
        """Run until something says stop: the best pair, why, and whether that means convergence.

        An iterate to begin with that is not the first is judged like one that was just found.
        """
        best = begin
        try:
            while (end := self._end(best, problem, history)) is None:
                found = next(iterates)
                error = float(np.sqrt(found.squared_residual / problem.energy))
                history.record(time.perf_counter() - self.started, found.objective, error, found.predicted_decrease)
                best = found
                if after is not None:
                    after(best)
        except KeyboardInterrupt:
            history.cut(best.iteration)
            return best, INTERRUPTED, False
        return best, *end

    def _end(self, best: Found, problem: Followed, history: History) -> tuple[str, bool] | None:
        """Why the fit ends here, and whether that means convergence; None to go on."""
        if best.iteration:
            if self.callback and self.callback(_state(best, history, problem)):
                return "the callback asked to stop", False
            for rule in self.rules:
                if reason := rule(history):
                    return reason, rule.converges
        if best.iteration < self.max_iter:
            return None
        if best.iteration > self.max_iter:  # an earlier run, which this one was to go on with, had more
            return f"{MAX_ITER} = {self.max_iter} is less than the {best.iteration} iterations done before", False
        return f"{MAX_ITER} = {self.max_iter} iterations were done", False


def _state(best: Found, history: History, problem: Followed) -> State:
    exponent = problem.blocks.exponent
    return State(
        iteration=len(history.seconds),
        seconds=history.seconds[-1],
        objective=float(in_unit(np.array(best.objective), power_of_two(exponent * problem.loss.beta))),
        relative_error=history.relative_error[-1],
        _pair=lambda: in_user_units(best.W, best.H, exponent),
    )


def limits_of(
    stop: StoppingRule | Sequence[StoppingRule] | None,
    max_iter: int,
    time_limit: float | None,
    callback: Callback | None,
) -> Limits:
    """The limits that the options of a fit stand for; its clock starts now."""
    rules, most = as_rules(stop, time_limit), checked_count("max_iter", max_iter, 0)
    return Limits(rules, most, checked_callback(callback), time.perf_counter())


def warn_if_cut_short(fit: Fit, limits: Limits) -> None:
    """Warn that `max_iter` came before any stopping rule held, if that can matter.

    With the default rule, nothing is said if over the latter half of the iterations the objective fell by less than
    `VISIBLE_FALL` of itself, or the relative error by less than `VISIBLE_ERROR`: such a fit is as good for pictures as
    one that settled. Whoever passes a rule is always told.
    """
    if not fit.n_iter or not fit.reason.startswith(MAX_ITER):
        return
    fall, errors = _fall_over_latter_half(fit.trace.objective), fit.trace.relative_error
    is_invisible = fall < VISIBLE_FALL or errors[fit.n_iter // 2] - errors[-1] < VISIBLE_ERROR
    is_small = fit.n_iter >= FEWEST_ITERATIONS and is_invisible
    if is_small and RelativeDecrease() in limits.rules:
        return
    fell = "" if np.isnan(fall) else f": its objective fell by {100 * fall:.2g} % over the latter half of them"
    tell(
        f"{fit.reason}, and the fit with k = {fit.rank} was still improving{fell}"
        f"{', too little to be seen in a picture' if is_small else ''}. Raise max_iter to let it settle",
        ConvergenceWarning,
    )


def _fall_over_latter_half(objective: Array) -> float:
    """Return the fall as a share of the last value; NaN if there is none."""
    last = float(objective[-1])
    if len(objective) < 2 or last == 0 or not np.isfinite(objective[len(objective) // 2 :]).all():
        return np.nan
    return (float(objective[len(objective) // 2]) - last) / abs(last)
