"""SOURCE, as the user writes it: a dataset's name, a folder, a glob or a file."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import NoImagesError, ParameterError
from imgnmf.images import (
    DatasetInfo,
    ImageSet,
    StoredImages,
    dataset_status,
    describe_datasets,
    describe_source,
    load_dataset,
    load_images,
    open_images,
    resize,
)
from imgnmf.images.rows import is_store

__all__ = [
    "default_ranks",
    "describe",
    "is_model",
    "opened",
    "parse_size",
    "read_in_colour",
    "read_source",
    "short_name",
    "size_of",
    "spread",
    "stands_for_files",
]

DEFAULT_RANKS = (4, 9, 16, 25, 49)


def read_source(source: str, size: tuple[int, int] | None = None) -> ImageSet:
    """Read the images; files that cannot be read are left out, and on the report.

    Raises
    ------
    ImgnmfError
        What `load_images` and `load_dataset` raise.

    Examples
    --------
    >>> read_source("patches", size=(6, 6))
    PatchSet(10000 images of 6 x 6, uint8)
    """
    info = _dataset(source)
    if info is None and _is_zarr(source):
        images = open_images(source)[:]
        return images if size is None else resize(images, size)
    if info is None:
        return load_images(source, size=size, on_error="skip")
    if dataset_status(info) == "downloadable":
        raise NoImagesError(
            f"the dataset {source!r} is not here, and nothing is downloaded unless asked: "
            f"run imgnmf datasets {source} --download once, or give the path of a copy"
        )
    if size is None:
        return load_dataset(source)
    if "size" in info.options:
        return load_dataset(source, size=size)
    if source != "patches":
        raise ParameterError(f"--size applies to files and to patches; the dataset {source!r} has its own")
    return load_dataset(source, patch_size=size)


def read_in_colour(source: str, size: tuple[int, int] | None = None) -> ImageSet:
    """As `read_source`, in colour unless no picture has any: for what should look like what came."""
    if _dataset(source) is not None or _is_zarr(source):
        return read_source(source, size)
    images = load_images(source, size=size, color="rgb", on_error="skip")
    first = images.pixels[..., :1]
    if images.pixels.ndim == 4 and np.array_equal(images.pixels, np.broadcast_to(first, images.pixels.shape), True):
        return ImageSet(first[..., 0], images.names, images.labels, images.report)
    return images


def opened(
    source: str, size: tuple[int, int] | None = None, image_shape: tuple[int, ...] | None = None
) -> StoredImages | None:
    """Open grey images that need not be loaded: a zarr store, a .npy or an HDF5 file; None for any other source.

    Raises
    ------
    ImgnmfError
        What `open_images` raises.
    """
    path = Path(source).expanduser()
    if size is not None or _dataset(source) is not None or not is_store(path):
        if image_shape is not None:
            raise ParameterError("--image-shape applies to a .npy file, an HDF5 file or a zarr store, without --size")
        return None
    stored = open_images(path, image_shape=image_shape)
    colored = stored.image_shape is not None and len(stored.image_shape) == 3
    return None if colored and image_shape is None and not _is_zarr(source) else stored


def stands_for_files(source: str) -> bool:
    """Say whether a source is no dataset of that name."""
    return _dataset(source) is None


def _is_zarr(source: str) -> bool:
    path = Path(source).expanduser()
    return path.is_dir() and is_store(path)


def is_model(source: str) -> bool:
    """Say whether a file is, or by its name should be, a saved model: a safetensors file begins with a JSON header.

    >>> is_model("faces.imgnmf"), is_model("photos/")
    (True, False)
    """
    path = Path(source).expanduser()
    if path.suffix == ".imgnmf" and not path.is_dir():
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


def parse_size(text: str) -> tuple[int, int]:
    """Return (height, width).

    >>> parse_size("64x48")
    (64, 48)
    """
    match = re.fullmatch(r"([1-9][0-9]{0,5})[xX]([1-9][0-9]{0,5})", text)
    if match is None:
        raise ParameterError(f"expected a size as HEIGHTxWIDTH, say 64x48, got {text!r}")
    return int(match[1]), int(match[2])


def size_of(image_shape: tuple[int, ...]) -> str:
    """Return ``"64 x 48"``."""
    return " x ".join(map(str, image_shape))


def short_name(source: str) -> str:
    """Return what to call the source in a title or a file name.

    >>> short_name("photos/faces/"), short_name("faces/*.png"), short_name("digits")
    ('faces', 'faces', 'digits')
    """
    fixed = [part for part in Path(source).expanduser().parts if not set(part) & set("*?[")]
    name = Path(*fixed).resolve().name if fixed else ""
    return Path(name).stem or "images"


def default_ranks(V: Any) -> tuple[int, ...]:
    """Return the usual ranks that are below ``min(n_pixels, n_images)``; 1 if none is.

    >>> import numpy as np
    >>> default_ranks(np.ones((100, 20))), default_ranks(np.ones((3, 2)))
    ((4, 9, 16), (1,))
    """
    return tuple(k for k in DEFAULT_RANKS if k < min(V.shape)) or (1,)


def spread(choices: NDArray[Any], most: int) -> list[int]:
    """Return at most so many of the choices, evenly spaced, the ends left out: sorted files begin alike.

    >>> spread(np.arange(10), 2), spread(np.arange(2), 5)
    ([2, 7], [0, 1])
    """
    n = min(len(choices), most)
    return [int(choices[int(place)]) for place in (np.arange(n) + 0.5) * len(choices) / max(n, 1)]


def _dataset(name: str) -> DatasetInfo | None:
    return next((info for info in describe_datasets() if info.name == name), None)
