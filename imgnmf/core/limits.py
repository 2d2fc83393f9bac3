"""What ends a fit, what is written down on the way, and what a callback sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from imgnmf.core.iterate import Iterate, Problem
from imgnmf.core.parts import Array
from imgnmf.core.result import History, in_unit
from imgnmf.core.stopping import StoppingRule, TimeLimit
from imgnmf.core.units import in_user_units, power_of_two

__all__ = ["INTERRUPTED", "MAX_ITER", "Callback", "Limits", "State"]


INTERRUPTED, MAX_ITER = "interrupted", "max_iter"


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
