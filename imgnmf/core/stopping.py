"""Stopping rules: they look at the history from outside and give a reason in words, or None to go on.

To add one: a frozen class with `converges` and ``__call__``, one export, one line in the tests' list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from imgnmf.core.result import History
from imgnmf.errors import ParameterError
from imgnmf.validation import check_number_field, is_instance

__all__ = ["KKTBelow", "RelativeDecrease", "StoppingRule", "TimeLimit", "as_rules"]

# Before this many iterations a slow start cannot be told from the end.
FEWEST_ITERATIONS = 20


@runtime_checkable
class StoppingRule(Protocol):
    """What `factorize` asks of a rule."""

    @property
    def converges(self) -> bool:
        """Whether a stop by this rule means that there is little left to gain."""
        ...

    def __call__(self, history: History) -> str | None:
        """The reason to stop now, or None."""
        ...


@dataclass(frozen=True)
class RelativeDecrease:
    """Stop when there is little left to gain, by looking back and by looking ahead.

    Back: over the latter half of all iterations the objective fell by less than `tol` of itself (a gap that
    closes like ``1 / iteration`` would lose as much again in all the iterations to come). Ahead: the next sweep
    promises less than that, too. Both are free of the unit of V and of scaling between W and H.

    Examples
    --------
    >>> RelativeDecrease(tol=-1)
    Traceback (most recent call last):
    imgnmf.errors.ParameterError: tol must be a number > 0, got -1
    """

    tol: float = 3e-4
    converges: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number_field(self, "tol", "a number > 0", above=0)

    def __call__(self, history: History) -> str | None:
        """Judge at the iterations for which the predicted decrease is known."""
        n, now = len(history.objective), history.objective[-1]
        if now <= history.rounding:
            return "the factors give V back to working precision"
        if n < FEWEST_ITERATIONS or np.isnan(history.predicted_decrease[-1]):
            return None
        gained = history.objective[n // 2] - now
        if gained > self.tol * now or history.predicted_decrease[-1] > self.tol * now:
            return None
        return f"the objective fell by less than {self.tol:g} of itself over the latter half of the iterations"


@dataclass(frozen=True)
class KKTBelow:
    """Stop when the scaled KKT residual, in units of the relative error, is below `tol`.

    Examples
    --------
    >>> KKTBelow(1e-5).converges
    True
    """

    tol: float = 1e-4
    converges: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number_field(self, "tol", "a number > 0", above=0)

    def __call__(self, history: History) -> str | None:
        """Judge at the iterations for which the residual is known."""
        return f"the scaled KKT residual is below {self.tol:g}" if history.kkt[-1] <= self.tol else None


@dataclass(frozen=True)
class TimeLimit:
    """Stop after so many seconds.

    Examples
    --------
    >>> TimeLimit(2.5).converges
    False
    """

    seconds: float
    converges: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number_field(self, "seconds", "a number > 0", name="the time limit", above=0)

    def __call__(self, history: History) -> str | None:
        """Judge by the clock of the fit."""
        return f"the time limit of {self.seconds:g} s was reached" if history.seconds[-1] >= self.seconds else None


def as_rules(stop: StoppingRule | Sequence[StoppingRule] | None, time_limit: float | None) -> tuple[StoppingRule, ...]:
    """The rules that are meant; None for `RelativeDecrease`.

    >>> as_rules(None, 2.0)
    (RelativeDecrease(tol=0.0003), TimeLimit(seconds=2.0))
    """
    rules: Any = RelativeDecrease() if stop is None else stop
    rules = tuple(rules) if isinstance(rules, Sequence) else (rules,)
    for rule in rules:
        if not is_instance(rule, StoppingRule):
            raise ParameterError(
                f"stop must be a rule, as RelativeDecrease(), KKTBelow(1e-5) or TimeLimit(60), or several; got {stop!r}"
            )
    limit = () if time_limit is None else (TimeLimit(time_limit),)
    return (*rules, *limit)
