"""Which seen pixels to hide, to see what fills them best: the holes of other pictures, at other places."""

from __future__ import annotations

import numpy as np

from imgnmf.inpainting.pictures import Array, Pictures

__all__ = ["hidden_pixels"]

MOST_TESTED = 100
ALL_TESTED = 20  # with so few pictures or fewer, each of them


def hidden_pixels(pictures: Pictures, rng: np.random.Generator) -> tuple[Array, ...]:
    """For each picture the seen pixels to hide; none in at least half of many pictures, which stay as they are.

    A hole is moved to a random place, so that one mask for all pictures hides something too. At least half of what
    was seen of a picture stays, or nothing of it is hidden.
    """
    seen = pictures.seen
    count = len(seen) if len(seen) <= ALL_TESTED else min(len(seen) // 2, MOST_TESTED)
    tested = set(rng.permutation(len(seen))[:count].tolist())
    return tuple(
        _moved_hole(number, seen, rng) if number in tested else np.zeros(mask.shape, bool)
        for number, mask in enumerate(seen)
    )


def _moved_hole(number: int, seen: tuple[Array, ...], rng: np.random.Generator) -> Array:
    here = seen[number]
    holed = [mask for mask in seen if mask.shape == here.shape and not mask.all()]
    if not holed:
        return np.zeros(here.shape, bool)
    hole = ~holed[int(rng.integers(len(holed)))]
    places = tuple(int(rng.integers(side)) for side in here.shape[:2])
    hidden = np.roll(hole, places, axis=(0, 1)) & here
    enough = (here & ~hidden).sum(axis=(0, 1)) >= 0.5 * here.sum(axis=(0, 1))
    return hidden if enough.all() else np.zeros(here.shape, bool)
