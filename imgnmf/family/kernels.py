"""The two loops of the family that no product of matrices can do: written once, compiled where numba is installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.core.kernels import compiled
from imgnmf.core.parts import Array

__all__ = ["share_sweep", "symmetric_sweep"]


def share_sweep(images: Array, gram: Array, G: Array, W: Array, slopes: Array) -> None:
    """One round over all images: how much of each goes into each part, by coordinate descent; in place.

    Minimises ``|V - V G H|^2 / 2`` over one row of ``G >= 0`` after another; W and the slopes follow each change.

    Parameters
    ----------
    images : array, shape (n_images, n_pixels)
    gram : array, shape (rank, rank)
        ``H H'``.
    G : array, shape (n_images, rank)
    W : array, shape (rank, n_pixels)
        ``(V G)'``.
    slopes : array, shape (rank, n_pixels)
        ``gram W - H V'``.

    Examples
    --------
    >>> G, W, slopes = np.zeros((1, 1)), np.zeros((1, 1)), np.array([[-2.0]])
    >>> share_sweep(np.array([[2.0]]), np.array([[1.0]]), G, W, slopes)
    >>> G, W
    (array([[1.]]), array([[2.]]))
    """
    (compiled(_share_loops) or _share_loops)(images, gram, G, W, slopes)


def _share_loops(images: Any, gram: Any, G: Any, W: Any, slopes: Any) -> None:
    n, rank = G.shape
    for i in range(n):
        image = images[i]
        bend = np.dot(image, image)
        if bend <= 0:
            continue
        slope = np.dot(slopes, image)
        step = np.zeros(rank)
        for _ in range(3):
            for t in range(rank):
                if gram[t, t] > 0:
                    now = slope[t] / bend + np.dot(gram[t], step)
                    step[t] = max(step[t] - now / gram[t, t], -G[i, t])
        if np.any(step != 0):
            turn = np.dot(gram, step)
            for t in range(rank):
                G[i, t] = max(G[i, t] + step[t], 0.0)
                W[t] += step[t] * image
                slopes[t] += turn[t] * image


def symmetric_sweep(A: Array, rows: Array) -> None:
    """One round over all coefficients of ``A ~ rows rows'``, each set to its exact minimum; in place.

    Each is a quartic, whose minimum on ``x >= 0`` is the largest root of its slope ``x^3 + a x + b``, or 0 (Vandaele,
    Gillis, Lei, Zhong & Dhillon 2016).

    Parameters
    ----------
    A : array, shape (n, n)
    rows : array, shape (n, rank)

    Examples
    --------
    >>> rows = np.array([[1.0]])
    >>> symmetric_sweep(np.array([[4.0]]), rows)
    >>> rows.round(9)
    array([[2.]])
    """
    (compiled(_symmetric_loops) or _symmetric_loops)(A, rows)


def _symmetric_loops(A: Any, rows: Any) -> None:
    n, rank = rows.shape
    gram = np.dot(rows.T, rows)
    for i in range(n):
        own = rows[i].copy()
        product = np.dot(A[i], rows)
        for t in range(rank):
            x = rows[i, t]
            length = np.dot(rows[i], rows[i]) - x * x
            others = gram[t, t] - x * x
            met = np.dot(gram[t], rows[i]) - gram[t, t] * x - x * length
            a = others + length - A[i, i]
            b = met - product[t] + A[i, i] * own[t]
            # The product still holds this row as it was.
            new = 0.0
            third, half = a / 3, b / 2
            inside = half * half + third * third * third
            if inside >= 0:
                root = np.sqrt(inside)
                new = np.cbrt(-half + root) + np.cbrt(-half - root)
            else:
                new = 2 * np.sqrt(-third) * np.cos(np.arccos(max(-1.0, min(1.0, -half / (-third) ** 1.5))) / 3)
            if new < 0 or new**4 / 4 + a * new**2 / 2 + b * new > 0:
                new = 0.0
            for s in range(rank):
                if s != t:
                    gram[t, s] += (new - x) * rows[i, s]
                    gram[s, t] = gram[t, s]
            gram[t, t] += new * new - x * x
            rows[i, t] = new
