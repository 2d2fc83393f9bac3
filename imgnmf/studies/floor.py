"""The error that no factorization of a given rank can go below, whatever its signs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.core.blocks import block_spans
from imgnmf.core.check import as_matrix

__all__ = ["svd_errors"]


def svd_errors(V: Any, ranks: Sequence[int]) -> NDArray[np.float64]:
    """Return the relative error of the best rank-k approximation without any constraint.

    By Eckart and Young (1936) it is ``sqrt(sum of s_i ** 2, i > k) / |V|`` with the singular values `s` of V:
    the floor under every NMF of that rank. The distance to it is the price of parts that only add up.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images)
        The data matrix.
    ranks : sequence of int
        Each at least 1.

    Returns
    -------
    array, shape (len(ranks),)
        Zeros if V is zero everywhere; good to about 1e-8, which is where squares of float64 end.

    Examples
    --------
    >>> V = np.diag([3.0, 4.0])
    >>> svd_errors(V, [1, 2])
    array([0.6, 0. ])
    """
    energies = np.linalg.eigvalsh(_gram(as_matrix(V)))[::-1].clip(0)
    total = energies.sum()
    left = np.array([energies[k:].sum() for k in ranks])
    return np.sqrt(left / total) if total > 0 else np.zeros(len(ranks))


def _gram(V: NDArray[Any]) -> NDArray[np.float64]:
    """Return the smaller of V V' and V' V, a block at a time: V itself may be uint8 and large."""
    tall = V if V.shape[0] >= V.shape[1] else V.T
    gram = np.zeros((tall.shape[1], tall.shape[1]))
    for span in block_spans(tall.shape[1], tall.shape[0]):
        rows = tall[span].astype(np.float64)
        gram += rows.T @ rows
    return gram
