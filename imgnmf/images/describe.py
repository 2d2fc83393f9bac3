"""What a source holds, from its headers alone: for a look before anything is decoded."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from imgnmf.images.accounts import labels_from
from imgnmf.images.arrays import find_arrays
from imgnmf.images.formats import measure
from imgnmf.images.listing import Listing, SourceFile
from imgnmf.images.raster import Header, Request, UnreadableError
from imgnmf.images.report import Skipped, counted, listed, shown
from imgnmf.images.sources import Source, list_files
from imgnmf.images.stored import REAL, StoredArray

__all__ = ["SourceDescription", "describe_source"]


@dataclass(frozen=True)
class SourceDescription:
    """What a source holds, one fact a line as text.

    Attributes
    ----------
    where : str
        The source in words.
    n_files, n_images : int
        How many files can be read, and how many images are in them.
    sizes : tuple of ((height, width), count)
        Of images, the commonest first.
    kinds : tuple of (str, count)
        Depth and colour: ``("8-bit grey", 400)``.
    arrays : tuple of str
        Of a file of arrays: key, shape and dtype of each.
    labels : tuple of str
        What the images are labelled with, each label once.
    skipped : tuple of Skipped
        What would be left out, or would be an error, and why.
    notes : tuple of str
        What to pass to `load_images`.
    """

    where: str
    n_files: int = 0
    n_images: int = 0
    sizes: tuple[tuple[tuple[int, int], int], ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()
    arrays: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        facts: dict[str, str] = {"source": self.where}
        if self.arrays:
            facts["arrays"] = listed(self.arrays)
        else:
            facts["images"] = f"{self.n_images} in {counted(self.n_files, 'file')}"
            facts["size"] = listed(tuple(f"{h} x {w} ({n})" for (h, w), n in self.sizes)) or "none"
            facts["kind"] = listed(tuple(f"{kind} ({n})" for kind, n in self.kinds)) or "none"
        if len(self.sizes) == 1:
            facts["V"] = f"{math.prod(self.sizes[0][0])} pixels x {self.n_images} images in grey"
        if self.labels:
            facts["labels"] = f"{len(self.labels)}: {listed(tuple(map(shown, self.labels)))}"
        if self.skipped:
            facts["skipped"] = f"{len(self.skipped)}: {listed(self.skipped)}"
        lines = [f"{fact + ':':<9}{value}" for fact, value in facts.items()]
        return "\n".join([*lines, *(f"{'note:':<9}{note}" for note in self.notes)])


def describe_source(source: Source) -> SourceDescription:
    r"""Look at the headers of all that `load_images` would read from a source; decode nothing.

    Parameters
    ----------
    source : path, glob, list of paths, or array
        As for `load_images`.

    Returns
    -------
    SourceDescription
        Its text has one fact a line.

    Raises
    ------
    NoImagesError, ParameterError, ImageReadError
        If there is no such source, or it is a damaged archive or file of arrays. A damaged picture is no error
        here: it is listed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("10.pgm", "9.pgm"):
    ...         _ = pathlib.Path(folder, name).write_bytes(b"P5 3 2 255\n" + bytes(range(6)))
    ...     found = describe_source(folder)
    >>> print("\n".join(str(found).splitlines()[1:]))
    images:  2 in 2 files
    size:    2 x 3 (2)
    kind:    8-bit grey (2)
    V:       6 pixels x 2 images in grey
    """
    request = Request("all")
    with ExitStack() as resources:
        stored = find_arrays(source, request, resources)
        if stored is not None:
            where = "an array" if hasattr(source, "dtype") else shown(source)  # type: ignore[arg-type]
            return SourceDescription(where, arrays=tuple(map(str, stored)), notes=_array_notes(stored))
        listing = list_files(source, request, resources)
        measured = [(file, _measured(file, request)) for file in listing.files]
    return _described(listing, measured)


def _measured(file: SourceFile, request: Request) -> Header | Skipped:
    try:
        with file.open(request) as opened:
            header = measure(opened)
            request.check_size(header.height, header.width)
            return header
    except UnreadableError as refusal:
        return Skipped(file.name, str(refusal))


def _described(listing: Listing, measured: list[tuple[SourceFile, Header | Skipped]]) -> SourceDescription:
    read = [(file, header) for file, header in measured if isinstance(header, Header)]
    refused = tuple(header for _, header in measured if isinstance(header, Skipped))
    sizes: Counter[tuple[int, int]] = Counter()
    kinds: Counter[str] = Counter()
    for _, header in read:
        sizes[header.height, header.width] += header.frames
        kinds[header.kind] += header.frames
    folders = labels_from(listing, [file.name for file, _ in read])
    return SourceDescription(
        listing.where,
        len(read),
        sizes.total(),
        tuple(sizes.most_common()),
        tuple(kinds.most_common()),
        labels=() if folders is None else tuple(dict.fromkeys(folders.tolist())),
        skipped=(*listing.skipped, *refused),
        notes=tuple(_picture_notes(read, sizes, kinds)),
    )


def _picture_notes(read: list[tuple[SourceFile, Header]], sizes: Counter[Any], kinds: Counter[str]) -> list[str]:
    several = [(file, header) for file, header in read if header.frames > 1]
    notes = []
    if several:
        file, header = several[0]
        many = f"{counted(len(several), 'file')} of several frames, first {shown(file.name)} of {header.frames}"
        notes.append(f'{many}: pass frames="all" or frames="first"')
    if len(sizes) > 1:
        notes.append("several sizes: pass size=(h, w) to resize all")
    if len(kinds) > 1:
        notes.append("several depths or colours: all come to one of them, with a warning; strict=True refuses that")
    return notes


def _array_notes(stored: list[StoredArray]) -> tuple[str, ...]:
    if stored and not any(array.dtype.kind in REAL for array in stored):
        return ("no array holds real numbers, so there are no images",)
    stacks = [array for array in stored if len(array.shape) in (3, 4) and array.images_first]
    if len(stored) == len(stacks) == 1:
        n_images, *shape = stacks[0].shape
        return (f"{counted(n_images, 'image')} of {' x '.join(map(str, shape))}",)
    largest = max(stored, key=lambda array: math.prod(array.shape), default=None)
    square = "" if largest is None else _square(largest)
    return (f"say which array and what an image is: pass key=, image_shape=(h, w), order=, images_in={square}",)


def _square(array: StoredArray) -> str:
    """Return a hint where the number of pixels is a square, as it often is: it is a guess, and only told."""
    sides = [math.isqrt(length) for length in array.shape if length > 1 and math.isqrt(length) ** 2 == length]
    return f"; {max(sides)} x {max(sides)} would fit {array}" if sides and len(array.shape) == 2 else ""
