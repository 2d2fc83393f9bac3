"""The nearest rows of a given sparseness: compiled where numba is installed, else their NumPy twin."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.core.kernels import compiled
from imgnmf.core.parts import Array

__all__ = ["cut_rows", "cut_rows_numpy", "nearest_of_sparseness"]

# What makes equal entries unequal, as a share of the largest: far above rounding, far below what can be seen.
RAMP = 1e-7
# Entries that vary by less, as a share of their mean square, are equal.
EQUAL = 1e-21


def nearest_of_sparseness(rows: Array, value: float) -> Array:
    """The nearest non-negative rows of this sparseness, each of the length that it has (Hoyer 2004, sec. 3.2).

    Each is ``max(row - t, 0)``, stretched, for the one threshold `t` that gives the sparseness (Thom & Palm 2013).
    Where all choices among equal entries are as near, the later ones keep the light.

    Parameters
    ----------
    rows : array, shape (rank, n)
    value : float
        0 to 1.

    Returns
    -------
    array, shape (rank, n), float64

    Examples
    --------
    >>> nearest_of_sparseness(np.array([[3.0, 4.0, 0.0]]), 1.0)
    array([[0., 5., 0.]])
    """
    length = np.linalg.norm(rows.astype(np.float64, copy=False), axis=1, keepdims=True)
    root = np.sqrt(rows.shape[1])
    ratio = root - (root - 1) * value
    if rows.shape[1] == 1 or root**2 - ratio**2 < 1e-9 * root**2:
        return np.asarray(np.broadcast_to(length / root, rows.shape)).copy()
    point, found = cut_rows(rows, ratio)
    if not found.all():
        equal = np.where(length > 0, rows / np.where(length > 0, length, 1), 0)[~found]
        ramp = RAMP * np.abs(equal).max(axis=1, keepdims=True) * np.linspace(0, 1, rows.shape[1])
        point[~found] = cut_rows_numpy(equal + ramp, ratio)[0]
    return np.asarray(length * point)


def cut_rows(rows: Array, ratio: float) -> tuple[Array, Array]:
    """``max(row - t, 0)`` for each row, stretched to length 1, with the threshold that makes its sum `ratio`.

    Also, for which rows there is such a threshold: there is none where too many entries equal the largest.

    >>> cut_rows(np.array([[5.0, 4.0, 1.0]]), 7 / 5)[0].round(6)
    array([[0.8, 0.6, 0. ]])
    """
    kernel = compiled(_cut_each)
    if kernel is None:
        return cut_rows_numpy(rows, ratio)
    point, found = np.zeros(rows.shape), np.zeros(len(rows), np.bool_)
    kernel(np.ascontiguousarray(rows), float(ratio) ** 2, point, found)
    return point, found


def cut_rows_numpy(rows: Array, ratio: float) -> tuple[Array, Array]:
    """The twin of `cut_rows`: it sorts each row, and sees at once how many entries lie above the threshold.

    >>> cut_rows_numpy(np.array([[5.0, 4.0, 1.0]]), 7 / 5)[0].round(6)
    array([[0.8, 0.6, 0. ]])
    """
    peak = rows.max(axis=1, keepdims=True).astype(np.float64)
    falling = -np.sort(peak - rows, axis=1)
    count = np.arange(1, rows.shape[1] + 1)
    total, square = np.cumsum(falling, axis=1), np.cumsum(falling**2, axis=1)
    # With the first c entries kept: what sum and length are if the next one is the threshold.
    after = falling[:, 1:]
    length = square[:, :-1] - 2 * after * total[:, :-1] + count[:-1] * after**2
    short = (total[:, :-1] - count[:-1] * after) ** 2 < ratio**2 * length
    fewest = int(ratio**2 * (1 + 1e-12)) + 1
    kept = np.maximum(1 + (short | (after == 0)).sum(axis=1, keepdims=True), fewest)
    mean, second = (np.take_along_axis(sums, kept - 1, axis=1) / kept for sums in (total, square))
    spread = np.maximum(second - mean**2, 0)
    point = np.maximum(rows - peak - mean + np.sqrt(spread * ratio**2 / (kept - ratio**2)), 0)
    size = np.linalg.norm(point, axis=1, keepdims=True)
    found = (spread > EQUAL * second) & (size > 0)
    return point / np.where(size > 0, size, 1), found[:, 0]


def _cut_each(rows: Any, squared_ratio: Any, point: Any, found: Any) -> None:
    n = rows.shape[1]
    for r in range(len(rows)):
        row = rows[r]
        peak = np.float64(row[0])
        for i in range(n):
            peak = max(peak, np.float64(row[i]))
        # The threshold that would do for the entries above the one before; it only rises, but for rounding.
        level, kept, settled = -np.inf, n + 1, False
        while not settled:
            count, total, square = 0, 0.0, 0.0
            for i in range(n):
                value = row[i] - peak
                if value > level:
                    count += 1
                    total += value
                    square += value * value
            settled, kept = count >= kept, count
            if settled or count <= squared_ratio * (1 + 1e-12):
                break
            mean = total / count
            spread = square / count - mean * mean
            if spread <= EQUAL * square / count:
                break
            level = mean - np.sqrt(spread * squared_ratio / (count - squared_ratio))
        if not settled:
            continue
        found[r] = True
        length = np.sqrt(square - 2 * level * total + count * level * level)
        for i in range(n):
            point[r, i] = max(row[i] - peak - level, 0.0) / length
