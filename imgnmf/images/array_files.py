"""Files that hold arrays: NumPy, IDX, MATLAB, HDF5 and ENVI, told apart by their content. Nothing is ever unpickled.

Adding a format is a function ``list(file, resources) -> list of StoredArray`` and one line in `ARRAY_FORMATS`.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import ImageReadError, ParameterError
from imgnmf.images.archives import ARCHIVE_ERRORS, check_packing, is_zip, unpacked
from imgnmf.images.envi import ENVI_SIGNATURE, envi_header_of, list_envi
from imgnmf.images.extras import needed
from imgnmf.images.formats import begins_a_picture
from imgnmf.images.raster import Request, UnreadableError
from imgnmf.images.report import shown
from imgnmf.images.rows import PACKED, names_in_hdf5, npy_header, refuse_objects
from imgnmf.images.stored import StoredArray
from imgnmf.images.untrusted import hdf5_datasets

__all__ = ["list_arrays", "read_idx"]

BYTES_OF_SIGNATURE = 512
IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
MATLAB_TYPES = {
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "double": "float64",
    "single": "float32",
    "logical": "uint8",
    "sparse": "float64",
}


Lister: TypeAlias = Callable[[BinaryIO, ExitStack], list[StoredArray]]


@dataclass(frozen=True)
class ArrayFormat:
    """A file format of arrays: what it is called, how it begins, who lists what is in it."""

    name: str
    signature: re.Pattern[bytes]
    list: Lister


def list_arrays(path: Path, request: Request, resources: ExitStack) -> list[StoredArray] | None:
    """List the arrays in a file, also one packed by gzip, bzip2 or xz; None if it is none of the formats.

    Raises
    ------
    ImageReadError
        If the file is damaged, or holds more than `Request.max_bytes`.
    ParameterError
        If reading it needs a package that is not installed.
    """
    try:
        file = resources.enter_context(unpacked(path))
        start = file.read(BYTES_OF_SIGNATURE)
        file.seek(0)
    except ARCHIVE_ERRORS:  # damaged where it begins: whoever reads it next says so
        return None
    known = next((known for known in ARRAY_FORMATS if known.signature.match(start)), None)
    if known is None:
        # Raw samples have no signature; the header beside them has one.
        header = None if begins_a_picture(start) else envi_header_of(path)
        return list_arrays(header, request, resources) if header else None
    if is_zip(start) and not _is_npz(file):
        return None
    try:
        stored = known.list(file, resources)
    except ParameterError:
        raise
    except Exception as error:
        raise _unreadable(path, known.name, error) from error
    return [_guarded(array, path, known.name, request) for array in stored]


def _guarded(array: StoredArray, path: Path, name: str, request: Request) -> StoredArray:
    """Let the limits be checked before an array is read, and let its errors name the file."""

    def read() -> NDArray[Any]:
        n_bytes = math.prod(array.shape) * array.dtype.itemsize
        try:
            request.check_bytes(n_bytes, f"its array {array}")
            check_packing(n_bytes, array.stored_bytes or path.stat().st_size)
            return array.read()
        except Exception as error:
            raise _unreadable(path, name, error) from error

    return replace(array, read=read)


def _unreadable(path: Path, name: str, error: Exception) -> ImageReadError:
    if isinstance(error, UnreadableError):
        return ImageReadError(f"{shown(path)}: {error}")
    cause = f"{type(error).__name__}: {error}"
    return ImageReadError(f"{shown(path)}: cannot be read as {name} ({cause}): damaged or truncated")


def _npy(file: BinaryIO, resources: ExitStack) -> list[StoredArray]:
    shape, _, dtype = npy_header(file)
    refuse_objects(dtype)
    return [StoredArray("", shape, dtype, partial(_read_npy, file), images_first=True)]


def _read_npy(file: BinaryIO) -> NDArray[Any]:
    file.seek(0)
    refuse_objects(npy_header(file)[2])
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _is_npz(file: BinaryIO) -> bool:
    try:
        names = zipfile.ZipFile(file).namelist()
    except ARCHIVE_ERRORS:
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def _npz(file: BinaryIO, resources: ExitStack) -> list[StoredArray]:
    archive = resources.enter_context(zipfile.ZipFile(file))
    return [_in_npz(archive, member) for member in archive.infolist()]


def _in_npz(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray:
    key = member.filename.removesuffix(".npy")
    with archive.open(member) as file:
        shape, _, dtype = npy_header(cast(BinaryIO, file))
    return StoredArray(key, shape, dtype, partial(_read_in_npz, archive, member), images_first=True)


def _read_in_npz(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as file:
        return _read_npy(cast(BinaryIO, file))


def _idx(file: BinaryIO, resources: ExitStack) -> list[StoredArray]:
    """List the one array of an IDX file, the format of MNIST."""
    _, code, n_axes = struct.unpack(">HBB", file.read(4))
    shape = struct.unpack(f">{n_axes}I", file.read(4 * n_axes))
    dtype = np.dtype(IDX_TYPES[code])
    return [StoredArray("", shape, dtype, partial(_read_raw, file, shape, dtype), images_first=True)]


def read_idx(path: Path, request: Request) -> NDArray[Any]:
    """Return the array of an IDX file, images or labels."""
    with ExitStack() as resources:
        stored = list_arrays(path, request, resources)
        if stored is None:
            raise ImageReadError(f"{shown(path)}: expected an IDX file, as MNIST has them")
        return stored[0].read()


def _read_raw(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.empty(shape, dtype)
    # Straight into its place: what is read is never held twice.
    wanted, there = memoryview(cast(Any, array)).cast("B") if array.size else memoryview(b""), 0
    while there < len(wanted) and (n_read := cast(io.BufferedIOBase, file).readinto(wanted[there:])):
        there += n_read
    if there < len(wanted) or file.read(1):
        raise UnreadableError(f"its header says {' x '.join(map(str, shape))}, it holds more or less: damaged")
    return array


def _matlab(file: BinaryIO, resources: ExitStack) -> list[StoredArray]:
    from scipy.io import whosmat

    file.seek(0)
    listed = [(key, shape, kind) for key, shape, kind in whosmat(file) if kind in MATLAB_TYPES]
    return [
        StoredArray(key, shape, np.dtype(MATLAB_TYPES[kind]), partial(_read_matlab, file, key))
        for key, shape, kind in listed
    ]


def _read_matlab(file: BinaryIO, key: str) -> NDArray[Any]:
    from scipy.io import loadmat

    file.seek(0)
    array = loadmat(file, variable_names=[key])[key]
    return cast(NDArray[Any], array.toarray() if hasattr(array, "toarray") else array)


def _hdf5(file: BinaryIO, resources: ExitStack) -> list[StoredArray]:
    return [_in_hdf5(key, dataset, transposed=False) for key, dataset in _datasets(file, resources)]


def _matlab_hdf5(file: BinaryIO, resources: ExitStack) -> list[StoredArray]:
    """List as MATLAB shows them: it writes its axes to HDF5 in reverse."""
    return [_in_hdf5(key, dataset, transposed=True) for key, dataset in _datasets(file, resources)]


def _datasets(file: BinaryIO, resources: ExitStack) -> list[tuple[str, Any]]:
    h5py = needed("h5py", "store", "reading HDF5, which MATLAB's v7.3 files are too,")
    opened = resources.enter_context(h5py.File(file, "r"))
    return [(key, dataset) for key, dataset in hdf5_datasets(opened) if not key.startswith("#")]


def _in_hdf5(key: str, dataset: Any, *, transposed: bool) -> StoredArray:
    shape = dataset.shape[::-1] if transposed else dataset.shape
    packed = PACKED in dataset.attrs
    names = names_in_hdf5(dataset) if packed else ()
    read = (lambda: dataset[()].T) if transposed else (lambda: dataset[()])
    return StoredArray(key, shape, dataset.dtype, read, images_first=packed, names=names)


def _format(name: str, signature: bytes, lister: Lister) -> ArrayFormat:
    return ArrayFormat(name, re.compile(signature, re.DOTALL), lister)


ARRAY_FORMATS = (
    _format("a NumPy array", rb"\x93NUMPY", _npy),
    _format("an archive of NumPy arrays", rb"PK(\x03\x04|\x05\x06)", _npz),
    _format("IDX", rb"\0\0[\x08\x09\x0b-\x0e][\x01-\x04]", _idx),
    # The text before it varies from writer to writer; the version and the byte order do not.
    _format("MATLAB v5", rb".{124}(\0\x01IM|\x01\0MI)", _matlab),
    _format("MATLAB v7.3", rb".{124}(\0\x02IM|\x02\0MI)", _matlab_hdf5),
    _format("ENVI", ENVI_SIGNATURE, list_envi),
    _format("HDF5", rb"\x89HDF\r\n\x1a\n", _hdf5),
)
