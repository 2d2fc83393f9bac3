"""Arrays in files, read some images at a time: .npy, HDF5 and zarr. Each says what is wrong with it in words.

Adding a store is a function ``list(path) -> list of StoredRows`` and its place in `list_stores`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import DataWarning, ImageReadError, ImgnmfError, tell
from imgnmf.images.extras import needed
from imgnmf.images.raster import UnreadableError
from imgnmf.images.report import shown
from imgnmf.images.stored import REAL
from imgnmf.images.untrusted import hdf5_datasets, hdf5_member, open_zarr

__all__ = [
    "NAMES",
    "PACKED",
    "StoredRows",
    "guarded",
    "is_store",
    "list_stores",
    "names_in_hdf5",
    "npy_header",
    "refuse_objects",
]

# The attribute that marks what `imgnmf pack` wrote: such a store holds every chunk, the dark ones too.
PACKED = "imgnmf_image_shape"
# What its images are called: an attribute in zarr; in HDF5, whose attributes are small, an array beside theirs.
NAMES = "imgnmf_names"

Lister: TypeAlias = Callable[[Path], "list[StoredRows]"]
NPY, HDF5 = b"\x93NUMPY", b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class StoredRows:
    """An array in a file that is read along one axis.

    Attributes
    ----------
    key : str
        What it is called in the store; empty if there is just one.
    shape, dtype
        As the file says.
    read : callable
        ``read(first, stop, axis)`` gives that part along the first or the last axis.
    chunks : tuple of int, optional
        What is stored together.
    image_shape : tuple of int, optional
        If the store says so itself.
    images_first : bool
        The format counts images along the first axis; HDF5 does not say.
    names : tuple of str
        What the images are called, if the store says so.
    """

    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[int, int, int], NDArray[Any]]
    chunks: tuple[int, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    images_first: bool = True
    names: tuple[str, ...] = ()


def list_stores(path: Path) -> list[StoredRows] | None:
    """Return the arrays of a store that can be read bit by bit; None if it is none.

    Raises
    ------
    ImageReadError
        If it is damaged or ends early.
    ParameterError
        If reading it needs a package that is not installed.
    """
    lister = _lister_of(path)
    try:
        return lister and lister(path)
    except ImgnmfError:
        raise
    except UnreadableError as refusal:
        raise ImageReadError(f"{shown(path)}: {refusal}") from refusal
    except Exception as error:
        raise _unreadable(path, "it", error) from error


def is_store(path: Path) -> bool:
    """Whether `list_stores` knows this kind of file, by how it begins."""
    return _lister_of(path) is not None


def _lister_of(path: Path) -> Lister | None:
    if path.is_dir():
        return _zarr if any((path / name).is_file() for name in ("zarr.json", ".zarray", ".zgroup")) else None
    if not path.is_file():
        return None
    with path.open("rb") as file:
        start = file.read(8)
    return next((lister for signature, lister in ((NPY, _npy), (HDF5, _hdf5)) if start.startswith(signature)), None)


def _unreadable(path: Path, what: str, error: Exception) -> ImageReadError:
    cause = f"{type(error).__name__}: {error}".strip().rstrip(".")
    return ImageReadError(
        f"{shown(path)}: {what} cannot be read ({cause}): it is damaged or ends early; write it again"
    )


def guarded(path: Path, read: Callable[[int, int, int], NDArray[Any]]) -> Callable[[int, int, int], NDArray[Any]]:
    """Refuse a store that is not what it was when it was opened, and let errors name it."""
    opened = _state_of(path)

    def check() -> None:
        if _state_of(path) != opened:
            raise ImageReadError(
                f"{shown(path)}: it has changed since it was opened (its size or its time of change), so that two "
                "passes would see different images; open it again when nobody writes to it"
            )

    def watched(first: int, stop: int, axis: int) -> NDArray[Any]:
        try:
            rows = read(first, stop, axis)
        except (ImgnmfError, MemoryError):
            raise
        except Exception as error:
            check()
            raise _unreadable(path, f"images {first} to {stop - 1}", error) from error
        if path.is_file() or first == 0:  # a folder of many chunks: once a pass
            check()
        return rows

    return watched


def _state_of(path: Path) -> tuple[int, ...]:
    """Size and time of change; of a folder, of every file in it."""
    try:
        if path.is_file():
            about = path.stat()
            return about.st_ino, about.st_size, about.st_mtime_ns
        files = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
        return (hash(frozenset((file, (about := os.stat(file)).st_size, about.st_mtime_ns) for file in files)),)
    except OSError:
        return ()


def npy_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape, whether the first axis varies fastest, and the dtype of a .npy file.

    Raises
    ------
    UnreadableError
        No array of numbers can be so.
    """
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if any(length < 0 for length in shape):
        raise UnreadableError(f"its header says an array of shape {shape}, which none can have: damaged")
    return shape, fortran, dtype


def refuse_objects(dtype: np.dtype[Any]) -> None:
    """Refuse to read Python objects, which only pickle could."""
    if dtype.hasobject:
        raise UnreadableError("it holds Python objects, which only pickle could read; save it as numbers")


def _npy(path: Path) -> list[StoredRows]:
    with path.open("rb") as file:
        shape, fortran, dtype = npy_header(file)
        refuse_objects(dtype)
        offset = file.tell()
    wanted, there = int(np.prod(shape)) * dtype.itemsize, path.stat().st_size - offset
    if there < wanted:
        raise ImageReadError(
            f"{shown(path)}: it ends early: {shape} of {dtype} take {wanted} bytes, it holds {there}; write it again"
        )
    # In memory order of the file: a transposed matrix lies image after image too.
    in_pieces = _pieces_of_npy(path, shape[::-1] if fortran else shape, dtype, offset)

    def some(first: int, stop: int, axis: int) -> NDArray[Any]:
        if not fortran and axis == 0:
            return in_pieces(first, stop)
        if fortran and axis == -1:
            return in_pieces(first, stop).transpose(*range(len(shape) - 1, -1, -1))
        array = np.load(path, mmap_mode="r")
        return np.array(array[first:stop] if axis == 0 else array[..., first:stop])

    return [StoredRows("", shape, dtype, guarded(path, some))]


def _pieces_of_npy(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], offset: int
) -> Callable[[int, int], NDArray[Any]]:
    """Read by asking for bytes: unlike a map of the file, that survives a file that is cut while it is read."""
    row = int(np.prod(shape[1:])) * dtype.itemsize

    def read(first: int, stop: int) -> NDArray[Any]:
        rows = np.empty((stop - first, *shape[1:]), dtype)
        place = memoryview(cast(Any, rows.reshape(-1).view(np.uint8))) if rows.size else memoryview(b"")
        with path.open("rb", buffering=0) as file:
            file.seek(offset + first * row)
            done = 0
            while done < len(place) and (n_read := file.readinto(place[done:])):
                done += n_read
        if done < len(place):
            raise EOFError(f"{len(place) - done} bytes are missing")
        return rows

    return read


def _hdf5(path: Path) -> list[StoredRows]:
    h5py = needed("h5py", "store", "reading HDF5")

    def some(key: str) -> Callable[[int, int, int], NDArray[Any]]:
        def read(first: int, stop: int, axis: int) -> NDArray[Any]:
            # Opened each time: so no file stays open, and a changed one is seen.
            with h5py.File(path, "r") as file:
                return np.asarray(file[key][first:stop] if axis == 0 else file[key][..., first:stop])

        return read

    def described(key: str, dataset: Any) -> StoredRows:
        said = dataset.attrs.get(PACKED)
        shape = None if said is None else tuple(map(int, said))
        read, names = guarded(path, some(key)), names_in_hdf5(dataset)
        return StoredRows(key, dataset.shape, dataset.dtype, read, dataset.chunks, shape, False, names)

    with h5py.File(path, "r") as file:
        return [described(key, dataset) for key, dataset in hdf5_datasets(file)]


def names_in_hdf5(images: Any) -> tuple[str, ...]:
    """What the images of a dataset are called, if `imgnmf pack` wrote them."""
    names = hdf5_member(images.parent, NAMES) if PACKED in images.attrs else None
    return () if names is None else _named(names.asstr()[:], len(images))


def _named(names: Any, n_images: int) -> tuple[str, ...]:
    if len(names) not in (0, n_images):
        raise ValueError(f"it has {n_images} images and {len(names)} names")
    return tuple(map(str, names))


def _zarr(path: Path) -> list[StoredRows]:
    opened = open_zarr(path)
    arrays = list(opened.arrays()) if hasattr(opened, "arrays") else [("", opened)]
    return [_in_zarr(path, key, array) for key, array in arrays if array.dtype.kind in REAL]


def _in_zarr(path: Path, key: str, array: Any) -> StoredRows:
    said = array.attrs.get(PACKED)
    missing = array.nchunks - array.nchunks_initialized
    if missing and said is not None:
        raise ImageReadError(f"{shown(path)}: {missing} of its {array.nchunks} chunks are missing; pack it again")
    if missing:
        tell(
            f"{shown(path)}: {missing} of {array.nchunks} chunks are not there and count as {array.fill_value}; zarr "
            "leaves out chunks that hold nothing else, but a store that ends early looks the same",
            DataWarning,
        )

    def read(first: int, stop: int, axis: int) -> NDArray[Any]:
        return np.asarray(array[first:stop] if axis == 0 else array[..., first:stop])

    chunks = getattr(array, "shards", None) or array.chunks
    names = _named(array.attrs.get(NAMES, ()), array.shape[0])
    shape = said and tuple(map(int, said))
    return StoredRows(key, array.shape, array.dtype, guarded(path, read), chunks, shape, names=names)
