"""Exact non-negative least squares for many right-hand sides that share one Gram matrix, or have one each."""

from __future__ import annotations

import numpy as np

from imgnmf.core.kernels import hals_sweeps, newton_sweeps
from imgnmf.core.parts import Array
from imgnmf.core.pivots import pivots, pivots_numpy

__all__ = ["nonnegative_least_squares", "own_least_squares"]

# Sweeps guess which coefficients are zero where nothing better is known; exchanges then make the rest exact.
SWEEPS = 60
# An inverse serves while the square root of the precision is left of it.
WELL_CONDITIONED = 1e6
CHUNK_ENTRIES = 1 << 18


def nonnegative_least_squares(gram: Array, product: Array, start: Array | None = None) -> Array:
    """Solve ``min_h h' G h / 2 - p' h, h >= 0`` for every column `p`, by block principal pivoting.

    Whole sets of coefficients are exchanged between zero and free until the KKT conditions hold, one coefficient at a
    time when that would cycle (Kim & Park 2011, alg. 2).

    Parameters
    ----------
    gram : array, shape (rank, rank)
    product : array, shape (rank, n)
    start : array, shape (rank, n), optional
        A guess; the answer does not depend on it where it is unique.

    Returns
    -------
    array, shape (rank, n), float64

    Examples
    --------
    >>> nonnegative_least_squares(np.eye(2), np.array([[3.0], [-1.0]]))
    array([[3.],
           [0.]])
    """
    diagonal = np.diag(gram).astype(np.float64)[:, None]
    scale, dead = _unit_scale(diagonal), diagonal <= 0
    G = gram * scale * scale.T + np.diag(dead[:, 0])
    P = np.where(dead, 0, product * scale)
    inverse = _inverse(G)
    if start is not None:
        free = start.T > 0
    elif inverse is not None:
        free = P.T @ inverse > 0
    else:
        free = hals_sweeps(G, P, np.zeros_like(P), SWEEPS, 1e-12).T > 0
    H = _certain(G[None], inverse, P.T, free).T * scale
    return H if start is None else np.where(dead, np.maximum(start, 0), H)


def own_least_squares(grams: Array, descent: Array, start: Array | None = None) -> Array:
    """Solve ``min_d d' G_j d / 2 - p_j' d, start_j + d >= 0`` where every column has a Gram matrix of its own.

    Parameters
    ----------
    grams : array, shape (rank (rank + 1) / 2, n)
        The upper triangle of each `G_j`, row by row.
    descent : array, shape (rank, n)
        `p`, the negative gradient at `start`.
    start : array, shape (rank, n), optional
        None for zeros.

    Returns
    -------
    array, shape (rank, n), float64
        ``start + d``.

    Examples
    --------
    >>> own_least_squares(np.array([[2.0, 4.0]]), np.array([[3.0, 3.0]]))
    array([[1.5 , 0.75]])
    """
    rank, n = descent.shape
    guess = newton_sweeps(grams, descent, np.zeros_like(descent), SWEEPS) if start is None else None
    start = np.zeros_like(descent) if start is None else start
    place = np.zeros((rank, rank), np.intp)
    place[np.triu_indices(rank)] = np.arange(len(grams))
    place = np.maximum(place, place.T)
    H, width = np.empty((rank, n)), max(1, CHUNK_ENTRIES // max(rank**2, 1))
    for span in (slice(first, first + width) for first in range(0, n, width)):
        free = (start[:, span] > 0) | (descent[:, span] > 0) if guess is None else guess[:, span] > 0
        own = np.take(np.ascontiguousarray(grams[:, span].T, np.float64), place, axis=1)
        H[:, span] = _own_chunk(own, descent[:, span].T, start[:, span].T, free.T).T
    return H


def _own_chunk(own: Array, descent: Array, start: Array, free: Array) -> Array:
    diagonal = np.einsum("nii->ni", own)
    scale, dead = _unit_scale(diagonal), diagonal <= 0
    product = np.where(dead, 0, (descent + (own @ start[:, :, None])[:, :, 0]) * scale)
    own = own * scale[:, :, None] * scale[:, None, :]
    np.einsum("nii->ni", own)[dead] = 1
    return _certain(own, None, product, free & ~dead) * scale


def _certain(grams: Array, inverse: Array | None, product: Array, free: Array) -> Array:
    """`pivots`, and the columns that it does not certify once more: slower, and with a ridge for duplicate parts."""
    H, certified = pivots(grams, inverse, product, free)
    if certified.all():
        return H
    rest = np.flatnonzero(~certified)
    own, product = grams if len(grams) == 1 else grams[rest], product[rest]
    ended, _ = pivots_numpy(own, product, free[rest])
    swept = _swept(own, product)
    better = _quadratic(own, product, ended) <= _quadratic(own, product, swept)
    H[rest] = np.where(better[:, None], ended, swept)
    return H


def _swept(grams: Array, product: Array) -> Array:
    """Coordinate sweeps, which lower every column's objective, whatever its matrix."""
    H = np.zeros_like(product)
    for _ in range(SWEEPS):
        for a in range(product.shape[1]):
            slope = np.einsum("ni,ni->n", H, np.broadcast_to(grams[:, a], H.shape)) - product[:, a]
            H[:, a] = np.maximum(H[:, a] - slope, 0)
    return H


def _quadratic(grams: Array, product: Array, H: Array) -> Array:
    return np.asarray(((H[:, None, :] @ grams)[:, 0] / 2 - product) * H).sum(axis=1)


def _unit_scale(diagonal: Array) -> Array:
    """What makes the diagonals 1."""
    return np.asarray(1 / np.sqrt(np.where(diagonal > 0, diagonal, 1)))


def _inverse(G: Array) -> Array | None:
    """Of a well conditioned matrix."""
    try:
        inverse = np.linalg.inv(G)
    except np.linalg.LinAlgError:
        return None
    return inverse if np.linalg.norm(G, 1) * np.linalg.norm(inverse, 1) < WELL_CONDITIONED else None
