"""How far into a hole neighbours are to be trusted, and from where on the parts: learned on hidden pixels.

Next to a seen pixel nothing beats a smooth surface; deep in a hole it knows nothing, and the parts do. So the share of
each is a function of the distance to the nearest seen pixel, and that function is found by least squares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.optimize import nnls

from imgnmf.inpainting.extend import biharmonic, harmonic
from imgnmf.inpainting.pictures import Array, Pictures

__all__ = ["PARTS_ALONE", "Guess", "Mix", "guesses", "learned_mix"]

# Fewer hidden pixels at a distance than this say nothing about the shares there.
LEAST_PIXELS = 30


@dataclass(frozen=True, eq=False)
class Guess:
    """What may be in the holes of one picture, all of its shape; NaN where the parts say nothing.

    `smooth` is the picture carried on; the others are the parts' picture, with what it misses at the rim carried on by
    a membrane that fades out (`held`), and by a surface that keeps its slope (`bent`).
    """

    smooth: Array
    held: Array
    bent: Array
    distance: Array

    @property
    def differences(self) -> Array:
        """What each of the parts' two guesses would change of the smooth one, last axis (held, bent)."""
        return np.stack([self.held - self.smooth, self.bent - self.smooth], axis=-1)


def guesses(pictures: Pictures, model: Sequence[Array]) -> Iterator[Guess]:
    """For each picture with a hole, what may be in it."""
    for value, seen, made in zip(pictures.values, pictures.seen, model, strict=True):
        missed = np.where(seen, value - made, 0)
        missed[~np.isfinite(missed)] = 0
        yield Guess(
            biharmonic(value, ~seen),
            made + harmonic(missed, ~seen),
            made + biharmonic(missed, ~seen),
            _distances(~seen),
        )


@dataclass(frozen=True, eq=False)
class Mix:
    """The shares of the parts' two guesses at distances from the nearest seen pixel, in pixels; the rest is smooth.

    Attributes
    ----------
    distance : array, shape (n,), rising
    shares : array, shape (n, 2), each row non-negative with a sum of at most 1
    """

    distance: Array
    shares: Array

    def applied(self, guess: Guess) -> Array:
        """The mixture at every pixel: interpolated between distances, and the nearest one's beyond them."""
        place = _scale(guess.distance)
        known = _scale(self.distance)
        parts = [np.interp(place, known, column) for column in self.shares.T]
        return np.asarray(guess.smooth + (np.stack(parts, axis=-1) * guess.differences).sum(axis=-1))


PARTS_ALONE = Mix(np.ones(1), np.array([[1.0, 0.0]]))


def learned_mix(found: Sequence[Guess], truth: Sequence[Array], hidden: Sequence[Array]) -> Mix:
    """The shares that come nearest to hidden pixels, at each distance by non-negative least squares.

    With nothing to learn from, the parts alone.
    """
    rows = [
        _rows(guess, value, mask & np.isfinite(guess.held))
        for guess, value, mask in zip(found, truth, hidden, strict=True)
    ]
    distance, wanted, offered = (np.concatenate(column) for column in zip(*rows, strict=True))
    step = np.rint(_scale(distance))
    steps = [one for one in np.unique(step) if (step == one).sum() >= LEAST_PIXELS]
    if not steps:
        return PARTS_ALONE
    shares = [_shares(offered[step == one], wanted[step == one]) for one in steps]
    return Mix(np.array([distance[step == one].mean() for one in steps]), np.array(shares))


def _rows(guess: Guess, value: Array, mask: Array) -> tuple[Array, Array, Array]:
    return guess.distance[mask], (value - guess.smooth)[mask], guess.differences[mask]


def _shares(offered: Array, wanted: Array) -> Array:
    scale = np.abs(offered).max()
    if scale == 0:
        return np.zeros(2)
    shares = nnls(offered / scale, wanted / scale)[0]
    return np.asarray(shares / max(1.0, shares.sum()))


def _scale(distance: Array) -> Array:
    """Two steps for each doubling of the distance: near the rim a pixel more matters, deep inside it does not."""
    return 2 * np.log2(np.maximum(distance, 1))


def _distances(unknown: Array) -> Array:
    return np.stack([distance_transform_edt(channel) for channel in np.moveaxis(unknown, 2, 0)], axis=-1)
