"""The fits that the codec starts from."""

from __future__ import annotations

import warnings

import numpy as np

from imgnmf.core.factorize import factorize
from imgnmf.core.parts import Array
from imgnmf.errors import ImgnmfWarning

__all__ = ["RANKS", "fitted"]

RANKS, ITERATIONS = (1, 2, 4, 9, 16, 25, 36, 49, 64, 100), 300


def fitted(V: Array, rank: int, rng: int | np.random.Generator | None, threads: int | None) -> tuple[Array, Array]:
    """W and H of a plain fit; one that ends a little early costs bytes, which are counted. Black images are welcome.

    >>> W, H = fitted(np.outer([1.0, 2.0], [3.0, 4.0, 5.0]), 1, 0, 1)
    >>> np.allclose(W @ H, np.outer([1.0, 2.0], [3.0, 4.0, 5.0]), rtol=1e-5)
    True
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImgnmfWarning)
        fit = factorize(V, rank, max_iter=ITERATIONS, rng=rng, threads=threads).normalized().ordered()
    return fit.W, fit.H
