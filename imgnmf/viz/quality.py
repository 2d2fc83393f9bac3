"""Figures under the pictures: how sparse a part is, how near a reconstruction comes to its original."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from imgnmf.intensity import white_level
from imgnmf.validation import LARGEST, checked_number
from imgnmf.viz.stack import Array

__all__ = ["Measures", "full_range", "measured", "psnr", "relative_error", "sparseness", "ssim"]


@dataclass(frozen=True)
class Measures:
    """Means over the images (PSNR in dB, SSIM) and over the parts (Hoyer's sparseness)."""

    psnr: float
    ssim: float
    sparseness: float


def measured(originals: Array, approximations: Array, basis: Array, white: float) -> Measures:
    """Measure reconstructions (n, h, w[, c]) against their originals, and the parts they are made of."""
    pairs = list(zip(originals, approximations, strict=True))
    return Measures(
        psnr=float(np.mean([psnr(original, other, white) for original, other in pairs])),
        ssim=float(np.mean([ssim(original, other, white) for original, other in pairs])),
        sparseness=float(sparseness(basis).mean()),
    )


def full_range(pictures: Array, data_range: float | None = None) -> float:
    """Return `data_range` if it is given, else the `white_level` of the pictures."""
    if data_range is not None:
        words = "finite and > 0, the value of white, as 255"
        return checked_number("data_range", data_range, words, above=0, most=LARGEST)
    return white_level(pictures)


def sparseness(stack: Array) -> Array:
    """Return Hoyer's sparseness of each tile: 0 when all pixels are equal, 1 for one bright pixel or none."""
    flat = stack.reshape(len(stack), -1).astype(np.float64)
    n = flat.shape[1]
    if n == 1:
        return np.ones(len(flat))
    flat = flat / np.where(flat.max(axis=1) > 0, flat.max(axis=1), 1)[:, None]
    length = np.linalg.norm(flat, axis=1)
    ratio = flat.sum(axis=1) / np.where(length > 0, length, 1)
    return (math.sqrt(n) - np.where(length > 0, ratio, 1)) / (math.sqrt(n) - 1)


def relative_error(original: Array, approximation: Array) -> float:
    """Return the length of the difference over the length of the original, 0 when both are empty."""
    difference = float(np.linalg.norm(original.astype(np.float64) - approximation))
    length = float(np.linalg.norm(original.astype(np.float64)))
    return difference / length if length > 0 else (math.inf if difference > 0 else 0.0)


def psnr(original: Array, approximation: Array, data_range: float) -> float:
    """Return the peak signal-to-noise ratio in dB; infinite for an exact copy."""
    from skimage.metrics import peak_signal_noise_ratio

    if np.array_equal(original, approximation):
        return math.inf
    return float(peak_signal_noise_ratio(original.astype(np.float64), approximation, data_range=data_range))


def ssim(original: Array, approximation: Array, data_range: float) -> float:
    """Return the mean structural similarity; NaN where the picture is smaller than 3 x 3 pixels."""
    from skimage.metrics import structural_similarity

    side = min(7, *original.shape[:2])
    window = side if side % 2 else side - 1
    if window < 3:
        return math.nan
    channels = 2 if original.ndim == 3 else None
    return float(
        structural_similarity(
            original.astype(np.float64),
            approximation.astype(np.float64),
            win_size=window,
            data_range=data_range,
            channel_axis=channels,
        )
    )
