"""V a block of columns at a time, in the working precision; and threads over those blocks.

Blocks depend on the shape of V alone and sums are taken in an order that depends on their number alone, so a result
is the same to the last bit for any number of threads, and of workers of a cluster.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

import numpy as np

from imgnmf.core.blas import one_blas_thread
from imgnmf.core.columns import order_of
from imgnmf.core.parts import Array, gram_of, inner
from imgnmf.core.sparse import is_sparse, model_at, some_columns, spans_of, squares_of, with_values
from imgnmf.validation import checked_count

__all__ = [
    "ColumnBlocks",
    "Runner",
    "block_spans",
    "energy_of",
    "model_energy_of",
    "running",
    "thread_count",
    "total_of",
    "tree_sum",
    "useful_threads",
]

T = TypeVar("T")
Runner: TypeAlias = Callable[[Callable[[slice], T], Iterable[slice]], Iterator[T]]

# A block and its products should stay in a core's second-level cache; below 200 columns the products get thin.
BLOCK_ENTRIES = 1 << 19
FEWEST_COLUMNS, MOST_COLUMNS = 200, 4096
# Of a sparse V, a thin block makes copies of the size of the pairs of parts, and none of a column of V.
SPARSE_ROWS = 50
SMALL_PASS = 20_000_000
# How many blocks are begun before their results are asked for, for each thread.
AHEAD = 4


def block_spans(n_rows: int, n_columns: int) -> tuple[slice, ...]:
    """Cut `n_columns` into equal spans, by the shape alone.

    >>> block_spans(64, 500)
    (slice(0, 250, None), slice(250, 500, None))
    """
    width = int(np.clip(BLOCK_ENTRIES // max(n_rows, 1), FEWEST_COLUMNS, MOST_COLUMNS))
    n_blocks = max(-(-n_columns // width), min(n_columns // FEWEST_COLUMNS, 4), 1)
    edges = [n_columns * i // n_blocks for i in range(n_blocks + 1)]
    return tuple(slice(a, b) for a, b in pairwise(edges))


@dataclass(frozen=True)
class ColumnBlocks:
    """A matrix that is visited block by block; the whole of it is never converted.

    Attributes
    ----------
    data : array or Columns, shape (n_pixels, n_images)
        As it came: uint8, uint16, float32, float64, in any memory order, or wherever it lies.
    dtype : numpy.dtype
        The precision that blocks are handed out in.
    exponent : int
        Blocks are ``data * 2**-exponent``.
    floor : float
        Blocks are lifted to this, in the scaled unit.
    weights : array, shape (n_pixels, n_images), optional
        How much each entry counts, 0 to 1; of a sparse V that was seen where it is stored, ones there.
    largest : float, optional
        The largest entry in the unit of the data, where it is known already.
    sums : (float, float), optional
        The sum of all entries and of their squares in the scaled unit, where they are known already.
    cut : tuple of slice, optional
        The blocks of a piece of a larger matrix: as the larger one is cut.
    """

    data: Any
    dtype: np.dtype[Any]
    exponent: int = 0
    floor: float = 0.0
    weights: Array | None = None
    largest: float | None = None
    sums: tuple[float, float] | None = None
    cut: tuple[slice, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_pixels, n_images)``."""
        return self.data.shape[0], self.data.shape[1]

    def of(self, data: Any) -> ColumnBlocks:
        """Other data, say some of the images, seen in the same way."""
        return replace(self, data=data, weights=None, largest=None, sums=None)

    @property
    def spans(self) -> tuple[slice, ...]:
        """The column spans of the blocks, in order."""
        return self.cut or (spans_of(self.data) if is_sparse(self.data) else block_spans(*self.shape))

    @property
    def thin_spans(self) -> tuple[slice, ...]:
        """Spans for work that makes several copies of a block: never wider than a core's cache asks."""
        rows = SPARSE_ROWS if is_sparse(self.data) else self.shape[0]
        width = max(1, (BLOCK_ENTRIES // 2) // rows)
        wide = self.spans
        return tuple(slice(a, min(a + width, s.stop)) for s in wide for a in range(s.start, s.stop, width))

    def load(self, span: slice) -> Array:
        """The columns of `span`; a view where the data already is as it should be."""
        if is_sparse(self.data):
            some = some_columns(self.data, span)
            return with_values(some, self._converted(some.data))  # type: ignore[no-any-return]
        block = self._converted(self.data[:, span])
        block = np.maximum(block, np.asarray(self.floor, self.dtype)) if self.floor else block
        # In one piece whatever it was cut from: sums are taken in one order wherever V lies, and to the last bit.
        return block if block.flags.c_contiguous or block.flags.f_contiguous else block.copy(order="K")

    def _converted(self, block: Array) -> Array:
        if self.exponent:
            # In float64 where a float32 could not hold the unscaled number, or the scale itself.
            wide = block if abs(self.exponent) < 64 and block.dtype != np.float64 else block.astype(np.float64)
            block = np.ldexp(wide.astype(np.result_type(wide, self.dtype), order="K", copy=False), -self.exponent)
        return block.astype(self.dtype, order="K", copy=False)

    def load_weights(self, span: slice) -> Array | None:
        """The weights of the columns of `span`, in the memory order of `load`."""
        if self.weights is None:
            return None
        if is_sparse(self.weights):
            some = some_columns(self.weights, span)
            return with_values(some, some.data.astype(self.dtype, copy=False))  # type: ignore[no-any-return]
        return np.asarray(self.weights[:, span], self.dtype, order=order_of(self.data))


def tree_sum(terms: Iterator[T], n_terms: int, add: Callable[[T, T], T]) -> T:
    """Sum so many terms, halves first: a sum over blocks comes out the same wherever its halves are taken.

    >>> tree_sum(iter("abcde"), 5, "({}+{})".format)
    '((a+b)+(c+(d+e)))'
    """
    if n_terms == 1:
        return next(terms)
    half = n_terms // 2
    left = tree_sum(terms, half, add)
    return add(left, tree_sum(terms, n_terms - half, add))


def energy_of(blocks: ColumnBlocks, run: Runner[Any]) -> float:
    """``|V|^2`` in the scaled unit, each entry counted by its weight."""
    if blocks.sums is not None and blocks.weights is None:
        return blocks.sums[1]

    def square(span: slice) -> float:
        block, weights = blocks.load(span), blocks.load_weights(span)
        if is_sparse(block):
            return squares_of(block)
        return inner(block, block if weights is None else weights * block)

    return float(sum(run(square, blocks.spans)))


def model_energy_of(W: Array, H: Array, blocks: ColumnBlocks, run: Runner[Any]) -> float:
    """``|W' H|^2``; of a V that was seen only where it is stored, there."""
    if not is_sparse(blocks.weights):
        return inner(gram_of(W), gram_of(H))

    def square(span: slice) -> float:
        model = model_at(some_columns(blocks.data, span), W, H[:, span])
        return inner(model, model)

    return float(sum(run(square, blocks.spans)))


def total_of(blocks: ColumnBlocks, run: Runner[Any]) -> float:
    """The sum of V in the scaled unit."""
    if blocks.sums is not None:
        return blocks.sums[0]
    return float(sum(run(lambda span: blocks.load(span).sum(dtype=np.float64), blocks.spans)))


def useful_threads(threads: int | None, shape: tuple[int, int], rank: int) -> int:
    """As `thread_count`, but one where a pass is over before a second thread has started."""
    return thread_count(threads) if shape[0] * shape[1] * rank >= SMALL_PASS else min(thread_count(threads), 1)


def thread_count(threads: int | None) -> int:
    """How many threads to use: as asked, or one for each processor this process may run on."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return checked_count("threads", threads, 1)


@contextmanager
def running(threads: int) -> Iterator[Runner[Any]]:
    """Give a ``run(function, spans)`` that yields results in the order of the spans.

    Our threads replace the BLAS' own, which on skinny products gain little and fight for the cores.
    """
    with one_blas_thread():
        if threads == 1:
            yield map
            return
        pool = ThreadPoolExecutor(threads, thread_name_prefix="imgnmf")
        try:
            yield lambda function, spans: _in_order(pool, function, tuple(spans), AHEAD * threads)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    pool: ThreadPoolExecutor, function: Callable[[slice], T], spans: tuple[slice, ...], ahead: int
) -> Iterator[T]:
    """Results in the order of the spans; a few are begun ahead, so that memory does not grow with their number."""
    if len(spans) == 1:
        yield function(spans[0])
        return
    waiting: deque[Future[T]] = deque()
    try:
        for span in spans:
            waiting.append(pool.submit(function, span))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
