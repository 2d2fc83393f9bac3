"""What an image may be expected to look like before there are parts, and how far off an image is, in robust units."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["first_surprise", "spread_of", "surprise"]

Array: TypeAlias = NDArray[Any]

NEIGHBOURS = 5
MOST_CANDIDATES = 1000
# One pixel's surprise counts no more than this (squared, five spreads): a border must be paid by an area.
MOST = 25.0
LEAST_SPREAD = 0.3  # of the median pixel's, or a pixel that hardly varies finds everything surprising
QUARTER_OF_A_GREY_LEVEL = 1e-3  # of the range
TO_STANDARD_DEVIATION = 1.4826  # of a normal distribution's median absolute deviation
DARK = 0.05  # of the mean: there a ratio of brightness says nothing


def spread_of(residual: Array) -> Array:
    """How far off each pixel is as a rule, shape (n_pixels, 1): what half of the images exceed, as a deviation.

    NaN is unknown. Up to half of a pixel's images may be damaged without a great effect on it.
    """
    seen_somewhere = np.isfinite(residual).any(axis=1)
    middle = np.full((len(residual), 1), np.nan)
    middle[seen_somewhere, 0] = TO_STANDARD_DEVIATION * np.nanmedian(np.abs(residual[seen_somewhere]), axis=1)
    least = max(LEAST_SPREAD * float(np.nanmedian(middle)), QUARTER_OF_A_GREY_LEVEL)
    return np.asarray(np.fmax(middle, least))


def surprise(residual: Array, spread: Array) -> Array:
    """``min((residual / spread)^2, 25)``, and 0 where nothing is known.

    >>> surprise(np.array([[1.0, 3.0, 100.0, np.nan]]), np.array([[1.0]]))
    array([[ 1.,  9., 25.,  0.]])
    """
    return np.asarray(np.nan_to_num(np.minimum((residual / spread) ** 2, MOST)))


def first_surprise(V: Array, known: Array, rng: np.random.Generator) -> Array:
    """What neither the median image, as bright as this one, nor the images most like this one explain.

    Either suspects too much; the parts that are then learned without it clear what they explain.
    """
    typical = _typical(V, known)
    filled = np.where(known, V, typical)
    guesses = (typical, _median_of_neighbours(filled, rng))
    residuals = (np.where(known, V - guess, np.nan) for guess in guesses)
    return np.maximum(*(surprise(residual, spread_of(residual)) for residual in residuals))


def _typical(V: Array, known: Array) -> Array:
    """The median image times the brightness of each image."""
    seen = np.where(known, V, np.nan)
    somewhere = known.any(axis=1)
    median = np.zeros((len(V), 1))
    median[somewhere, 0] = np.nanmedian(seen[somewhere], axis=1)
    bright = median[:, 0] > DARK * median.mean()
    ratios = seen[bright] / median[bright]
    usable = np.isfinite(ratios).any(axis=0)
    brightness = np.ones(V.shape[1])
    brightness[usable] = np.nanmedian(ratios[:, usable], axis=0)
    return median * brightness


def _median_of_neighbours(V: Array, rng: np.random.Generator) -> Array:
    """For each image the pixel-wise median of the five that are most like it, by a distance that a block cannot move.

    In many images they are looked for among a thousand.
    """
    images = np.ascontiguousarray(V.T, dtype=np.float32)
    candidates = np.sort(rng.permutation(len(images))[:MOST_CANDIDATES])
    far = 2 * float(np.median(np.abs(images - np.median(images, axis=0))))
    found = np.empty_like(images)
    for number, image in enumerate(images):
        distances = np.minimum(np.abs(images[candidates] - image), far).mean(axis=1)
        distances[candidates == number] = np.inf
        nearest = candidates[np.argsort(distances, kind="stable")[: min(NEIGHBOURS, len(images) - 1)]]
        found[number] = np.median(images[nearest], axis=0)
    return found.T.astype(np.float64)
