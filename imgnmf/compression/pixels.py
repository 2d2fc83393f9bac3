"""From integers to pixels, the same on every machine; and parts of smooth images as small differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgnmf.compression.tables import LARGEST, Integers
from imgnmf.errors import CodecError

__all__ = ["POINT", "differences", "rebuilt", "undone"]

# Scales are whole multiples of 2^-28; up to 2^52 a float64 holds every integer, so sums in any order are exact.
POINT, EXACT = 28, 1 << 52
KINDS, CHUNK = 4, 1 << 22


def rebuilt(W: Integers, H: Integers, scale: Integers, offset: Integers | None = None) -> NDArray[np.uint8]:
    """Return ``offset + sum_k W_k H_k scale_k / 2^28``, rounded and clipped to 0..255.

    All products and sums are whole numbers below 2^52 in float64: exact, whatever the order or the machine.

    Parameters
    ----------
    W : int array, shape (rank, n_pixels)
    H : int array, shape (rank, n)
    scale : int array, shape (rank,)
    offset : int array, shape (n_pixels,), optional

    Returns
    -------
    uint8 array, shape (n_pixels, n)

    Raises
    ------
    CodecError
        If a pixel could be so large that the sum is not exact.

    Examples
    --------
    >>> rebuilt(np.array([[1, 2]]), np.array([[10]]), np.array([1 << 28])).tolist()
    [[10], [20]]
    """
    _check_exact(W, H, scale)
    scaled = (W.astype(np.float64) * scale[:, None].astype(np.float64)).T
    start = np.full(W.shape[1], 0.5) if offset is None else offset + 0.5
    pixels = np.empty((W.shape[1], H.shape[1]), np.uint8, order="F")
    step = max(1, CHUNK // max(W.shape[1], 1))
    for first in range(0, H.shape[1], step):
        total = scaled @ H[:, first : first + step].astype(np.float64)
        total *= 2.0**-POINT
        total += start[:, None]
        pixels[:, first : first + step] = np.floor(np.clip(total, 0, 255), out=total)
    return pixels


def _check_exact(W: Integers, H: Integers, scale: Integers) -> None:
    largest = [np.abs(factor).max(axis=1, initial=0).tolist() for factor in (W, H)]
    bound = sum(w * h * s for w, h, s in zip(*largest, scale.tolist(), strict=True))
    if bound >= EXACT:
        raise CodecError("the numbers are too large for exact arithmetic: the file is damaged, or the rank too high")


def differences(W: Integers, image_shape: tuple[int, ...]) -> tuple[Integers, list[int]]:
    """Each part as differences to the pixel on the left, above, both or none, whichever is the shortest.

    >>> differences(np.array([[1, 2, 3, 4, 5, 6]]), (2, 3))[0].tolist()
    [[1, 1, 1, 4, 1, 1]]
    """
    pictures = W.reshape(len(W), *image_shape)
    ways = [pictures, _across(pictures, 2), _across(pictures, 1), _across(_across(pictures, 1), 2)]
    flat = [way.reshape(len(W), -1) for way in ways]
    kinds = [min(range(KINDS), key=lambda kind: _entropy(flat[kind][i])) for i in range(len(W))]
    return np.array([flat[kind][i] for i, kind in enumerate(kinds)], np.int64).reshape(W.shape), kinds


def undone(rows: Integers, kinds: Sequence[int], image_shape: tuple[int, ...]) -> Integers:
    """Return the parts from their differences.

    >>> undone(np.array([[1, 1, 1, 4, 1, 1]]), [1], (2, 3)).tolist()
    [[1, 2, 3, 4, 5, 6]]
    """
    pictures = rows.reshape(len(rows), *image_shape).copy()
    for picture, kind in zip(pictures, kinds, strict=True):
        if kind & 1:
            np.cumsum(picture, axis=1, out=picture)
        if kind & 2:
            np.cumsum(picture, axis=0, out=picture)
    if np.abs(pictures).max(initial=0) > LARGEST:
        raise CodecError(f"expected parts in units of at most {LARGEST}: the file is damaged")
    return pictures.reshape(rows.shape)


def _across(pictures: Integers, axis: int) -> Integers:
    return np.diff(pictures, axis=axis, prepend=0)


def _entropy(row: Integers) -> float:
    counts = np.unique(row, return_counts=True)[1]
    return float(-(counts * np.log2(counts / row.size)).sum())
