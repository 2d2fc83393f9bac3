"""How the files of named sets become images: each function takes the files and what is wanted of them."""

from __future__ import annotations

import bz2
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import ImageReadError
from imgnmf.images.archives import ARCHIVE_ERRORS, Packed, list_packed
from imgnmf.images.array_files import read_idx
from imgnmf.images.collect import Color, Finish
from imgnmf.images.imageset import ImageSet
from imgnmf.images.raster import Request
from imgnmf.images.readers import load_images
from imgnmf.images.reading import Job, read_pictures
from imgnmf.images.report import shown
from imgnmf.images.sources import list_files

__all__ = [
    "Wanted",
    "read_cbcl",
    "read_cifar",
    "read_idx_pair",
    "read_matrix",
    "read_pictures_of",
    "read_stl",
    "read_usps",
]

# Enough for the largest of the sets, which was not made to fill anybody's memory.
REQUEST = Request("error", max_bytes=2**33)


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a set: which part of it, in which colour and size."""

    subset: str = ""
    color: Color = "grey"
    size: tuple[int, int] | None = None

    def of(self, pixels: NDArray[Any], names: Any = (), labels: Any = None) -> ImageSet:
        """Return decoded pixels as they are wanted."""
        return replace(load_images(pixels, color=self.color, size=self.size), names=tuple(names), labels=labels)


def read_pictures_of(
    paths: list[Path],
    wanted: Wanted,
    *,
    keep: str = "",
    label: str | None = "",
    landscape: bool = False,
) -> ImageSet:
    """Read the pictures whose names `keep` finds; ``{subset}`` in it stands for the part that is wanted.

    The group of `label` in a name is its label; an empty one leaves the folder, None no label at all.
    """
    pattern = re.compile(keep.replace("{subset}", wanted.subset))
    finish = Finish(wanted.color, wanted.size, landscape=landscape)
    job = Job(REQUEST, finish, "raise", keep=lambda name: bool(pattern.search(name)))
    source = paths[0] if len(paths) == 1 else paths
    with ExitStack() as resources:
        images, warned = read_pictures(list_files(source, REQUEST, resources), job)
    named = images if len(paths) == 1 else replace(images, names=tuple(path.name for path in paths))
    return _labelled(_with_doubts(named, warned), label)


def read_cbcl(paths: list[Path], wanted: Wanted) -> ImageSet:
    """Read the faces of CBCL #1: from its folder, or from the archive in its archive."""
    keep = f"(^|{wanted.subset}/)face/"
    if paths[0].is_dir():
        return replace(read_pictures_of(paths, wanted, keep=keep), labels=None)
    name, inner = next(_members(paths[0], rf"face\.{wanted.subset}\.tar\.gz$"), ("", b""))
    if not name:
        return replace(read_pictures_of(paths, wanted, keep=keep), labels=None)
    packed = Packed(f"{shown(paths[0])}, {shown(name)}", inner)
    wanted_name = re.compile(keep)
    job = Job(
        REQUEST,
        Finish(wanted.color, wanted.size),
        "raise",
        keep=lambda name: bool(wanted_name.search(name)),
    )
    with ExitStack() as resources:
        listing = list_packed(packed, REQUEST, resources)
        if listing is None:
            raise ImageReadError(f"{packed.where}: expected a tar archive")
        return replace(read_pictures(listing, job)[0], labels=None)


def read_matrix(
    paths: list[Path],
    wanted: Wanted,
    *,
    key: str,
    image_shape: tuple[int, int],
    order: Literal["C", "F"],
    images_each: int = 0,
) -> ImageSet:
    """Read the columns of a matrix in a MATLAB file; `images_each` follow each other of every person."""
    flat = load_images(paths[0], key=key, image_shape=image_shape, order=order, images_in="columns")
    images = wanted.of(flat.pixels, flat.names)
    return replace(images, labels=np.arange(len(images)) // images_each) if images_each else images


def read_idx_pair(paths: list[Path], wanted: Wanted) -> ImageSet:
    """Read an IDX file of images and, if it is there, the one of their labels."""
    images = load_images(paths[0], color=wanted.color, size=wanted.size)
    return images if len(paths) == 1 else replace(images, labels=read_idx(paths[1], REQUEST))


def read_cifar(paths: list[Path], wanted: Wanted) -> ImageSet:
    """Read the records of the binary version: a label, then planes of red, green and blue."""
    wanted_files = r"test_batch\.bin$" if wanted.subset == "test" else r"data_batch_[1-5]\.bin$"
    batches = sorted(_members(paths[0], wanted_files))
    records = np.concatenate([_records(content, 3073, paths[0], name) for name, content in batches or [("", b"")]])
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return wanted.of(pixels, labels=records[:, 0].copy())


def read_stl(paths: list[Path], wanted: Wanted) -> ImageSet:
    """Read planes of red, green and blue, column by column; the labels count from 1."""
    files = {name.rsplit("/", 1)[-1]: content for name, content in _members(paths[0], rf"{wanted.subset}_[Xy]\.bin$")}
    records = _records(files.get(f"{wanted.subset}_X.bin", b""), 3 * 96 * 96, paths[0], f"{wanted.subset}_X.bin")
    labels = files.get(f"{wanted.subset}_y.bin")
    pixels = records.reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1)
    return wanted.of(pixels, labels=None if labels is None else np.frombuffer(labels, np.uint8))


def read_usps(paths: list[Path], wanted: Wanted) -> ImageSet:
    """Read the text of libsvm, packed by bzip2 or not: values -1..1 become 0..1, the labels 1..10 digits."""
    opener: Callable[[Path], Any] = bz2.open if paths[0].read_bytes()[:3] == b"BZh" else partial(Path.open, mode="rb")
    try:
        with opener(paths[0]) as file:
            rows = [line.split() for line in file]
        pixels = np.full((len(rows), 256), -1, np.float32)
        for row, place in zip(rows, pixels, strict=True):
            entries = np.array([entry.split(b":") for entry in row[1:]], float)
            place[entries[:, 0].astype(int) - 1] = entries[:, 1]
        labels = np.array([int(row[0]) - 1 for row in rows])
    except ARCHIVE_ERRORS as error:
        raise ImageReadError(f"{shown(paths[0])}: expected lines 'label index:value ...' ({error})") from error
    return wanted.of((pixels.reshape(-1, 16, 16) + 1) / 2, labels=labels)


def _labelled(images: ImageSet, label: str | None) -> ImageSet:
    if not label:
        return replace(images, labels=None) if label is None else images
    found = [re.search(label, name) for name in images.names]
    return replace(images, labels=np.array([match[1] if match else "" for match in found]))


def _with_doubts(images: ImageSet, warned: list[str]) -> ImageSet:
    if not warned or images.report is None:
        return images
    return replace(images, report=replace(images.report, converted=(*warned, *images.report.converted)))


def _records(content: bytes, length: int, path: Path, name: str) -> NDArray[np.uint8]:
    if not content or len(content) % length:
        raise ImageReadError(
            f"{shown(path)}: expected {name or 'its batches'} to hold records of {length} bytes, "
            f"found {len(content)} bytes"
        )
    return np.frombuffer(content, np.uint8).reshape(-1, length)


def _members(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Yield what a folder or a tar holds under names that fit, and how they are called."""
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file() and re.search(pattern, file.as_posix()):
                yield file.as_posix(), file.read_bytes()
        return
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isreg() and re.search(pattern, member.name):
                    stream = archive.extractfile(member)
                    yield member.name, stream.read() if stream else b""
    except ARCHIVE_ERRORS as error:
        raise ImageReadError(f"{shown(path)}: cannot be read as an archive ({error}): damaged or truncated") from error
