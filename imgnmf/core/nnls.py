"""Exact non-negative least squares for many right-hand sides that share one Gram matrix, or have one each."""

from __future__ import annotations

import numpy as np

from imgnmf.core.kernels import hals_sweeps
from imgnmf.core.parts import Array
from imgnmf.core.pivots import pivots, unit_grams

__all__ = ["nonnegative_least_squares", "own_least_squares"]

# Sweeps guess which coefficients are zero where nothing better is known; exchanges then make the rest exact.
SWEEPS = 60
# An inverse serves while the square root of the precision is left of it.
WELL_CONDITIONED = 1e6
# Of a unit diagonal, what ties an answer to the one before it; and what the tie may pull in the end.
TIE, ROUNDS, SLACK = 1e-6, 50, 1e-10
# A chunk of Gram matrices should stay in a core's second-level cache.
CHUNK_ENTRIES = 1 << 16


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
        None for zeros. Where each coefficient alone would go from there is the guess at what is positive.

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
    start = np.zeros_like(descent) if start is None else start
    a = np.arange(rank)
    free = start * grams[a * rank - a * (a - 1) // 2] + descent > 0
    H, width = np.empty((rank, n)), max(1, CHUNK_ENTRIES // max(rank**2, 1))
    for span in (slice(first, first + width) for first in range(0, n, width)):
        own, product, scale = unit_grams(grams[:, span], descent[:, span], start[:, span])
        H[:, span] = (_certain(own, None, product, free[:, span].T & (scale > 0)) * scale).T
    return H


def _certain(grams: Array, inverse: Array | None, product: Array, free: Array) -> Array:
    """`pivots`, and for the columns that it does not certify the slower way."""
    H, certified = pivots(grams, inverse, product, free)
    rest = np.flatnonzero(~certified)
    if len(rest):
        H[rest] = _proximal(grams if len(grams) == 1 else grams[rest], product[rest])
    return H


def _proximal(grams: Array, product: Array) -> Array:
    """For parts that are mixtures of each other: `pivots` with a tie to the answer before, until that does not pull.

    Proximal point iterations (Rockafellar 1976), which end at a minimum of the problem without the tie.
    """
    H, todo, tie = _swept(grams, product), np.arange(len(product)), np.full((len(product), 1), TIE)
    for _ in range(ROUNDS):
        held = tie[todo]
        own = (grams if len(grams) == 1 else grams[todo]) + held[:, :, None] * np.eye(product.shape[1])
        moved, certified = pivots(own, None, product[todo] + held * H[todo], H[todo] > 0)
        pull = np.abs(held * (moved - H[todo])).max(axis=1, initial=0)
        settled = pull <= SLACK * np.abs(product[todo]).max(axis=1, initial=0)
        H[todo] = np.where(certified[:, None], moved, H[todo])
        # As loose as can be, since what is left of the way shrinks with the tie.
        tie[todo] *= np.where(certified, 0.3, 10)[:, None]
        todo = todo[~(certified & settled)]
        if not len(todo):
            break
    return H


def _swept(grams: Array, product: Array) -> Array:
    """Coordinate sweeps, which lower every column's objective, whatever its matrix."""
    H = np.zeros_like(product)
    for _ in range(SWEEPS):
        for a in range(product.shape[1]):
            slope = np.einsum("ni,ni->n", H, np.broadcast_to(grams[:, a], H.shape)) - product[:, a]
            H[:, a] = np.maximum(H[:, a] - slope, 0)
    return H


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
