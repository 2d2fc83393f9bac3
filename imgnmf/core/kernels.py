"""The few hot loops on one block: compiled by numba where it is installed, else their NumPy twins.

Compiled on first use and never on import. A kernel takes one block, lets go of the interpreter lock, and knows
nothing of threads, so our own threads over blocks run side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np

from imgnmf.core.parts import Array

__all__ = [
    "can_compile",
    "compiled",
    "hals_sweeps",
    "hals_sweeps_numpy",
    "newton_sweeps",
    "newton_sweeps_numpy",
    "stored_products",
    "stored_products_numpy",
]

# A literal width lets the compiler keep one SIMD lane per column: 3 to 4 times faster than a variable.
TILE = 128


def hals_sweeps(gram: Array, product: Array, H: Array, sweeps: int, patience: float) -> Array:
    """Coordinate sweeps of HALS over the columns of `H` (Gillis & Glineur 2012, eq. 3.2).

    Solves ``min_H tr(H' G H) / 2 - <P, H>, H >= 0`` approximately: each sweep sets, for ``t = 1 .. rank``,
    ``H_t = max(0, H_t + (P_t - G_t H) / G_tt)``.

    Parameters
    ----------
    gram : array, shape (rank, rank)
    product, H : array, shape (rank, n), of one dtype
        `H` is not changed.
    sweeps : int
        At most so many.
    patience : float
        A tile of columns stops when a sweep gains less than `patience` of its first one.

    Returns
    -------
    array, shape (rank, n)

    Examples
    --------
    >>> hals_sweeps(np.eye(2), np.array([[3.0], [-1.0]]), np.zeros((2, 1)), 1, 0.0)
    array([[3.],
           [0.]])
    """
    kernel = compiled(_sweep_tiles, _sweep_tile, _take_off)
    if kernel is None:
        return hals_sweeps_numpy(gram, product, H, sweeps, patience)
    swept = np.array(H, order="C")
    kernel(np.ascontiguousarray(gram, H.dtype), np.asarray(product, H.dtype), swept, sweeps, patience)
    return swept


def hals_sweeps_numpy(gram: Array, product: Array, H: Array, sweeps: int, patience: float) -> Array:
    """The twin of `hals_sweeps`: a row of `H` at a time, the whole block as one tile.

    >>> hals_sweeps_numpy(np.eye(2), np.array([[3.0], [-1.0]]), np.zeros((2, 1)), 1, 0.0)
    array([[3.],
           [0.]])
    """
    swept, first = np.array(H, order="C"), 0.0
    alive = np.flatnonzero(np.diag(gram) > 0)
    for sweep in range(sweeps):
        gained = 0.0
        for t in alive:
            row = np.maximum(swept[t] + (product[t] - gram[t] @ swept) / gram[t, t], 0)
            step = row - swept[t]
            gained += float(gram[t, t] * np.dot(step, step))
            swept[t] = row
        if sweep == 0:
            first = gained
        elif gained <= patience * first:
            break
    return swept


def _sweep_tiles(gram: Any, product: Any, H: Any, sweeps: int, patience: float) -> None:
    rank, n = H.shape
    h = np.zeros((rank, TILE), H.dtype)
    p = np.zeros((rank, TILE), H.dtype)
    rest = np.empty(TILE, H.dtype)
    for start in range(0, n, TILE):
        width = min(TILE, n - start)
        for t in range(rank):
            for c in range(width):
                h[t, c] = H[t, start + c]
                p[t, c] = product[t, start + c]
            for c in range(width, TILE):
                h[t, c] = p[t, c] = 0
        first = H.dtype.type(0)
        for sweep in range(sweeps):
            gained = _sweep_tile(gram, p, h, rest)
            if sweep == 0:
                first = gained
            elif gained <= patience * first:
                break
        for t in range(rank):
            for c in range(width):
                H[t, start + c] = h[t, c]


def _sweep_tile(gram: Any, p: Any, h: Any, rest: Any) -> Any:
    zero, one = h.dtype.type(0), h.dtype.type(1)
    gained = zero
    for t in range(len(h)):
        g, own = gram[t], h[t]
        if g[t] <= zero:
            continue
        for c in range(TILE):
            rest[c] = p[t, c]
        _take_off(g, h, rest)
        scale, moved = one / g[t], zero
        for c in range(TILE):
            new = max(zero, own[c] + rest[c] * scale)
            moved += (new - own[c]) * (new - own[c])
            own[c] = new
        gained += g[t] * moved
    return gained


def _take_off(g: Any, h: Any, rest: Any) -> None:
    rank = len(h)
    # Four rows at a time: one load and store of `rest` serves four multiply-adds.
    r = 0
    while r + 4 <= rank:
        g0, g1, g2, g3 = g[r], g[r + 1], g[r + 2], g[r + 3]
        h0, h1, h2, h3 = h[r], h[r + 1], h[r + 2], h[r + 3]
        for c in range(TILE):
            rest[c] -= g0 * h0[c] + g1 * h1[c] + g2 * h2[c] + g3 * h3[c]
        r += 4
    while r < rank:
        g0, h0 = g[r], h[r]
        for c in range(TILE):
            rest[c] -= g0 * h0[c]
        r += 1


def newton_sweeps(hessians: Array, descent: Array, H: Array, sweeps: int) -> Array:
    """``H + d``, where `d` nearly solves each column's ``min_d d' T d / 2 - g' d, H + d >= 0``.

    Parameters
    ----------
    hessians : array, shape (rank (rank + 1) / 2, n)
        The upper triangle of each column's `T`, row by row.
    descent, H : array, shape (rank, n)
        The negative gradient `g`, and the point where it was taken.
    sweeps : int
        Coordinate sweeps on the quadratic model.

    Returns
    -------
    array, shape (rank, n)

    Examples
    --------
    >>> newton_sweeps(np.array([[4.0]]), np.array([[2.0]]), np.array([[1.0]]), 1)
    array([[1.5]])
    """
    kernel = compiled(_newton_tiles)
    if kernel is None:
        return newton_sweeps_numpy(hessians, descent, H, sweeps)
    moved = np.array(H, order="C")
    kernel(np.asarray(hessians, H.dtype), np.asarray(descent, H.dtype), moved, sweeps)
    return moved


def newton_sweeps_numpy(hessians: Array, descent: Array, H: Array, sweeps: int) -> Array:
    """The twin of `newton_sweeps`, a row of all columns at a time.

    >>> newton_sweeps_numpy(np.array([[4.0]]), np.array([[2.0]]), np.array([[1.0]]), 1)
    array([[1.5]])
    """
    rank = len(H)
    row_of = np.zeros((rank, rank), np.intp)
    row_of[np.triu_indices(rank)] = np.arange(len(hessians))
    row_of = np.maximum(row_of, row_of.T)
    moved, rest = np.array(H, order="C"), np.array(descent)
    for _ in range(sweeps):
        for a in range(rank):
            own = hessians[row_of[a, a]]
            new = np.maximum(moved[a] + rest[a] / np.where(own > 0, own, np.inf), 0)
            rest -= hessians[row_of[a]] * (new - moved[a])
            moved[a] = new
    return moved


def _newton_tiles(hessians: Any, descent: Any, H: Any, sweeps: int) -> None:
    rank, n = H.shape
    zero = H.dtype.type(0)
    rest = np.zeros((rank, TILE), H.dtype)
    step = np.zeros(TILE, H.dtype)
    for start in range(0, n, TILE):
        width = min(TILE, n - start)
        for a in range(rank):
            for c in range(width):
                rest[a, c] = descent[a, start + c]
        for _ in range(sweeps):
            for a in range(rank):
                own = a * rank - (a * (a - 1)) // 2
                for c in range(width):
                    curvature = hessians[own, start + c]
                    old = H[a, start + c]
                    new = old
                    if curvature > zero:
                        new = max(zero, old + rest[a, c] / curvature)
                    step[c] = new - old
                    H[a, start + c] = new
                for b in range(rank):
                    low, high = min(a, b), max(a, b)
                    row = low * rank - (low * (low - 1)) // 2 + high - low
                    for c in range(width):
                        rest[b, c] -= hessians[row, start + c] * step[c]


def stored_products(edges: Array, indices: Array, along: Array, across: Array) -> Array:
    """``<along_i, across_j>`` at each stored entry of a compressed sparse matrix, in the order of the entries.

    Parameters
    ----------
    edges, indices : array
        Where each of the ``len(along)`` compressed columns begins, and the `j` of each entry.
    along, across : array, shape (n, rank) and (m, rank), in C order and of one dtype

    Examples
    --------
    >>> stored_products(np.array([0, 1]), np.array([1]), np.array([[2.0]]), np.array([[3.0], [4.0]]))
    array([8.])
    """
    kernel = compiled(_products_at)
    if kernel is None:
        return stored_products_numpy(edges, indices, along, across)
    products = np.empty(len(indices), along.dtype)
    kernel(edges, indices, along, across, products)
    return products


def stored_products_numpy(edges: Array, indices: Array, along: Array, across: Array) -> Array:
    """The twin of `stored_products`, some entries at a time.

    >>> stored_products_numpy(np.array([0, 1]), np.array([1]), np.array([[2.0]]), np.array([[3.0], [4.0]]))
    array([8.])
    """
    columns, products = np.repeat(np.arange(len(along)), np.diff(edges)), np.empty(len(indices), along.dtype)
    for first in range(0, len(indices), 1 << 16):
        some = slice(first, first + (1 << 16))
        products[some] = np.einsum("ek,ek->e", along[columns[some]], across[indices[some]])
    return products


def _products_at(edges: Any, indices: Any, along: Any, across: Any, products: Any) -> None:
    rank = along.shape[1]
    for column in range(len(edges) - 1):
        for entry in range(edges[column], edges[column + 1]):
            row = indices[entry]
            total = along[column, 0] * across[row, 0]
            for k in range(1, rank):
                total += along[column, k] * across[row, k]
            products[entry] = total


@cache
def _imported_njit() -> Any:
    """Return numba's compiler, or None if numba is not installed or fails on import.

    On a NumPy that it does not know numba raises AttributeError or SystemError, not only ImportError.
    """
    try:
        from numba import njit
    except Exception:  # whatever is wrong with it, the NumPy twins serve
        return None
    return njit


def can_compile() -> bool:
    """Say whether loops run as machine code in this process: numba is installed and can be imported."""
    return _imported_njit() is not None


@cache
def compiled(loops: Callable[..., Any], *pieces: Callable[..., Any]) -> Callable[..., Any] | None:
    """`loops` as machine code, or None if numba cannot be imported; the `pieces` that it calls are written into it.

    The code is cached on disk where a folder lets itself be written, else it is compiled once per process.
    """
    njit = _imported_njit()
    if njit is None:
        return None
    options = {"nogil": True, "fastmath": {"contract", "reassoc", "nsz", "nnan"}}
    # Pieces are Python to everyone else: only what is compiled sees them as something to be written into it.
    seen = dict(loops.__globals__)
    for piece in pieces:
        seen[piece.__name__] = njit(inline="always")(FunctionType(piece.__code__, seen))
    whole = FunctionType(loops.__code__, seen) if pieces else loops
    try:
        return njit(cache=True, **options)(whole)  # type: ignore[no-any-return]
    except RuntimeError:
        return njit(**options)(whole)  # type: ignore[no-any-return]
