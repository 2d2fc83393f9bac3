"""Which images are alike: a graph of neighbours, and what it adds to the objective (Cai et al. 2011)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array, issparse

from imgnmf.core.check import checked_count, checked_values
from imgnmf.core.loading import loaded
from imgnmf.core.parts import Array, inner
from imgnmf.core.sparse import checked_indices
from imgnmf.errors import DataError, ParameterError, ShapeMismatchError
from imgnmf.validation import as_array

__all__ = ["Ties", "checked_graph", "neighbour_graph"]

DISTANCES_AT_ONCE = 1 << 22


@dataclass(frozen=True, eq=False)
class Ties:
    """``tr(H L H') / 2``, `L` the strength times the graph's Laplacian: half the weighted squared differences.

    Examples
    --------
    >>> ties = Ties.of(csr_array(np.array([[0.0, 1.0], [1.0, 0.0]])), 1.0)
    >>> ties.value(np.array([[1.0, 4.0]])), ties.slope(np.array([[1.0, 4.0]]), slice(0, 1))
    (4.5, array([[-3.]]))
    """

    laplacian: Any
    bend: float

    @classmethod
    def of(cls, graph: Any, strength: float) -> Ties:
        """The ties of a symmetric graph; no eigenvalue of its Laplacian is above twice the largest degree."""
        degree = np.asarray(graph.sum(axis=0)).ravel()
        own = degree - graph.diagonal()
        laplacian = csr_array(strength * (diags_array(degree) - graph))
        return cls(laplacian, 2 * strength * float(own.max(initial=0)))

    def value(self, H: Array) -> float:
        """What it adds to the objective."""
        return inner(H, self.slope(H, slice(None))) / 2

    def slope(self, H: Array, span: slice) -> Array:
        """Its derivative by some columns of H, which depends on their neighbours too."""
        rows = self.laplacian[span]
        near = np.unique(rows.indices)
        return np.asarray((rows[:, near] @ H[:, near].T.astype(np.float64)).T)


def checked_graph(graph: Any) -> Any:
    """The graph as a sparse array, once it is seen that it can be one of neighbours."""
    made = _as_csr(graph)
    if made is None or made.shape[0] != made.shape[1]:
        found = "no matrix" if made is None else f"shape {made.shape}"
        raise ShapeMismatchError(
            f"the graph must have shape (n_images, n_images), got {found}; imgnmf.neighbour_graph(V) makes one"
        )
    if made.dtype.kind not in "biuf" or not np.isfinite(made.data).all() or made.data.min(initial=0) < 0:
        raise DataError("the graph must hold finite weights >= 0: how much two images are to be alike")
    if abs(made - made.T).max() > 1e-9 * made.max():
        raise DataError("the graph must be symmetric: image i is as near to j as j to i; try graph.maximum(graph.T)")
    return made.astype(np.float64)


def _as_csr(graph: Any) -> Any:
    if issparse(graph):
        return csr_array(checked_indices(graph, "the graph"))
    array = as_array(graph, "the graph")
    return csr_array(array) if array.ndim == 2 and array.dtype.kind in "biuf" else None


def neighbour_graph(V: Any, n_neighbours: int = 5) -> Any:
    """Join each image to its nearest ones, by Euclidean distance, with weight 1 (the 0-1 graph of Cai et al. 2011).

    Two images are joined if either is among the nearest of the other. Of images that are equally far, the earlier
    ones count. All distances are computed, some rows at a time.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        Any unit.
    n_neighbours : int
        From 1 to ``n_images - 1``.

    Returns
    -------
    scipy.sparse.csr_array, shape (n_images, n_images)
        Symmetric, of zeros and ones, the diagonal 0.

    Raises
    ------
    ParameterError
        If there are not so many other images.
    DataError
        If V is no matrix of finite, non-negative numbers.

    Examples
    --------
    >>> neighbour_graph(np.array([[1.0, 2.0, 8.0, 9.0]]), 1).toarray().astype(int)
    array([[0, 1, 0, 0],
           [1, 0, 0, 0],
           [0, 0, 0, 1],
           [0, 0, 1, 0]])
    """
    data = loaded(V, "neighbour_graph", 16, "make the graph of some of the images, or give one that you made yourself")
    largest, n = checked_values(data), data.shape[1]
    if checked_count("n_neighbours", n_neighbours, 1) >= n:
        raise ParameterError(f"n_neighbours must be below the number of images, {n}, got {n_neighbours}")
    dense: Any = data
    rows = (dense.toarray() if issparse(dense) else dense).T.astype(np.float64) / (largest or 1.0)
    near = np.concatenate([_nearest(rows, block, n_neighbours) for block in _blocks(n)])
    edges = n_neighbours * np.arange(n + 1)
    graph = csr_array((np.ones(near.size), near.ravel(), edges), shape=(n, n))
    return csr_array(graph.maximum(graph.T))


def _blocks(n: int) -> list[Array]:
    return np.array_split(np.arange(n), -(-n * n // DISTANCES_AT_ONCE))


def _nearest(rows: Array, block: Array, n_neighbours: int) -> Array:
    squares = np.einsum("ij,ij->i", rows, rows)
    distances = squares - 2 * rows[block] @ rows.T
    distances[np.arange(len(block)), block] = np.inf
    return np.sort(np.argsort(distances, axis=1, kind="stable")[:, :n_neighbours], axis=1)
