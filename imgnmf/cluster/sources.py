"""Where the columns of V come from, and come from again when a worker was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from imgnmf.core.check import as_matrix, refuse_masked_blocks
from imgnmf.core.parts import Array
from imgnmf.core.sparse import is_sparse
from imgnmf.errors import DataError, ImageReadError, IncompatibleError, ParameterError, ShapeMismatchError
from imgnmf.images.untrusted import open_zarr
from imgnmf.validation import plain_dtype

__all__ = ["FileRows", "Source", "as_source"]


class Source(Protocol):
    """What `factorize` asks of V: its shape, and any span of its columns as often as needed."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_pixels, n_images)``."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """As it came."""
        ...

    def columns(self, span: slice) -> Any:
        """An array, a dask array, or `FileRows` for a worker to read."""
        ...


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Arrays side by side; they stay with the client too, for workers to come."""

    blocks: tuple[Array, ...]
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    def columns(self, span: slice) -> Array:
        some = [self.blocks[i][:, within] for i, within in _within(span, [b.shape[1] for b in self.blocks])]
        return some[0] if len(some) == 1 else np.concatenate(some, axis=1)


@dataclass(frozen=True, eq=False)
class _Dask:
    """A dask array; dask knows how to compute its chunks again."""

    V: Any
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    def columns(self, span: slice) -> Any:
        return self.V[:, span]


@dataclass(frozen=True)
class FileRows:
    """Rows of .npy files and zarr arrays, which a worker reads as columns of V: a .npy file page by page.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/images.npy", np.arange(12, dtype=np.uint8).reshape(3, 2, 2))
    ...     FileRows(((f"{folder}/images.npy", 1, 3),)).load()[:, 0].tolist()
    [4, 5, 6, 7]
    """

    rows: tuple[tuple[str, int, int], ...]

    def load(self) -> Array:
        """The columns, as a view of the file where it is one .npy file."""
        some = [_read(path, first, stop) for path, first, stop in self.rows]
        return (some[0] if len(some) == 1 else np.concatenate(some)).T


@dataclass(frozen=True, eq=False)
class _Files:
    """One image a row, in every file; it is the workers who read them."""

    paths: tuple[str, ...]
    lengths: tuple[int, ...]
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    def columns(self, span: slice) -> FileRows:
        return FileRows(tuple((self.paths[i], s.start, s.stop) for i, s in _within(span, self.lengths)))


def as_source(V: Any, client: Any) -> Source:
    """See what `V` is: an array, a dask array, a sequence of arrays, or paths."""
    if isinstance(V, (str, Path)):
        return _files((V,), client)
    if hasattr(V, "dask") and hasattr(V, "chunks"):
        return _dask(V)
    if is_sparse(V):
        raise IncompatibleError("a sparse V stays on one machine: use imgnmf.factorize, or pass dense blocks")
    if isinstance(V, Sequence) and len(V) and isinstance(V[0], (str, Path)):
        return _files(tuple(V), client)
    blocks = isinstance(V, Sequence) and len(V) > 0 and np.ndim(V[0]) == 2
    return _blocks(tuple(as_matrix(block) for block in V) if blocks else (as_matrix(V),))


def _blocks(blocks: tuple[Array, ...]) -> _Blocks:
    rows = {len(block) for block in blocks}
    if len(rows) > 1:
        raise ShapeMismatchError(f"all blocks of V must have the same number of pixels (rows), got {sorted(rows)}")
    shape = (rows.pop(), sum(block.shape[1] for block in blocks))
    return _Blocks(blocks, shape, np.result_type(*blocks))


def _dask(V: Any) -> _Dask:
    if V.ndim != 2 or any(np.isnan(size) for size in V.shape):
        raise ShapeMismatchError(
            f"V must be a matrix (n_pixels, n_images) of known shape; got shape {V.shape}: "
            "flatten the images, and call compute_chunk_sizes() where a size is nan"
        )
    if V.dtype.kind not in "biuf" or 0 in V.shape:
        raise DataError(f"V must hold real numbers, got shape {V.shape} and dtype {V.dtype}")
    refuse_masked_blocks(V)
    return _Dask(V, V.shape, plain_dtype(V.dtype))


def _files(paths: tuple[Any, ...], client: Any) -> _Files:
    names = tuple(str(Path(path).absolute()) for path in paths)
    headers = client.gather(client.map(_header, names, pure=False))
    pixels = {int(np.prod(shape[1:])) for shape, _ in headers}
    if len(pixels) > 1:
        listed = "; ".join(f"{path}: {shape}" for path, (shape, _) in zip(names[:5], headers, strict=False))
        raise ShapeMismatchError(f"the images of all files must have one size; found {listed}")
    lengths = tuple(shape[0] for shape, _ in headers)
    return _Files(names, lengths, (pixels.pop(), sum(lengths)), np.result_type(*(plain_dtype(d) for _, d in headers)))


def _header(path: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    array = _opened(path)
    if len(array.shape) < 2 or 0 in array.shape or array.dtype.kind not in "biuf":
        raise ImageReadError(
            f"{path}: expected real numbers, one image a row, (n_images, n_pixels) or (n_images, height, width); "
            f"found shape {array.shape}, dtype {array.dtype}"
        )
    return tuple(array.shape), np.dtype(array.dtype)


def _opened(path: str) -> Any:
    if not path.endswith((".npy", ".zarr")):
        raise ParameterError(f"{path}: expected a .npy file or a .zarr folder, one image a row")
    try:
        if path.endswith(".npy"):
            return np.load(path, mmap_mode="r", allow_pickle=False)
        array = open_zarr(Path(path))
    except ImageReadError:
        raise
    except (OSError, ValueError) as error:
        raise ImageReadError(f"{path}: a worker could not read it: {error}") from None
    if not hasattr(array, "dtype"):
        raise ImageReadError(f"{path}: a worker could not read it: expected one array, found a group of several")
    return array


def _read(path: str, first: int, stop: int) -> Array:
    array = _opened(path)
    if array.shape[0] < stop:
        raise ImageReadError(f"{path}: {array.shape[0]} images, and there were more at the start; do not change it")
    try:
        return np.asarray(array[first:stop]).reshape(stop - first, -1)
    except (OSError, ValueError, RuntimeError) as error:
        raise ImageReadError(f"{path}: images {first} to {stop} could not be read: {error}") from None


def _within(span: slice, lengths: Sequence[int]) -> list[tuple[int, slice]]:
    """What of each of some blocks in a row lies in `span`.

    >>> _within(slice(1, 5), [2, 2, 2])
    [(0, slice(1, 2, None)), (1, slice(0, 2, None)), (2, slice(0, 1, None))]
    """
    found = []
    for i, (end, length) in enumerate(zip(accumulate(lengths), lengths, strict=True)):
        first, stop = max(span.start - (end - length), 0), min(span.stop - (end - length), length)
        if first < stop:
            found.append((i, slice(first, stop)))
    return found
