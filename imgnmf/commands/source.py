"""SOURCE, as the user writes it: a dataset's name, a folder, a glob or a file."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgnmf.core.loading import in_words
from imgnmf.errors import DataError, DataWarning, NoImagesError, ParameterError, tell
from imgnmf.images import (
    DatasetInfo,
    ImageSet,
    ReadReport,
    StoredImages,
    dataset_status,
    describe_datasets,
    describe_source,
    load_dataset,
    load_images,
    open_images,
)
from imgnmf.images.color import colourful
from imgnmf.images.report import shown
from imgnmf.images.rows import is_store

__all__ = [
    "Reading",
    "default_ranks",
    "describe",
    "is_model",
    "located",
    "opened",
    "parse_size",
    "read_source",
    "read_usable",
    "short_name",
    "size_of",
    "spread",
    "stands_for_files",
    "tell_left_out",
    "usable",
]

DEFAULT_RANKS = (4, 9, 16, 25, 49)
MOST_BYTES = 2**32  # as `load_images` takes by default


@dataclass(frozen=True)
class Reading:
    """How SOURCE is to be read: the same for every command.

    Attributes
    ----------
    size : (height, width), optional
        Resize every image; of the patches, cut them so.
    image_shape : (height, width) or (height, width, channels), optional
        What an image is, in a file of flattened ones.
    key : str, optional
        Which array of a file of several.
    frames : {"error", "first", "all"}
        Of a file of several pictures.
    color : {"grey", "rgb", "any"}
        ``"any"``: in colour unless no picture has any.
    grey_since : str
        What the user is told where colours are left out.
    """

    size: tuple[int, int] | None = None
    image_shape: tuple[int, ...] | None = None
    key: str | None = None
    frames: Literal["error", "first", "all"] = "error"
    color: Literal["grey", "rgb", "any"] = "grey"
    grey_since: str = "--color keeps them"

    @property
    def channels(self) -> Literal["grey", "rgb"]:
        """What `load_images` is to give."""
        return "grey" if self.color == "grey" else "rgb"

    def tell_grey(self, report: ReadReport | None) -> None:
        """Say once that colours were left out: parts in grey are no mistake, and not what everybody expects."""
        if report is not None and report.greyed:
            counts = f"{report.greyed} of {report.read} pictures have colours"
            tell(f"{counts} and are read as grey; {self.grey_since}", DataWarning)


def read_source(source: str, reading: Reading = Reading()) -> ImageSet:
    """Read the images into memory; files that cannot be read are left out, and on the report.

    Raises
    ------
    ImgnmfError
        What `load_images` and `load_dataset` raise.
    DataError
        They take more memory than a command may.

    Examples
    --------
    >>> read_source("patches", Reading(size=(6, 6)))
    PatchSet(10000 images of 6 x 6, uint8)
    """
    info = _dataset(source)
    if info is not None:
        return _named_set(info, reading)
    images = _of_zarr(source, reading) if _is_zarr(source) else _of_files(source, reading)
    reading.tell_grey(images.report)
    if reading.color == "any" and images.pixels.ndim == 4 and not any(map(colourful, images.pixels)):
        return replace(images, pixels=images.pixels[..., 0], report=_without_color(images.report))
    return images


def read_usable(source: str, reading: Reading = Reading()) -> ImageSet:
    """Read images as `read_source`, all of whose values can be factored.

    Raises
    ------
    DataError
        With the file, the row and the column of the first value that is NaN, infinite or negative, and their number.
    """
    return usable(read_source(source, reading))


def usable(images: ImageSet) -> ImageSet:
    """Return the images, once all their values are seen to be finite and at least 0.

    Examples
    --------
    >>> usable(ImageSet(np.array([[[0.0, -1.0]]]), names=["a.tif"]))
    Traceback (most recent call last):
    imgnmf.errors.DataError: a.tif: row 0, column 1 is -1.0, and in all images 1 of 2 values are negative; shift the
    images, or set them to 0 in the file
    """
    if images.pixels.dtype.kind not in "if":
        return images
    for kind, remedy, is_bad in (
        ("NaN or infinite", "replace them in the file, or set them to NaN, which imgnmf inpaint fills", _not_finite),
        ("negative", "shift the images, or set them to 0 in the file", _negative),
    ):
        counts = [int(is_bad(image).sum()) for image in images.pixels]  # image by image, for the memory
        if not any(counts):
            continue
        number = next(place for place, count in enumerate(counts) if count)
        place = tuple(int(i) for i in np.argwhere(is_bad(images.pixels[number]))[0])
        named = zip(("row", "column", "channel"), place, strict=False)
        raise DataError(
            f"{shown(images.names[number])}: {', '.join(f'{name} {i}' for name, i in named)} is "
            f"{images.pixels[number][place]}, and in all images {sum(counts)} of {images.pixels.size} values are "
            f"{kind}; {remedy}"
        )
    return images


def _not_finite(image: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(~np.isfinite(image))


def _negative(image: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(image < 0)


def _without_color(report: ReadReport | None) -> ReadReport | None:
    """Return the report of gray images that were read as RGB only to see whether they have colors."""
    if report is None:
        return None
    return replace(report, converted=tuple(line for line in report.converted if not line.endswith(" to rgb")))


def _of_files(source: str, reading: Reading) -> ImageSet:
    return load_images(
        source,
        size=reading.size,
        color=reading.channels,
        key=reading.key,
        frames=reading.frames,
        image_shape=reading.image_shape,
        on_error="skip",
    )


def _of_zarr(source: str, reading: Reading) -> ImageSet:
    stored = open_images(source, key=reading.key, image_shape=reading.image_shape)
    needed = math.prod(stored.V.shape) * stored.V.dtype.itemsize
    if needed > MOST_BYTES:
        coloured = stored.image_shape is not None and len(stored.image_shape) == 3
        fit = "imgnmf fit --color" if coloured else "imgnmf fit"
        raise DataError(
            f"the images of {source!r} take {in_words(needed)}, and a command that holds them in memory takes at most "
            f"{in_words(MOST_BYTES)}; {fit} reads them from disk, and imgnmf pack --size HxW makes them smaller"
        )
    return replace(load_images(stored[:].pixels, size=reading.size, color=reading.channels), names=stored.names)


def _named_set(info: DatasetInfo, reading: Reading) -> ImageSet:
    if dataset_status(info) == "downloadable":
        remedy = "give the path of a copy"
        if Path(info.name).is_dir():
            remedy = f"write ./{info.name} for the folder of that name here"
        raise NoImagesError(
            f"the dataset {info.name!r} is not here, and nothing is downloaded unless asked: "
            f"run imgnmf datasets {info.name} --download once, or {remedy}"
        )
    if reading.image_shape is not None or reading.key is not None or reading.color == "rgb":
        raise ParameterError(
            f"--image-shape, --key and --color apply to files; the dataset {info.name!r} is read as it is"
        )
    if reading.size is None:
        return load_dataset(info.name)
    if "size" in info.options:
        return load_dataset(info.name, size=reading.size)
    if info.name != "patches":
        raise ParameterError(f"--size applies to files and to patches; the dataset {info.name!r} has its own")
    return load_dataset(info.name, patch_size=reading.size)


def opened(source: str, reading: Reading = Reading()) -> StoredImages | None:
    """Open images that need not be loaded: a zarr store, a .npy or an HDF5 file; None for any other source.

    Raises
    ------
    ImgnmfError
        What `open_images` raises.
    """
    path = Path(os.path.expanduser(source))
    if reading.size is not None or _dataset(source) is not None or not is_store(path):
        return None
    stored = open_images(path, key=reading.key, image_shape=reading.image_shape)
    coloured = stored.image_shape is not None and len(stored.image_shape) == 3
    return None if coloured and reading.color == "grey" and reading.image_shape is None else stored


@contextmanager
def located(images: ImageSet | StoredImages) -> Iterator[None]:
    """Say in which image, row and column a value that cannot be factored lies, where a fit finds it.

    Of images that are read a few at a time, nobody has looked at all values before.
    """
    try:
        yield
    except DataError as error:
        if error.place is None or images.image_shape is None:
            raise
        pixel, number = error.place
        row, column, *_ = np.unravel_index(pixel, images.image_shape)
        name = images.names[number] if number < len(images.names) else str(number)
        raise DataError(f"image {shown(name)}, row {row}, column {column}: {error}") from error


def stands_for_files(source: str) -> bool:
    """Say whether a source is no dataset of that name."""
    return _dataset(source) is None


def _is_zarr(source: str) -> bool:
    path = Path(os.path.expanduser(source))
    return path.is_dir() and is_store(path)


def is_model(source: str) -> bool:
    """Say whether a file is, or by its name should be, a saved model: a safetensors file begins with a JSON header.

    >>> is_model("faces.imgnmf"), is_model("photos/")
    (True, False)
    """
    path = Path(os.path.expanduser(source))
    if path.suffix.lower() == ".imgnmf" and not path.is_dir():
        return True
    try:
        # Anything but a regular file might never give its bytes.
        with path.open("rb") if path.is_file() else BytesIO() as file:
            return file.read(9)[8:] == b"{"
    except OSError:
        return False


def describe(source: str) -> str:
    """Return what would be read from a source, a line a fact; of a dataset, what is known about it.

    Raises
    ------
    ImgnmfError
        What `describe_source` raises.
    """
    from imgnmf.commands.catalogue import one_dataset

    if _dataset(source) is None and _is_zarr(source):
        return str(open_images(source))
    return str(describe_source(source)) if _dataset(source) is None else one_dataset(source)


def parse_size(text: str, *, channels: bool = False) -> tuple[int, ...]:
    """Return (height, width), or with `channels`, if they are told, (height, width, channels).

    >>> parse_size("64x48"), parse_size("64x48x3", channels=True)
    ((64, 48), (64, 48, 3))
    """
    if re.fullmatch(r"[1-9][0-9]{0,5}[xX][1-9][0-9]{0,5}" + ("([xX][1-9][0-9]{0,3})?" if channels else ""), text):
        return tuple(map(int, text.lower().split("x")))
    form = "HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS" if channels else "HEIGHTxWIDTH"
    raise ParameterError(f"expected a size as {form}, say 64x48, got {text!r}")


def size_of(image_shape: tuple[int, ...]) -> str:
    """Return ``"64 x 48"``."""
    return " x ".join(map(str, image_shape))


def short_name(source: str) -> str:
    """Return what to call the source in a title or a file name.

    >>> short_name("photos/faces/"), short_name("faces/*.png"), short_name("digits")
    ('faces', 'faces', 'digits')
    """
    fixed = [part for part in Path(os.path.expanduser(source)).parts if not set(part) & set("*?[")]
    name = Path(*fixed).resolve().name if fixed else ""
    return Path(name).stem or "images"


def default_ranks(V: Any) -> tuple[int, ...]:
    """Return the usual ranks that are below ``min(n_pixels, n_images)``; 1 if none is.

    >>> import numpy as np
    >>> default_ranks(np.ones((100, 20))), default_ranks(np.ones((3, 2)))
    ((4, 9, 16), (1,))
    """
    return tuple(k for k in DEFAULT_RANKS if k < min(V.shape)) or (1,)


def tell_left_out(V: Any, ranks: tuple[int, ...]) -> None:
    """Say which of the usual ranks are not among `ranks`, the default for so few images or pixels."""
    left_out = [str(k) for k in DEFAULT_RANKS if k not in ranks]
    if left_out:
        n_pixels, n_images = V.shape
        bound = f"{n_images} images" if n_images <= n_pixels else f"{n_pixels} pixels"
        tell(f"k = {', '.join(left_out)} left out: the images are too few or too small, {bound}", DataWarning)


def spread(choices: NDArray[Any], most: int) -> list[int]:
    """Return at most so many of the choices, evenly spaced, the ends left out: sorted files begin alike.

    >>> spread(np.arange(10), 2), spread(np.arange(2), 5)
    ([2, 7], [0, 1])
    """
    n = min(len(choices), most)
    return [int(choices[int(place)]) for place in (np.arange(n) + 0.5) * len(choices) / max(n, 1)]


def _dataset(name: str) -> DatasetInfo | None:
    return next((info for info in describe_datasets() if info.name == name), None)
