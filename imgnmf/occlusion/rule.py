"""When an area of an image counts as in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.occlusion.expected import MOST
from imgnmf.occlusion.region import best_area
from imgnmf.validation import checked_number

__all__ = ["Rule"]

MOST_OF_AN_IMAGE = 0.5
LESS = (0.0, MOST / 3, MOST / 2)  # added to the cutoff
SIDES_IN_AN_IMAGE = 5


@dataclass(frozen=True)
class Rule:
    """An area counts if its pixels are above the cutoff by more than its border costs.

    Attributes
    ----------
    image_shape : (h, w, channels)
    side : float
        A square of this side is found from twice the cutoff on, a larger one from less.
    cutoff : float
        Of the squared residual, in squared spreads.
    """

    image_shape: tuple[int, ...]
    side: float
    cutoff: float

    @classmethod
    def of(cls, image_shape: tuple[int, ...], side: float | None, cutoff: float) -> Rule:
        """Checked; by default the side is a fifth of the image's shorter one."""
        side = min(image_shape[:2]) / SIDES_IN_AN_IMAGE if side is None else side
        for name, value, most in (("side", side, np.inf), ("cutoff", cutoff, MOST)):
            below = "" if most == np.inf else f" and below {most:g}, the most that a pixel counts"
            checked_number(name, value, f"a number above 0{below}", above=0, most=float(np.nextafter(most, 0)))
        return cls(image_shape, float(side), float(cutoff))

    def clear(self, suspect: NDArray[Any], known: NDArray[np.bool_], ease: float = 1.0) -> NDArray[np.bool_]:
        """What is not in the way, by how surprising each pixel is; all of shape (n_pixels, n_images)."""
        worth = np.where(known, suspect - ease * self.cutoff, 0.0)
        return np.stack([self._clear_in(column) for column in worth.T], axis=1)

    def scores(self, suspect: NDArray[Any], hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return how far each image's area is above the cutoff; 1 for a square of `side` at twice the cutoff."""
        excess = np.where(hidden, suspect - self.cutoff, 0.0).sum(axis=0) / self.image_shape[2]
        return np.asarray(excess / (self.cutoff * self.side**2))

    def masks(self, hidden: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Columns as pictures (n_images, h, w), True where any channel is."""
        return np.asarray(hidden.T.reshape(-1, *self.image_shape).any(axis=3))

    def _clear_in(self, worth: NDArray[Any]) -> NDArray[np.bool_]:
        """Doubt of more than half of an image is too much: less is tried, and then it is another image, not hidden."""
        for less in LESS:
            found = best_area(worth.reshape(self.image_shape).mean(axis=2) - less, self.cutoff * self.side / 4)
            if found.mean() <= MOST_OF_AN_IMAGE:
                return np.repeat(~found.ravel(), self.image_shape[2])
        return np.ones(worth.shape, bool)
