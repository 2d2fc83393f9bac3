"""The leading subspace of V, from two passes over its blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner
from imgnmf.core.parts import Array, gram_of

__all__ = ["randomized_basis", "randomized_svd"]


def randomized_basis(
    blocks: ColumnBlocks, width: int, rng: np.random.Generator, run: Runner[Any]
) -> tuple[Array, Array]:
    """``V ~ basis.T @ B`` with orthonormal rows of `basis`, by one power step (Halko, Martinsson & Tropp 2011, 4.4).

    Returns
    -------
    basis : array, shape (width, n_pixels)
    B : array, shape (width, n_images)
    """
    probe = rng.standard_normal((width, blocks.shape[1]), np.float32).astype(blocks.dtype)
    sketch = sum(run(lambda span: probe[:, span] @ blocks.load(span).T, blocks.spans))
    basis = _orthonormal(sketch)
    sketch = sum(run(lambda span: (basis @ (V := blocks.load(span))) @ V.T, blocks.spans))
    basis = _orthonormal(sketch)
    return basis, np.concatenate(list(run(lambda span: basis @ blocks.load(span), blocks.spans)), axis=1)


def randomized_svd(
    blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]
) -> tuple[Array, Array, Array]:
    """Leading singular triplets of V (Halko, Martinsson & Tropp 2011, alg. 5.1).

    Returns
    -------
    left : array, shape (rank, n_pixels)
    values : array, shape (rank,), falling
    right : array, shape (rank, n_images)
    """
    basis, small = randomized_basis(blocks, min(rank + 10, *blocks.shape), rng, run)
    squares, vectors = np.linalg.eigh(gram_of(small))
    order = np.argsort(squares)[::-1][:rank]
    values = np.sqrt(np.maximum(squares[order], 0))
    left = vectors[:, order].T @ basis
    right = (vectors[:, order].T @ small) / np.where(values > 0, values, 1)[:, None]
    return left, values, right


def _orthonormal(rows: Array) -> Array:
    return np.ascontiguousarray(np.linalg.qr(rows.T)[0].T)
