"""Write a set of images once, a portion at a time, so that fits can read it a portion at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedRandom
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import numpy as np

from imgnmf.atomic import replacing
from imgnmf.commands.output import checked_file, checked_folder, json_object, staged
from imgnmf.commands.source import Reading, opened, read_source, stands_for_files
from imgnmf.errors import ParameterError
from imgnmf.images import ReadReport, Skipped, StoredImages, load_images, open_images
from imgnmf.images.extras import needed
from imgnmf.images.rows import NAMES, PACKED, is_store
from imgnmf.images.streaming import Portion, portion_length, portions_in_memory, portions_of, portions_of_files

__all__ = ["Packed", "pack_images"]


@dataclass(frozen=True)
class Packed:
    """What was written where; `report` says what was left out."""

    path: Path
    n_images: int
    image_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    report: ReadReport


class _Writer(Protocol):
    def __call__(self, portion: Portion) -> None:
        """Append images, and their names where the format has room for them."""
        ...


def pack_images(
    source: str,
    output: str,
    *,
    reading: Reading = Reading(),  # noqa: B008 - frozen
    force: bool = False,
) -> Packed:
    """Write the images of a source as one array (n_images, height, width), in their own dtype; all of it or nothing.

    Their names go with them, but for .npy, which holds an array alone.

    Raises
    ------
    ParameterError
        The output ends in none of .npy, .zarr, .h5, or is there already.
    ImgnmfError
        What reading and writing raise.
    """
    suffix = Path(output).suffix.lower()
    if suffix not in WRITERS:
        raise ParameterError(f"the output must end in {', '.join(WRITERS)}, got {output!r}")
    target = _checked_store(output, force) if suffix == ".zarr" else checked_file(output, force=force, suffix=suffix)
    skipped: list[Skipped] = []
    portions = _portions(source, reading, skipped)
    first = next(portions)
    count = greyed = 0
    with WRITERS[suffix](target, first.pixels) as write:
        for portion in chain((first,), portions):
            write(portion)
            count, greyed = count + len(portion.pixels), greyed + portion.greyed
    report = ReadReport(count, tuple(skipped), (), greyed)
    reading.tell_grey(report)
    return Packed(target, count, first.pixels.shape[1:], first.pixels.dtype, report)


def _portions(source: str, reading: Reading, skipped: list[Skipped]) -> Iterator[Portion]:
    stored = opened(source, reading)
    if stored is not None:
        return portions_of(stored)
    path, files = Path(os.path.expanduser(source)), stands_for_files(source)
    if files and is_store(path):
        return _converted(open_images(path, key=reading.key, image_shape=reading.image_shape), reading)
    if files and reading.key is None and reading.image_shape is None:
        told: dict[str, Any] = {"size": reading.size, "color": reading.channels, "frames": reading.frames}
        return portions_of_files(source, skipped, on_error="skip", **told)
    return portions_in_memory(replace(read_source(source, reading), report=None))  # it has told of colours


def _converted(stored: StoredImages, reading: Reading) -> Iterator[Portion]:
    """Stored images resized, or without their colours, a portion at a time."""
    coloured = stored.image_shape is not None and len(stored.image_shape) == 3
    for portion in portions_of(stored):
        images = load_images(portion.pixels, size=reading.size, color=reading.channels if coloured else "grey")
        yield Portion(images.pixels, portion.names, 0 if images.report is None else images.report.greyed)


def _checked_store(output: str, force: bool) -> Path:
    """As `checked_folder`; what may be replaced is a zarr store that this command wrote, by its attributes."""
    path = Path(os.path.expanduser(output))
    attributes = json_object(path / "zarr.json").get("attributes")
    if path.is_symlink() or not (isinstance(attributes, dict) and PACKED in attributes):
        return checked_folder(output, force=force)
    if not force:
        raise ParameterError(f"{output!r} exists; choose another name, or pass --force to replace it")
    return path


@contextmanager
def _npy(target: Path, first: Any) -> Iterator[_Writer]:
    count = 0
    with replacing(target) as file:
        length = _npy_header(file, 0, first)

        def write(portion: Portion) -> None:
            nonlocal count
            file.write(np.ascontiguousarray(portion.pixels).tobytes())
            count += len(portion.pixels)

        yield write
        file.seek(0)
        # NumPy leaves room in the header for the first axis to grow.
        if _npy_header(file, count, first) != length:
            raise AssertionError("the header of a .npy file has changed its length")


def _npy_header(file: BinaryIO, n_images: int, first: Any) -> int:
    header = {"descr": first.dtype.str, "fortran_order": False, "shape": (n_images, *first.shape[1:])}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


@contextmanager
def _hdf5(target: Path, first: Any) -> Iterator[_Writer]:
    h5py = needed("h5py", "store", "writing HDF5")
    with replacing(target) as opened, _HDF5File(opened) as file, h5py.File(file, "w") as store:
        chunks = portion_length(first.shape[1:], first.dtype), *first.shape[1:]
        # The checksum makes a damaged chunk an error instead of other pixels.
        images = store.create_dataset(
            "images",
            (0, *first.shape[1:]),
            first.dtype,
            maxshape=(None, *first.shape[1:]),
            chunks=chunks,
            fletcher32=True,
        )
        images.attrs[PACKED] = first.shape[1:]
        names: list[str] = []

        def write(portion: Portion) -> None:
            images.resize(len(images) + len(portion.pixels), axis=0)
            images[-len(portion.pixels) :] = portion.pixels
            names.extend(portion.names)
            file.check()

        yield write
        if names:
            store.create_dataset(NAMES, data=[*map(_written, names)], dtype=h5py.string_dtype())


class _HDF5File:
    """A file that tells HDF5 of no failure: if a write fails, HDF5 tears the process down with it when it closes.

    The first failure is kept, nothing is written any more, and the failure is raised once HDF5 has closed.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._failure: OSError | None = None
        self._place = self._end = 0

    def __enter__(self) -> _HDF5File:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        self.check()

    def check(self) -> None:
        """Raise the failure that was kept, if there was any."""
        if self._failure is not None:
            raise self._failure

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end}[whence]
        return self._place

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes; h5py takes for a file what has this, and calls `readinto`."""
        buffer = bytearray(size)
        return bytes(buffer[: self.readinto(memoryview(buffer))])

    def readinto(self, buffer: memoryview) -> int:
        self._attempt(lambda: cast(BufferedRandom, self._file).readinto(buffer))
        self._place += len(buffer)
        return len(buffer)

    def write(self, data: memoryview) -> int:
        self._attempt(lambda: self._file.write(data))
        self._place += len(data)
        self._end = max(self._end, self._place)
        return len(data)

    def truncate(self, size: int) -> int:
        self._attempt(lambda: self._file.truncate(size))
        self._end = size
        return size

    def flush(self) -> None:
        self._attempt(self._file.flush)

    def _attempt(self, act: Callable[[], object]) -> None:
        if self._failure is None:
            try:
                self._file.seek(self._place)
                act()
            except OSError as failure:
                self._failure = failure


@contextmanager
def _zarr(target: Path, first: Any) -> Iterator[_Writer]:
    zarr = needed("zarr", "store", "writing zarr")
    count = 0
    with staged(target) as staging:
        images = zarr.create_array(
            staging,
            shape=(len(first), *first.shape[1:]),
            chunks=(portion_length(first.shape[1:], first.dtype), *first.shape[1:]),
            dtype=first.dtype,
            # A checksum and no compression: images shrink little, and every pass would have to unpack them.
            compressors=[zarr.codecs.Crc32cCodec()],
            attributes={PACKED: list(first.shape[1:])},
            # A chunk that is not there is then one that was lost.
            config={"write_empty_chunks": True},
        )

        names: list[str] = []

        def write(portion: Portion) -> None:
            nonlocal count
            pixels = portion.pixels
            if count + len(pixels) > images.shape[0]:
                images.resize((2 * count + len(pixels), *first.shape[1:]))
            images[count : count + len(pixels)] = pixels
            count += len(pixels)
            names.extend(map(_written, portion.names))

        yield write
        images.resize((count, *first.shape[1:]))
        if names:
            images.update_attributes({NAMES: names})


def _written(name: str) -> str:
    """The name as UTF-8 can hold it: that of a file on Linux may be any bytes."""
    return name.encode(errors="backslashreplace").decode()


WRITERS = {".npy": _npy, ".zarr": _zarr, ".h5": _hdf5}
