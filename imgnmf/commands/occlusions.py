"""`imgnmf occlusions`: what stands in the way in SOURCE, as masks that `inpaint --mask` takes, and a figure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation

from imgnmf.archive import save
from imgnmf.commands.model import image_file_names, is_numbered
from imgnmf.commands.output import MARKER, checked_folder, staged, write_json
from imgnmf.commands.source import Reading, read_source
from imgnmf.commands.summary import describe_source, finite
from imgnmf.images import ImageSet
from imgnmf.occlusion import Occlusions, find_occlusions

__all__ = ["OcclusionOptions", "Searched", "search_source"]

MOST_DRAWN = 6
LONGEST_PART = 200  # bytes; most file systems take 255


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
    masks: Any
    scores: Any
    folder: Path

    def ranked(self) -> list[tuple[str, float, float]]:
        """Return name, score and masked share of each image with a find, the clearest first."""
        return [
            (self.images.names[number], float(self.scores[number]), float(self.masks[number].mean()))
            for number in _ranked(self.scores, self.masks)
        ]


def search_source(
    source: str, output: str, *, reading: Reading, grow: int, force: bool, options: OcclusionOptions
) -> Searched:
    """Find what stands in the way in the images of SOURCE and write masks, parts, a figure and an account."""
    target = checked_folder(output, force=force)
    images = read_source(source, replace(reading, color="any"))
    names, found = mask_names(images), options.search(images)
    masks = binary_dilation(found.masks, np.ones((1, 3, 3)), grow) if grow else found.masks
    with staged(target) as staging:
        _write_masks(staging / "masks", names, masks)
        save(staging / "parts.imgnmf", found.fit.normalized(), images, rng=options.rng)
        if masks.any():
            _draw(staging / "occlusions.png", images, masks, found)
        searched = Searched(images, masks, found.scores, target)
        write_json(staging / MARKER, _account(source, searched, found))
    return searched


def _ranked(scores: Any, masks: Any) -> Any:
    """Return the numbers of the images with a find, the clearest first."""
    touched = np.flatnonzero(masks.any(axis=(1, 2)))
    return touched[np.argsort(-scores[touched], kind="stable")]


def _write_masks(folder: Path, names: list[str], masks: Any) -> None:
    from imgnmf.viz import save_image

    for mask, name in zip(masks, names, strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save_image(path, mask.astype(np.float64))


def mask_names(images: ImageSet) -> list[str]:
    """Called as the images are, in folders as theirs; where that would not do, numbered."""
    numbered = image_file_names(images.names, len(images))
    names = [f"{name}.png" if name else "" for name in images.names or ()]
    return names if not is_numbered(images.names) and _can_be_files(names) else numbered


def _can_be_files(names: list[str]) -> bool:
    """Whether names are of files below a folder, each of its own on any system, and none of them a folder of another.

    >>> _can_be_files(["s1/3.pgm.png", "s2/3.pgm.png"]), _can_be_files(["../3.png"]), _can_be_files(["a.png", "A.png"])
    (True, False, False)
    """
    paths = [PurePosixPath(Path(name).as_posix()) for name in names]
    folders = {str(parent).lower() for path in paths for parent in path.parents}
    return (
        len({str(path).lower() for path in paths}) == len(paths)
        and all(path.name and not path.is_absolute() and ".." not in path.parts for path in paths)
        and all(len(part.encode()) <= LONGEST_PART for path in paths for part in path.parts)
        and not any(str(path).lower() in folders for path in paths)
    )


def _draw(path: Path, images: ImageSet, masks: Any, found: Occlusions) -> None:
    """Draw the images with the clearest finds."""
    from imgnmf.viz import occluded, save_figure

    ranked = _ranked(found.scores, masks)
    most = ranked[:MOST_DRAWN]
    products = images.stack(found.fit.W @ found.fit.H[:, most])
    figure = occluded(
        np.where(np.isnan(images.pixels[most]), products, images.pixels[most]),
        masks[most],
        products,
        names=[images.names[number] for number in most] if images.names else None,
        title=f"{len(most)} of {len(ranked)} images in which something may be in the way, the clearest first",
    )
    save_figure(path, figure)


def _account(source: str, searched: Searched, found: Occlusions) -> dict[str, Any]:
    return {
        **describe_source(source, searched.images),
        "rank": found.fit.rank,
        "side": finite(found.rule.side),
        "cutoff": finite(found.rule.cutoff),
        "relative_error": finite(found.fit.relative_error),
        "doubted_images": len(searched.ranked()),
        "doubted_share": finite(float(searched.masks.mean())),
        "doubts_most": found.doubts_most,
        "finds": [
            {"image": name, "score": finite(score), "share": finite(share)} for name, score, share in searched.ranked()
        ],
    }
