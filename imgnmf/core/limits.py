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
from imgnmf.core.stopping import StoppingRule
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
After: TypeAlias = Callable[[Iterate], None]


@dataclass(frozen=True)
class Limits:
    """Everything that can end a fit."""

    rules: tuple[StoppingRule, ...]
    max_iter: int
    callback: Callback | None
    started: float

    def follow(
        self, iterates: Iterator[Iterate], begin: Iterate, problem: Problem, history: History, after: After
    ) -> tuple[Iterate, str, bool]:
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
                after(best)
        except KeyboardInterrupt:
            history.cut(best.iteration)
            return best, INTERRUPTED, False
        return best, *end

    def _end(self, best: Iterate, problem: Problem, history: History) -> tuple[str, bool] | None:
        """Why the fit ends here, and whether that means convergence; None to go on."""
        if best.iteration:
            if self.callback and self.callback(_state(best, history, problem)):
                return "the callback asked to stop", False
            for rule in self.rules:
                if reason := rule(history):
                    return reason, rule.converges
        return (
            (f"{MAX_ITER} = {self.max_iter} iterations were done", False) if best.iteration >= self.max_iter else None
        )


def _state(best: Iterate, history: History, problem: Problem) -> State:
    exponent = problem.blocks.exponent
    return State(
        iteration=len(history.seconds),
        seconds=history.seconds[-1],
        objective=float(in_unit(np.array(best.objective), power_of_two(exponent * problem.loss.beta))),
        relative_error=history.relative_error[-1],
        _pair=lambda: in_user_units(best.W, best.H, exponent),
    )
