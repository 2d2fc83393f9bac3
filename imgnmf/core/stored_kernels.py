"""The hot loops on what a sparse matrix stores: as many steps as there are entries, times the pairs of parts.

Compiled as those of `imgnmf.core.kernels` are, each with its NumPy twin.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.core.kernels import compiled
from imgnmf.core.parts import Array

__all__ = ["stored_pair_products", "stored_pair_products_numpy"]

# Entries that are taken together: a literal width, so that the compiler gives each its own SIMD lane.
LANES = 16


def stored_pair_products(V: Any, fixed: Array) -> Array:
    """``sum_i fixed_ai fixed_bi V_ij`` for ``a <= b`` over the entries that `V` stores.

    The product of all pairs of parts with `V`, without the pairs: those would take the room of many factors.

    Parameters
    ----------
    V : sparse array, shape (m, n), CSC or the transpose of one
    fixed : array, shape (rank, m), of the dtype of `V`

    Returns
    -------
    array, shape (rank (rank + 1) / 2, n)

    Examples
    --------
    >>> from scipy.sparse import csc_array
    >>> stored_pair_products(csc_array([[1.0], [3.0]]), np.array([[1.0, 2.0]]))
    array([[13.]])
    """
    kernel = compiled(_pairs_of_columns if V.format == "csc" else _pairs_of_rows)
    if kernel is None:
        return stored_pair_products_numpy(V, fixed)
    across, n_pairs = np.ascontiguousarray(fixed.T), len(fixed) * (len(fixed) + 1) // 2
    values = np.asarray(V.data, fixed.dtype)
    if V.format == "csc":
        products = np.empty((n_pairs, V.shape[1]), fixed.dtype)
        kernel(V.indptr, V.indices, values, across, products)
        return products
    gathered = np.zeros((V.shape[1], n_pairs), fixed.dtype)
    kernel(V.indptr, V.indices, values, across, gathered)
    return np.ascontiguousarray(gathered.T)


def stored_pair_products_numpy(V: Any, fixed: Array) -> Array:
    """The twin of `stored_pair_products`, the pairs with one part at a time.

    >>> from scipy.sparse import csc_array
    >>> stored_pair_products_numpy(csc_array([[1.0], [3.0]]), np.array([[1.0, 2.0]]))
    array([[13.]])
    """
    rows = (V.T @ np.ascontiguousarray((fixed[a] * fixed[a:]).T) for a in range(len(fixed)))
    return np.concatenate([np.ascontiguousarray(each.T) for each in rows])


def _pairs_of_columns(edges: Any, indices: Any, values: Any, across: Any, products: Any) -> None:
    rank, n_pairs = across.shape[1], products.shape[0]
    own = np.zeros(n_pairs, products.dtype)
    some, weighted = np.zeros((rank, LANES), products.dtype), np.zeros((rank, LANES), products.dtype)
    for column in range(len(edges) - 1):
        own[:] = 0
        for first in range(edges[column], edges[column + 1], LANES):
            n = min(LANES, edges[column + 1] - first)
            weighted[:, n:] = 0
            for e in range(n):
                for a in range(rank):
                    some[a, e] = across[indices[first + e], a]
                    weighted[a, e] = values[first + e] * some[a, e]
            pair = 0
            for a in range(rank):
                for b in range(a, rank):
                    total = own[pair]
                    for e in range(LANES):
                        total += weighted[a, e] * some[b, e]
                    own[pair] = total
                    pair += 1
        for p in range(n_pairs):
            products[p, column] = own[p]


def _pairs_of_rows(edges: Any, indices: Any, values: Any, across: Any, gathered: Any) -> None:
    rank, n_pairs = across.shape[1], gathered.shape[1]
    own = np.zeros(n_pairs, gathered.dtype)
    for row in range(len(edges) - 1):
        pair = 0
        for a in range(rank):
            for b in range(a, rank):
                own[pair] = across[row, a] * across[row, b]
                pair += 1
        for entry in range(edges[row], edges[row + 1]):
            column = indices[entry]
            for p in range(n_pairs):
                gathered[column, p] += values[entry] * own[p]
