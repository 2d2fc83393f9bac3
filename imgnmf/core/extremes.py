"""Which images are the most extreme: successive projection, for a start and for a fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner
from imgnmf.core.columns import some_images
from imgnmf.core.parts import Array
from imgnmf.core.sparse import column_squares, is_sparse

__all__ = ["column_energies", "columns", "successive_projection"]


def successive_projection(blocks: ColumnBlocks, rank: int, run: Runner[Any]) -> tuple[list[int], Array]:
    """SPA (Gillis & Vavasis 2014, alg. 1): again and again the image with the largest residual outside the span.

    Norms alone are deflated, so V is read once per part and never copied.

    Returns
    -------
    chosen : list of int, all different
    left : array, shape (len(chosen) + 1,)
        The energy of all images outside the span of the first 0, 1, ... chosen.

    Examples
    --------
    >>> blocks = ColumnBlocks(np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 2.0]]), np.dtype(np.float64))
    >>> successive_projection(blocks, 2, map)
    ([0, 2], array([15.,  5.,  0.]))
    """
    left = column_energies(blocks, run)
    chosen: list[int] = []
    energies = [left.sum()]
    directions = np.zeros((0, blocks.shape[0]))
    for _ in range(min(rank, *blocks.shape)):
        chosen.append(int(left.argmax()))
        column = columns(blocks, np.array(chosen[-1:]))[:, 0].astype(np.float64)
        for _ in range(2):  # twice is enough for orthogonality to working precision
            column = column - directions.T @ (directions @ column)
        length = np.linalg.norm(column)
        direction = (column / length if length > 0 else column).astype(blocks.dtype)
        directions = np.vstack([directions, direction])
        taken = _projections(direction, blocks, run)
        left = np.where(np.isin(np.arange(left.size), chosen), -1, left - taken.astype(np.float64) ** 2)
        energies.append(np.maximum(left, 0).sum())
    return chosen, np.array(energies)


def columns(blocks: ColumnBlocks, chosen: Array) -> Array:
    """Some columns, scaled as blocks are, as an array of shape (n_pixels, len(chosen))."""
    some: Any = blocks.of(some_images(blocks.data, chosen)).load(slice(None))
    return np.asarray(some.toarray() if is_sparse(some) else some)


def column_energies(blocks: ColumnBlocks, run: Runner[Any]) -> Array:
    """``|v|^2`` of every image, scaled as blocks are."""
    return np.concatenate(list(run(lambda span: _squares(blocks.load(span)), blocks.spans)))


def _projections(direction: Array, blocks: ColumnBlocks, run: Runner[Any]) -> Array:
    return np.concatenate(list(run(lambda span: direction @ blocks.load(span), blocks.spans)))


def _squares(V: Array) -> Array:
    return column_squares(V) if is_sparse(V) else np.asarray(np.einsum("ij,ij->j", V, V, dtype=np.float64))
