"""The area that is worth its border: one minimum cut per image.

Pixels are worth something each, positive or negative, and a border costs something per edge between two neighbours.
The best area is that of a minimum cut (Greig, Porteous & Seheult 1989, section 2), found exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

__all__ = ["best_area"]

# Flows are whole numbers: worth is counted in thousandths of the border's cost, or of the largest worth.
STEPS = 1000


def best_area(worth: NDArray[Any], border: float) -> NDArray[np.bool_]:
    """The area S of an image that has the largest ``sum of worth over S - border * edges between S and the rest``.

    Edges join pixels to their four neighbours; the image's own rim costs nothing.

    >>> worth = np.array([[3.0, -1.0, 3.0, -9.0, 3.0]])
    >>> best_area(worth, 4.0)
    array([[ True,  True,  True, False, False]])
    """
    if not (worth > 0).any():
        return np.zeros(worth.shape, bool)
    unit = max(border, float(np.abs(worth).max())) / STEPS
    capacities = _network(np.rint(worth.ravel() / unit), round(border / unit), worth.shape)
    return _source_side(capacities)[: worth.size].reshape(worth.shape)


def _network(worth: NDArray[Any], border: int, shape: tuple[int, ...]) -> Any:
    """Source to what is worth taking, what is not to sink, neighbours to each other."""
    pixels = np.arange(worth.size)
    source, sink = worth.size, worth.size + 1
    here, there = _neighbours(pixels.reshape(shape))
    gains, losses = worth > 0, worth < 0
    ends = [
        (np.full(int(gains.sum()), source), pixels[gains], worth[gains]),
        (pixels[losses], np.full(int(losses.sum()), sink), -worth[losses]),
        (here, there, np.full(len(here), border)),
        (there, here, np.full(len(here), border)),
    ]
    tails, heads, values = (np.concatenate(column) for column in zip(*ends, strict=True))
    size = worth.size + 2
    return csr_array(coo_array((values.astype(np.int32), (tails, heads)), shape=(size, size)))


def _neighbours(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    here = np.concatenate([pixels[:, :-1].ravel(), pixels[:-1].ravel()])
    there = np.concatenate([pixels[:, 1:].ravel(), pixels[1:].ravel()])
    return here, there


def _source_side(capacities: Any) -> NDArray[np.bool_]:
    """What the source still reaches when no more can flow: the smaller area where two are equally good."""
    size = capacities.shape[0]
    flow = maximum_flow(capacities, size - 2, size - 1).flow
    left = csr_array(capacities - flow)
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    reached = np.zeros(size, bool)
    reached[breadth_first_order(left, size - 2, return_predecessors=False)] = True
    return reached
