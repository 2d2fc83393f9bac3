"""Work on several threads, results in the order of the work."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["available_cores", "in_order"]

T = TypeVar("T")
R = TypeVar("R")

# How many pieces of work wait or are done ahead, for each thread: enough that none idles, few in memory.
AHEAD = 2


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(work: Callable[[T], R], things: Iterable[T], threads: int) -> Iterator[R]:
    """Yield ``work(thing)`` for each thing, in their order, whatever thread is done first.

    The things are drawn one by one by the caller's thread, at most a few ahead of the results. With one thread
    there is no pool, and an error comes as it would from a loop.

    Examples
    --------
    >>> list(in_order(lambda number: number**2, range(5), threads=2))
    [0, 1, 4, 9, 16]
    """
    if threads == 1:
        yield from map(work, things)
        return
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="imgnmf-read")
    try:
        for thing in things:
            waiting.append(pool.submit(work, thing))
            if len(waiting) >= AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # After an error nobody waits for the rest.
        pool.shutdown(cancel_futures=True)
