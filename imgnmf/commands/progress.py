"""How far the fits are, on a terminal; silent everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from imgnmf.core.factorize import State
from imgnmf.studies.ranks import RankCallback

__all__ = ["following"]


@contextmanager
def following(ranks: Sequence[int]) -> Iterator[RankCallback]:
    """Give a callback for `factorize_ranks` that moves a bar over `ranks` on standard error.

    Examples
    --------
    >>> with following([4, 9]) as callback:
    ...     callable(callback)
    True
    """
    from tqdm import tqdm

    order = sorted(set(ranks))
    layout = "{desc}: {percentage:3.0f} %|{bar}| {elapsed}{postfix}"
    with tqdm(
        total=len(order),
        desc="fitting",
        bar_format=layout,
        file=sys.stderr,
        miniters=0,
        disable=None,
        leave=False,
    ) as bar:

        def show(rank: int, state: State) -> None:
            _advance(bar, order.index(rank), f"k = {rank}, iteration {state.iteration}, {_error(state)}")

        yield show


def _advance(bar: Any, done: int, words: str) -> None:
    bar.set_postfix_str(words, refresh=False)
    # update() alone limits how often the terminal is drawn on.
    bar.update(done - bar.n)


def _error(state: State) -> str:
    return f"relative error {100 * state.relative_error:.2f} %"
