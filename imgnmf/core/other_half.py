"""The other factor for a given one, roughly: by a few sweeps from a flat start."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner
from imgnmf.core.kernels import hals_sweeps
from imgnmf.core.parts import Array, inner
from imgnmf.core.sparse import times

__all__ = ["coefficients_for", "parts_for"]


def coefficients_for(W: Array, blocks: ColumnBlocks, run: Runner[Any], sweeps: int = 10) -> Array:
    """Non-negative coefficients of every image for the parts `W`, by a few sweeps from a flat start."""
    gram, total = W @ W.T, W.sum(axis=0)
    weight = inner(total, total)

    H = np.empty((len(W), blocks.shape[1]), W.dtype)

    def visit(span: slice) -> None:
        V_b = blocks.load(span)
        level = (total @ V_b) / np.asarray(weight if weight > 0 else 1.0, W.dtype)
        H[:, span] = hals_sweeps(gram, times(W, V_b), np.tile(level, (len(W), 1)), sweeps, 1e-3)

    for _ in run(visit, blocks.spans):
        pass
    return H


def parts_for(H: Array, blocks: ColumnBlocks, run: Runner[Any], sweeps: int = 10) -> Array:
    """Non-negative parts for given coefficients of every image: `coefficients_for`, transposed."""
    product = sum(run(lambda span: H[:, span] @ blocks.load(span).T, blocks.spans))
    total = H.sum(axis=0)
    weight = inner(total, total)
    level = sum(run(lambda span: blocks.load(span) @ total[span], blocks.spans))
    flat = np.asarray(level) / np.asarray(weight if weight > 0 else 1.0, H.dtype)
    return hals_sweeps(H @ H.T, np.asarray(product), np.tile(flat, (len(H), 1)), sweeps, 1e-3)
