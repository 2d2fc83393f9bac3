"""`imgnmf occlusions`: what stands in the way in SOURCE, as masks that `inpaint --mask` takes, and a figure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from imgnmf.archive import save
from imgnmf.commands.model import image_file_names
from imgnmf.commands.output import MARKER, checked_folder, staged, write_json
from imgnmf.commands.source import Reading, read_source
from imgnmf.commands.summary import describe_source, finite
from imgnmf.images import ImageSet
from imgnmf.occlusion import Occlusions, find_occlusions

__all__ = ["OcclusionOptions", "Searched", "search_source"]

MOST_DRAWN = 6


@dataclass(frozen=True)
class OcclusionOptions:
    """How to search."""

    rank: int = 25
    side: float | None = None
    cutoff: float = 8.0
    max_iter: int = 300
    rng: int = 0
    threads: int | None = None

    def search(self, images: ImageSet) -> Occlusions:
        """Find what stands in the way."""
        return find_occlusions(
            images,
            self.rank,
            side=self.side,
            cutoff=self.cutoff,
            max_iter=self.max_iter,
            rng=self.rng,
            threads=self.threads,
        )


@dataclass(frozen=True)
class Searched:
    """What was found, and where it is."""

    images: ImageSet
    found: Occlusions
    folder: Path


def search_source(source: str, output: str, *, reading: Reading, force: bool, options: OcclusionOptions) -> Searched:
    """Find what stands in the way in the images of SOURCE and write masks, parts, a figure and an account."""
    target = checked_folder(output, force=force)
    images = read_source(source, replace(reading, color="any"))
    found = options.search(images)
    with staged(target) as staging:
        _write_masks(staging / "masks", images, found.masks)
        save(staging / "parts.imgnmf", found.fit.normalized(), images, rng=options.rng)
        if found.masks.any():
            _draw(staging / "occlusions.png", images, found)
        write_json(staging / MARKER, _account(source, images, found))
    return Searched(images, found, target)


def _write_masks(folder: Path, images: ImageSet, masks: Any) -> None:
    """Called as the images are, in folders as theirs; where a name would lead elsewhere, a flat one."""
    from imgnmf.viz import save_image

    flat = image_file_names(images.names, len(images))
    names = [_name_beside(name, other) for name, other in zip(images.names or flat, flat, strict=True)]
    for mask, name in zip(masks, names if len(set(names)) == len(names) else flat, strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save_image(path, mask.astype(np.float64))


def _name_beside(name: str, flat: str) -> str:
    """The image's own name with the ending of a PNG.

    >>> _name_beside("s1/3.pgm", "002-s1-3.png"), _name_beside("../3.pgm", "002-3.png")
    ('s1/3.png', '002-3.png')
    """
    path = PurePosixPath(Path(name).as_posix())
    stays = name and path.name and not path.is_absolute() and ".." not in path.parts
    return str(path.with_suffix(".png")) if stays else flat


def _draw(path: Path, images: ImageSet, found: Occlusions) -> None:
    """The images of which most is hidden."""
    from imgnmf.viz import occluded, save_figure

    touched = np.flatnonzero(found.masks.any(axis=(1, 2)))
    most = touched[np.argsort(-found.masks[touched].mean(axis=(1, 2)), kind="stable")][:MOST_DRAWN]
    figure = occluded(
        images.pixels[most],
        found.masks[most],
        images.stack(found.fit.W @ found.fit.H[:, most]),
        names=[images.names[number] for number in most] if images.names else None,
        title=f"{len(most)} of {len(touched)} images with something in the way",
    )
    save_figure(path, figure)


def _account(source: str, images: ImageSet, found: Occlusions) -> dict[str, Any]:
    hidden = found.masks.mean(axis=(1, 2))
    touched = np.flatnonzero(hidden)
    labels = images.names or tuple(map(str, range(len(images))))
    return {
        **describe_source(source, images),
        "rank": found.fit.rank,
        "side": finite(found.rule.side),
        "cutoff": finite(found.rule.cutoff),
        "relative_error": finite(found.fit.relative_error),
        "hidden_share": finite(float(hidden.mean())),
        "hidden_share_by_image": {labels[int(number)]: finite(float(hidden[number])) for number in touched},
    }
