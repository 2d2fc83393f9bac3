"""Ctrl-C: a function that takes long ends with `Interrupted`, which carries what it has come to until then.

::

    one fit             the loop ends as at any limit, its reason "interrupted"; `concluded` finishes the best pair
                        and raises it
    a function of fits  `interruptible` around its loop: what a fit within it raises becomes the function's own partial
                        result, or None, since half a fit must not pass for a whole one

A second Ctrl-C, while that partial result is made, gives it up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from imgnmf.errors import Interrupted

__all__ = ["INTERRUPTED", "better", "concluded", "cut_short", "interruptible", "own_best"]

INTERRUPTED = "interrupted"


class Fit(Protocol):
    """What is asked of a result that says why it ended."""

    @property
    def reason(self) -> str: ...


class Rated(Protocol):
    """What is asked of a result to tell which of two is better."""

    @property
    def objective(self) -> float: ...


F = TypeVar("F", bound=Fit)
R = TypeVar("R", bound=Rated)


def _nothing(_inner: Any) -> None:
    return None


def own_best(inner: Any) -> Any:
    """Pass on what `concluded`, or an `interruptible` further in, has raised: it is the function's own."""
    return inner


@contextmanager
def interruptible(so_far: Callable[[Any], Any] = _nothing) -> Iterator[None]:
    """Turn Ctrl-C within a block, or as a decorator within a function, into `Interrupted` with a partial result.

    Parameters
    ----------
    so_far : callable
        Given the `best` of the function within that was interrupted, or None, return the best of this one, of its own
        return type, or None. By default there is none.

    Examples
    --------
    >>> done = [1, 2]
    >>> try:
    ...     with interruptible(lambda inner: done):
    ...         raise KeyboardInterrupt
    ... except Interrupted as interrupt:
    ...     print(interrupt.best)
    [1, 2]
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        try:
            best = so_far(getattr(interrupt, "best", None))
        except KeyboardInterrupt:
            best = None
        raise Interrupted(best=best).with_traceback(interrupt.__traceback__) from None


def concluded(measured: Callable[[str, bool], F], reason: str, converged: bool) -> F:
    """Return the fit that `measured` makes of its ending; raise it as the best so far if Ctrl-C was that ending.

    If Ctrl-C comes while it is measured, that is done again: all of the fit would be lost otherwise.
    """
    try:
        fit = measured(reason, converged)
    except KeyboardInterrupt:
        fit = measured(INTERRUPTED, False)
    if fit.reason == INTERRUPTED:
        raise Interrupted(best=fit)
    return fit


def better(one: R | None, other: R | None) -> R | None:
    """Return the fit of the lower objective; the only one where there is one."""
    if one is None or (other is not None and other.objective < one.objective):
        return other
    return one


def cut_short(fit: Any) -> Any:
    """Return the best of several fits of which one was interrupted: more of them might have found a better one."""
    return None if fit is None else replace(fit, reason=INTERRUPTED, converged=False)
