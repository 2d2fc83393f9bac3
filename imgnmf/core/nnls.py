"""Exact non-negative least squares for many right-hand sides that share one Gram matrix, or have one each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imgnmf.core.kernels import hals_sweeps, newton_sweeps
from imgnmf.core.parts import Array

__all__ = ["nonnegative_least_squares", "own_least_squares"]

# Sweeps find which coefficients are zero; a few exchanges then make the rest exact.
SWEEPS, EXCHANGES = 60, 200


def nonnegative_least_squares(gram: Array, product: Array, start: Array | None = None) -> Array:
    """Solve ``min_h h' G h / 2 - p' h, h >= 0`` for every column `p`, by block principal pivoting.

    Coordinate sweeps guess which coefficients are positive; then whole sets are exchanged until the KKT
    conditions hold, one column at a time when that would cycle (Kim & Park 2011, alg. 2).

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
    gram, product = gram.astype(np.float64), product.astype(np.float64)
    G, P, scale = _unit_diagonal(gram, product, np.diag(gram)[:, None])
    guess = hals_sweeps(G, P, np.zeros_like(P) if start is None else start / scale, SWEEPS, 1e-12)
    H = np.empty_like(P)
    for span in _chunks(P):
        H[:, span] = _pivoted(G, P[:, span], guess[:, span])
    return H * scale


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
    rank = len(descent)
    start = np.zeros_like(descent) if start is None else start
    guess = newton_sweeps(grams, descent, start, SWEEPS)
    place = np.zeros((rank, rank), np.intp)
    place[np.triu_indices(rank)] = np.arange(len(grams))
    place = np.maximum(place, place.T)
    H = np.empty_like(guess)
    for span in _chunks(descent):
        own = grams[:, span].T[:, place]
        diagonal = np.einsum("nii->in", own)
        product = descent[:, span] + _times(own, start[:, span])
        G, P, scale = _unit_diagonal(own, product, diagonal)
        H[:, span] = _pivoted(G, P, guess[:, span] / scale) * scale
    return H


def _unit_diagonal(G: Array, P: Array, diagonal: Array) -> tuple[Array, Array, Array]:
    """The same problems in units that make the diagonals 1, and what undoes it."""
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1))
    each = scale.T if G.ndim == 3 else scale[:, 0]
    return G * each[..., :, None] * each[..., None, :], P * scale, scale


def _times(G: Array, H: Array) -> Array:
    """``G h`` for every column, `G` being shared or not."""
    return np.asarray(G @ H if G.ndim == 2 else (G @ H.T[:, :, None])[:, :, 0].T)


def _chunks(P: Array) -> Iterator[slice]:
    width = max(1, (1 << 19) // max(P.shape[0] ** 2, 1))
    return (slice(first, first + width) for first in range(0, P.shape[1], width))


def _pivoted(G: Array, P: Array, guess: Array) -> Array:
    """Exchange coefficients between zero and free until none violates; `G`, shared or not, has unit diagonals."""
    rank, n = P.shape
    noise = 1e-12 * np.abs(P).max(axis=0, initial=0)
    dead = np.broadcast_to(np.einsum("...ii->i...", G).reshape(rank, 1 if G.ndim == 2 else n) <= 0, P.shape)
    free = (guess > 0) & ~dead
    H, todo = np.maximum(guess, 0), np.arange(n)
    fewest, patience = np.full(n, rank + 1), np.full(n, 3)
    for _ in range(EXCHANGES):
        own = G if G.ndim == 2 else G[todo]
        solved = _solve_free(own, P[:, todo], free[:, todo])
        gradient = _times(own, solved) - P[:, todo]
        wrong = np.where(free[:, todo], solved < -noise[todo], gradient < -noise[todo]) & ~dead[:, todo]
        count = wrong.sum(axis=0)
        done = count == 0
        H[:, todo[done]] = np.maximum(solved[:, done], 0)
        todo, wrong, count = todo[~done], wrong[:, ~done], count[~done]
        if not len(todo):
            break
        better = count < fewest[todo]
        patience[todo] = np.where(better, 3, patience[todo] - 1)
        fewest[todo] = np.minimum(count, fewest[todo])
        free[:, todo] ^= np.where(patience[todo] >= 0, wrong, _last_only(wrong))
    return H


def _solve_free(G: Array, P: Array, free: Array) -> Array:
    """Least squares over the free coefficients of each column: the others' rows become the identity's."""
    mask = free.T
    systems = np.where(mask[:, :, None] & mask[:, None, :], G, 0.0)
    diagonal = np.einsum("nii->ni", systems)
    # A ridge at the limit of precision decides between duplicate parts without moving any other answer.
    diagonal[...] = np.where(mask, diagonal * (1 + 1e-13), 1.0)
    return np.asarray(np.linalg.solve(systems, np.where(mask, P.T, 0.0)[:, :, None])[:, :, 0].T)


def _last_only(wrong: Array) -> Array:
    last = wrong.shape[0] - 1 - np.argmax(wrong[::-1], axis=0)
    return np.asarray(wrong & (np.arange(wrong.shape[0])[:, None] == last))
