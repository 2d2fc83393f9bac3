"""After Ctrl-C a command writes what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from imgnmf.errors import Interrupted

__all__ = ["or_best"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def or_best(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> tuple[Result, bool]:
    """Call a function of the library; return its result, or the best so far after Ctrl-C, and whether that came.

    Raises
    ------
    Interrupted
        If there is nothing to keep.

    Examples
    --------
    >>> or_best(max, 1, 2)
    (2, False)
    """
    try:
        return function(*args, **kwargs), False
    except Interrupted as interrupt:
        if interrupt.best is None:
            raise
        return interrupt.best, True
