"""`imgnmf inpaint`: the images of SOURCE without their holes, and a figure of some of them."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imgnmf.archive import load
from imgnmf.archive_kinds import kind_of
from imgnmf.atomic import write_bytes
from imgnmf.commands.model import image_file_names
from imgnmf.commands.output import MARKER, checked_folder, staged, write_json
from imgnmf.commands.source import Reading, read_source, size_of, spread
from imgnmf.commands.summary import describe_source, finite
from imgnmf.commands.unknown import unknown_pixels
from imgnmf.core.result import Factorization
from imgnmf.errors import IncompatibleError, ShapeMismatchError
from imgnmf.images import ImageSet
from imgnmf.images.rows import is_store
from imgnmf.inpainting import Inpainted, inpaint

__all__ = ["Filled", "InpaintOptions", "inpaint_source"]

MOST_DRAWN = 6


@dataclass(frozen=True)
class InpaintOptions:
    """How to fill; None leaves a choice to the library."""

    rank: int | None = None
    model: str | None = None
    patch_size: tuple[int, int] | None = None
    max_iter: int = 300
    rng: int = 0
    threads: int | None = None

    def fill(self, images: ImageSet, seen: Any) -> Inpainted:
        """Fill what was not seen."""
        given, patch_size = self._parts(images)
        return inpaint(
            images,
            seen,
            self.rank,
            model=given,
            patch_size=patch_size,
            max_iter=self.max_iter,
            rng=self.rng,
            threads=self.threads,
        )

    def _parts(self, images: ImageSet) -> tuple[Factorization | None, tuple[int, int] | None]:
        """The model's parts, and the size of patches: the model's own where its images are smaller than these."""
        if self.model is None:
            return None, self.patch_size
        fit, meta = load(self.model)
        if not isinstance(fit, Factorization):
            raise IncompatibleError(
                f"{self.model} is of a {kind_of(fit)} fit, which encodes whole images alone; "
                "give a model that imgnmf fit wrote"
            )
        if meta.steps or meta.mask is not None:
            raise IncompatibleError(
                "the model is of images that were cropped or otherwise prepared; fit one of whole ones"
            )
        if self.patch_size is not None or meta.image_shape in (None, images.image_shape):
            return fit, self.patch_size
        height, width = meta.image_shape[:2]
        return fit, (height, width)


@dataclass(frozen=True)
class Filled:
    """What was done, and where it is."""

    images: ImageSet
    done: Inpainted
    folder: Path
    n_filled: int
    psnr: float | None


def inpaint_source(
    source: str,
    output: str,
    *,
    mask: str | None,
    unknown: str | None,
    originals: str | None,
    reading: Reading = Reading(),  # noqa: B008 - frozen
    force: bool,
    options: InpaintOptions,
) -> Filled:
    """Fill the unknown pixels of SOURCE and write the images, the figure and an account."""
    target = checked_folder(output, force=force)
    images = read_source(source, replace(reading, color="any"))
    holes = unknown_pixels(images, mask, unknown)
    truth = None if originals is None else _originals(originals, images, reading)
    done = options.fill(images, ~holes)
    psnr = None if truth is None else _psnr(done.images.pixels, truth, holes)
    with staged(target) as staging:
        _write_images(staging, done.images)
        _draw(staging / "inpainted.png", done.images, holes, truth)
        write_json(staging / MARKER, _account(source, images, done, holes, psnr))
    return Filled(images, done, target, int(holes.sum()), psnr)


def _originals(source: str, images: ImageSet, reading: Reading) -> ImageSet:
    """Read as the images are; only what says how arrays lie in a file is not for a folder of pictures."""
    place = Path(os.path.expanduser(source))
    if place.is_dir() and not is_store(place):
        reading = replace(reading, key=None, image_shape=None)
    truth = read_source(source, replace(reading, color="any"))
    if truth.pixels.shape != images.pixels.shape:
        raise ShapeMismatchError(
            f"the originals must be as many as the images and of their size, {len(images)} of "
            f"{size_of(images.image_shape)}, and {source!r} has {len(truth)} of {size_of(truth.image_shape)}"
        )
    return truth


def _write_images(folder: Path, images: ImageSet) -> None:
    """PNGs, which hold 8 bits exactly, and 16 of gray; other numbers as they are in one array beside them."""
    from imgnmf.viz import save_image

    exact = images.pixels.dtype == np.uint8
    for picture, name in zip(images.pixels, image_file_names(images.names, len(images)), strict=True):
        shown = picture if picture.ndim == 2 or picture.shape[2] in (1, 3) else picture.mean(axis=2)
        save_image(folder / name, shown, white=images.white_level)
    if not exact:
        buffer = io.BytesIO()
        np.save(buffer, images.pixels, allow_pickle=False)
        write_bytes(folder / "images.npy", buffer.getvalue())


def _draw(path: Path, images: ImageSet, holes: Any, truth: ImageSet | None) -> None:
    from imgnmf.viz import inpainted, save_figure

    damaged = np.flatnonzero(holes.any(axis=(1, 2)))
    shown = spread(damaged, MOST_DRAWN)
    figure = inpainted(
        images.pixels[shown],
        holes[shown],
        originals=None if truth is None else truth.pixels[shown],
        names=[images.names[number] for number in shown],
        title=f"{len(shown)} of {len(damaged)} images with unknown pixels" if len(shown) < len(damaged) else None,
    )
    save_figure(path, figure)


def _psnr(filled: Any, truth: ImageSet, holes: Any) -> float | None:
    """Over the filled pixels alone; None if they are exact."""
    squared = float(np.mean((filled[holes].astype(np.float64) - truth.pixels[holes]) ** 2)) / truth.white_level**2
    return -10 * float(np.log10(squared)) if squared else None


def _account(source: str, images: ImageSet, done: Inpainted, holes: Any, psnr: float | None) -> dict[str, Any]:
    return {
        **describe_source(source, images),
        "pixels_filled": int(holes.sum()),
        "rank": None if done.fit is None else done.fit.rank,
        "patch_size": done.patch_size,
        "strength": finite(done.strength),
        "relative_error_on_hidden_pixels": finite(done.hidden_error),
        "the_same_of_biharmonic_inpainting": finite(done.smooth_error),
        "psnr_of_filled_pixels": None if psnr is None else finite(psnr),
    }
