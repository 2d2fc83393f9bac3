"""V that does not lie in memory: a run of columns is read at a time, and the next one ahead, by one thread.

Anything with `shape`, `dtype` and column slices ``V[:, a:b]`` will do: a `numpy.memmap`, an array of zarr or a dataset
of h5py, an array of dask, an object of your own. Which columns are read together depends on the shape and the chunks of
the source, and changes no number: blocks are cut out of the runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal, TypeAlias

import numpy as np

from imgnmf.core.parts import Array
from imgnmf.core.sparse import is_sparse
from imgnmf.errors import DataError, ImgnmfError
from imgnmf.validation import plain_dtype, plain_numbers, unmasked

__all__ = [
    "KEPT_RUNS",
    "Columns",
    "changed",
    "is_elsewhere",
    "is_source",
    "order_of",
    "run_bytes",
    "some_images",
    "some_pixels",
]

Order: TypeAlias = Literal["C", "F"]
Change: TypeAlias = Callable[[Any, Array], Array]

# A run is long enough that a request costs little beside its bytes; a chunk is decoded whole unless it is this large.
RUN_BYTES, LARGEST_CHUNK = 4 << 20, 64 << 20
# The run in use, the one before (threads lag behind each other), and the one that is read ahead.
KEPT_RUNS = 3


def is_source(V: Any) -> bool:
    """Whether `V` gives columns on demand, instead of being an array in memory.

    >>> is_source(np.eye(2)), is_source([[1, 2]])
    (False, False)
    """
    if isinstance(V, np.ndarray):
        return isinstance(V, np.memmap)
    return isinstance(getattr(V, "dtype", None), np.dtype) and hasattr(V, "shape") and hasattr(V, "__getitem__")


def is_elsewhere(V: Any) -> bool:
    """Whether `V` has been wrapped in `Columns`."""
    return isinstance(V, Columns)


class Columns:
    """A matrix of which a few runs of columns are in memory at a time.

    Parameters
    ----------
    source : object
        With `shape` (n_pixels, n_images), `dtype` and column slices; `order` ("C" or "F", how its blocks lie in memory)
        and `chunks` (rows and columns that are stored together) are heeded where they are there.

    Examples
    --------
    >>> V = Columns(np.arange(6).reshape(2, 3))
    >>> V[:, 1:3]
    array([[1, 2],
           [4, 5]])
    """

    def __init__(self, source: Any) -> None:
        n_pixels, n_images = source.shape
        self.shape: tuple[int, int] = int(n_pixels), int(n_images)
        self.dtype: np.dtype[Any] = np.dtype(np.uint8) if source.dtype.kind == "b" else plain_dtype(source.dtype)
        self.order: Order = order_of(source)
        self.run_width = _run_width(self.shape, self.dtype, getattr(source, "chunks", None))
        self._source = source
        self._ahead = _ReadAhead(self._run, -(-self.shape[1] // self.run_width))

    @property
    def ndim(self) -> int:
        """2."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.shape[0] * self.shape[1]

    def __getitem__(self, index: tuple[slice, Any]) -> Array:
        rows, chosen = index
        if rows != slice(None):
            raise TypeError("only columns can be chosen here")
        if not isinstance(chosen, slice):
            return self._picked(np.asarray(chosen))
        first, stop, step = chosen.indices(self.shape[1])
        return self._span(first, stop) if step == 1 else self._picked(np.arange(first, stop, step))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("V lies elsewhere, so an array of it is a copy")
        return np.asarray(self._read(0, self.shape[1]), dtype)

    def runs(self) -> Iterator[tuple[slice, Array]]:
        """Every run of columns, in order, and where it lies."""
        for first in range(0, self.shape[1], self.run_width):
            span = slice(first, min(first + self.run_width, self.shape[1]))
            yield span, self[:, span]

    def some(self, spans: Sequence[slice]) -> Array:
        """Several runs of columns side by side, each read by itself: nothing is read ahead, and nothing twice."""
        return self._joined([self._read(span.start, span.stop) for span in spans])

    def _span(self, first: int, stop: int) -> Array:
        width, pieces = self.run_width, []
        for number in range(first // width, -(-stop // width)):
            start = number * width
            pieces.append(self._ahead.run(number)[:, max(first - start, 0) : stop - start])
        return pieces[0] if len(pieces) == 1 else self._joined(pieces)

    def _picked(self, chosen: Array) -> Array:
        """Columns in any order, by one reading of the runs that they lie in."""
        out = np.empty((self.shape[0], len(chosen)), self.dtype, order=self.order)
        run_of = chosen // self.run_width
        for number in np.unique(run_of):
            here = np.flatnonzero(run_of == number)
            first, last = int(chosen[here].min()), int(chosen[here].max())
            out[:, here] = self._read(first, last + 1)[:, chosen[here] - first]
        return out

    def _joined(self, pieces: list[Array]) -> Array:
        if self.order == "F":
            return np.concatenate([piece.T for piece in pieces]).T
        return np.concatenate(pieces, axis=1)

    def _run(self, number: int) -> Array:
        first = number * self.run_width
        return self._read(first, min(first + self.run_width, self.shape[1]))

    def _read(self, first: int, stop: int) -> Array:
        try:
            # Of a memmap a copy: the pages are to be read now, by this thread.
            copy = True if isinstance(self._source, np.ndarray) else None
            block = np.array(unmasked(self._source[:, first:stop], "V"), order=self.order, copy=copy)
        except (ImgnmfError, MemoryError):
            raise
        except Exception as error:
            raise DataError(
                f"images {first} to {stop - 1} of V could not be read ({type(error).__name__}: {error}): the store is "
                "damaged, ends early, or is out of reach; write it again, say by imgnmf pack"
            ) from error
        if block.shape != (self.shape[0], stop - first) or block.dtype.newbyteorder("=") != self._dtype_of_source:
            raise DataError(
                f"V says that it is {self.shape} of {self.dtype}, but images {first} to {stop - 1} came as "
                f"{block.shape} of {block.dtype}: it ends early, or has changed; open it again"
            )
        return plain_numbers(block, "V").astype(self.dtype, order="K", copy=False)

    @property
    def _dtype_of_source(self) -> np.dtype[Any]:
        native: np.dtype[Any] = self._source.dtype.newbyteorder("=")
        return native


class _ReadAhead:
    """Runs by number, each read by one thread of its own before it is asked for, and then the next."""

    def __init__(self, read: Callable[[int], Array], n_runs: int) -> None:
        self._read, self._n_runs = read, n_runs
        self._kept: dict[int, Future[Array]] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="imgnmf-ahead")

    def run(self, number: int) -> Array:
        with self._lock:
            wanted = self._kept.pop(number) if number in self._kept else self._pool.submit(self._read, number)
            self._kept[number] = wanted  # the newest is last
            following = (number + 1) % self._n_runs
            if following not in self._kept:
                self._kept[following] = self._pool.submit(self._read, following)
            for old in [n for n in self._kept if n not in (number, following)][: len(self._kept) - KEPT_RUNS]:
                del self._kept[old]
        return wanted.result()


@dataclass(frozen=True)
class _Changed:
    source: Columns
    change: Change
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, int]:
        return self.source.shape

    @property
    def order(self) -> Order:
        return self.source.order

    @property
    def chunks(self) -> tuple[int, int]:
        return self.source.shape[0], self.source.run_width

    def __getitem__(self, index: tuple[slice, slice]) -> Array:
        return self.change(index[1], self.source._read(index[1].start, index[1].stop))


def changed(V: Columns, change: Change) -> Columns:
    """`V` with ``change(span, block)`` done to every block when it is read; shape and dtype stay."""
    return Columns(_Changed(V, change, V.dtype))


def some_images(V: Any, chosen: Array) -> Any:
    """Some columns of V, image after image in memory; of a sparse V a sparse matrix."""
    if is_sparse(V):
        return V[:, chosen]
    return np.asarray(V[:, chosen], order="F")


def some_pixels(V: Any, chosen: Array) -> Any:
    """Some rows of V, gathered run by run where it lies elsewhere."""
    if not is_elsewhere(V):
        return V[chosen]
    return np.concatenate([block[chosen] for _, block in V.runs()], axis=1)


def run_bytes(V: Columns) -> int:
    """What a run takes in memory."""
    return V.run_width * V.shape[0] * V.dtype.itemsize


def order_of(V: Any) -> Order:
    """How blocks of `V` lie in memory: "F" if image after image."""
    if isinstance(V, np.ndarray):
        return "C" if V.flags.c_contiguous or abs(V.strides[0]) > abs(V.strides[1]) else "F"
    return "F" if getattr(V, "order", "C") == "F" else "C"


def _run_width(shape: tuple[int, int], dtype: np.dtype[Any], chunks: Any) -> int:
    column = max(shape[0] * dtype.itemsize, 1)
    width = max(RUN_BYTES // column, 1)
    together = chunks[1] if chunks is not None and len(chunks) == 2 and isinstance(chunks[1], int) else 1
    if together * column > LARGEST_CHUNK:
        return min(width, shape[1])
    return min(max(width // together, 1) * together, shape[1])
