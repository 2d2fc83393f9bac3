"""The figures of a study in one JSON document."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from imgnmf.archive import versions
from imgnmf.core.measures import part_measures
from imgnmf.core.result import Factorization
from imgnmf.images import ImageSet
from imgnmf.studies.ranks import RankRow, RankStudy
from imgnmf.viz.quality import measured

__all__ = ["describe_source", "summarize"]

# SSIM takes far longer than the fit itself on ten thousand patches.
MOST_MEASURED = 400


def summarize(source: str, images: ImageSet, study: RankStudy) -> dict[str, Any]:
    """Return what a study found, as plain numbers and words; what is not finite is None."""
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), MOST_MEASURED)).round().astype(int))
    rows = [_row(row, study[row.rank], images, chosen) for row in study.table()]
    return {
        **describe_source(source, images),
        "loss": study[study.ranks[0]].loss.name,
        "solver": study[study.ranks[0]].solver,
        "init": study[study.ranks[0]].init,
        "interrupted": study.interrupted,
        "psnr_and_ssim_over": f"{len(chosen)} of {len(images)} images",
        "ranks": rows,
    }


def describe_source(source: str, images: ImageSet) -> dict[str, Any]:
    """Return what was read, and by which versions."""
    return {
        "made_by": "imgnmf",
        "source": source,
        "n_images": len(images),
        "image_shape": list(images.image_shape),
        "dtype": str(images.pixels.dtype),
        "report": str(images.report or ""),
        "versions": versions(),
    }


def _row(row: RankRow, fit: Factorization, images: ImageSet, chosen: Any) -> dict[str, Any]:
    approximations = images.stack(fit.W @ fit.H[:, chosen])
    quality = measured(images.pixels[chosen], approximations, images.stack(fit.W), images.white_level)
    return {
        "rank": row.rank,
        "relative_error": finite(row.relative_error),
        "psnr": finite(quality.psnr),
        "ssim": finite(quality.ssim),
        "sparseness_W": finite(quality.sparseness),
        "parts": {name: finite(mean) for name, mean in part_measures(fit.W, images.image_shape, fit.H).means().items()},
        "iterations": row.iterations,
        "seconds": round(row.seconds, 4),
        "converged": row.converged,
        "reason": row.reason,
    }


def finite(number: float) -> float | None:
    """Return the number to 6 significant digits, or None: JSON knows no infinity.

    >>> finite(0.12345678), finite(math.inf)
    (0.123457, None)
    """
    return float(f"{number:.6g}") if math.isfinite(number) else None
