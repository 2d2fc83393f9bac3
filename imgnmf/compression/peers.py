"""Codecs to compare with: those of Pillow, and PCA by the quantiser and coder of NMF."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.compression.closed import quantised
from imgnmf.compression.codec import closed_bytes, decode_images, encode_images
from imgnmf.compression.layout import Layout, eight_bit
from imgnmf.compression.parts_file import SharedParts
from imgnmf.compression.ranks import fitted
from imgnmf.compression.tables import Integers
from imgnmf.compression.training import shared
from imgnmf.core.check import checked_rank
from imgnmf.core.parts import Array
from imgnmf.errors import IncompatibleError
from imgnmf.images import ImageSet
from imgnmf.validation import checked_count

__all__ = ["ClosedSet", "PillowFormat", "Shared", "Trial", "pca_parts", "pillow_formats"]

QUALITIES = (0, 2, 5, 10, 20, 30, 45, 60, 75, 90)
# JPEG 2000 is told how many times smaller than the raw pixels to become.
RATIOS = (200, 120, 80, 50, 30, 20, 12, 8, 5, 3, 2, 1)
FEATURES = {"JPEG": "jpg", "JPEG2000": "jpg_2000", "WEBP": "webp", "AVIF": "avif"}


@dataclass(frozen=True, eq=False)
class Trial:
    """What one setting of a codec made of a set: the bytes of each file, and all the pixels."""

    setting: str
    n_bytes: tuple[int, ...]
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class PillowFormat:
    """A format of Pillow, each image as a file of its own, or all as tiles of one picture.

    Examples
    --------
    >>> images = ImageSet(np.full((4, 16, 16), 99, np.uint8))
    >>> [trial.pixels.shape for trial in PillowFormat("JPEG", settings=(50,)).trials(images)]
    [(4, 16, 16)]
    """

    format: str
    mosaic: bool = False
    settings: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The format, and how many files."""
        return f"{self.format} {'mosaic' if self.mosaic else 'per file'}"

    def trials(self, images: ImageSet) -> Iterator[Trial]:
        """One setting after the other."""
        pictures = [_mosaic(images.pixels)] if self.mosaic else list(images.pixels)
        for setting in self.settings or (RATIOS if self.format == "JPEG2000" else QUALITIES):
            files = [_saved(picture, self.format, setting) for picture in pictures]
            read = [_read(file, pictures[0].shape) for file in files]
            pixels = _tiles(read[0], images) if self.mosaic else np.stack(read)
            yield Trial(str(setting), tuple(map(len, files)), pixels)


@dataclass(frozen=True)
class ClosedSet:
    """NMF or PCA with the parts counted: every rank at every step."""

    kind: str
    ranks: tuple[int, ...]
    steps: tuple[float, ...]
    patch_size: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The kind, and of what the parts are."""
        return f"{self.kind} closed set{' of patches' if self.patch_size else ''}"

    def trials(self, images: ImageSet) -> Iterator[Trial]:
        """Fit each rank once, then round it by each step."""
        layout = Layout(images.image_shape, self.patch_size)
        V = layout.columns(images)
        for rank in (rank for rank in self.ranks if rank <= min(V.shape)):
            W, H, offset = _factors(self.kind, V, rank)
            for step in self.steps:
                coded = quantised(V, W, H, step, offset=offset, signed=self.kind == "PCA")
                data = closed_bytes(coded, layout, len(images))
                yield Trial(f"k={rank} step={step:g}", (len(data),), decode_images(data).pixels)


@dataclass(frozen=True, eq=False)
class Shared:
    """Shared parts at every step; the images in one file, or each in its own."""

    name: str
    parts: SharedParts
    per_file: bool = False

    def trials(self, images: ImageSet) -> Iterator[Trial]:
        """One step after the other."""
        sets = [images[i] for i in range(len(images))] if self.per_file else [images]
        for step in self.parts.steps:
            files = [encode_images(one, parts=self.parts, step=step / 16) for one in sets]
            pixels = np.concatenate([decode_images(file, self.parts).pixels for file in files])
            yield Trial(f"k={self.parts.rank} step={step / 16:g}", tuple(map(len, files)), pixels)


def pca_parts(
    images: Any, rank: int, *, patch_size: tuple[int, int] | None = None, bits: int = 8, n_columns: int = 20_000
) -> SharedParts:
    """Principal components as parts to share: what `train_parts` is compared with.

    One step for all coefficients is the bit allocation that is right for orthonormal components: those whose
    variance is below it cost nothing (reverse water-filling, Cover & Thomas, ch. 10).

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (30, 4, 4), dtype=np.uint8)
    >>> pca_parts(images, 5).rank
    5
    """
    checked_count("n_columns", n_columns, 1)
    found = eight_bit(images)
    layout = Layout(found.image_shape, patch_size)
    V = layout.columns(found)
    rank = checked_rank(rank, V.shape, beyond=False)
    V = V[:, :: math.ceil(V.shape[1] / n_columns)]
    W, _, mean = _principal(V, rank)
    return shared(W, V, layout, bits=bits, offset=mean, signed=True)


def pillow_formats(*, mosaic: bool = False) -> tuple[PillowFormat, ...]:
    """Those of JPEG, JPEG 2000, WebP and AVIF that this Pillow was built with."""
    from PIL import features

    return tuple(PillowFormat(name, mosaic) for name, feature in FEATURES.items() if features.check(feature))


def _factors(kind: str, V: Array, rank: int) -> tuple[Array, Array, Integers | None]:
    if kind == "PCA":
        return _principal(V, rank)
    return (*fitted(V, rank, 0, None), None)


def _principal(V: Array, rank: int) -> tuple[Array, Array, Integers]:
    mean = np.rint(V.mean(axis=1)).astype(np.int64)
    U, s, Vt = np.linalg.svd(V - mean[:, None].astype(np.float64), full_matrices=False)
    return U[:, :rank], s[:rank, None] * Vt[:rank], mean


def _saved(picture: NDArray[np.uint8], form: str, setting: int) -> bytes:
    from PIL import Image

    if picture.ndim == 3 and picture.shape[2] != 3:
        raise IncompatibleError(f"expected grey or colour for {form}, found {picture.shape[2]} channels")
    file = io.BytesIO()
    options: dict[str, Any] = {"quality": setting}
    if form == "JPEG2000":
        options = {"quality_layers": [setting], "irreversible": True}
    elif form == "JPEG":
        options["optimize"] = True
    elif form == "WEBP":
        options["method"] = 6
    Image.fromarray(picture).save(file, form, **options)
    return file.getvalue()


def _read(file: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    from PIL import Image

    with Image.open(io.BytesIO(file)) as picture:
        return np.asarray(picture.convert("L" if len(shape) == 2 else "RGB"))


def _mosaic(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """All images side by side, about as many down as across; what is left over repeats the last one."""
    across = math.ceil(math.sqrt(len(pixels)))
    down = math.ceil(len(pixels) / across)
    numbers = np.minimum(np.arange(across * down), len(pixels) - 1).reshape(down, across)
    return np.concatenate([np.concatenate(list(pixels[row]), axis=1) for row in numbers], axis=0)


def _tiles(mosaic: NDArray[np.uint8], images: ImageSet) -> NDArray[np.uint8]:
    height, width = images.image_shape[:2]
    across = mosaic.shape[1] // width
    places = [divmod(i, across) for i in range(len(images))]
    return np.stack([mosaic[r * height : (r + 1) * height, c * width : (c + 1) * width] for r, c in places])
