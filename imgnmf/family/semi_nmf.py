"""Semi-NMF: the data and the parts may be negative, the coefficients may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from imgnmf.core.check import checked_choice, checked_rank
from imgnmf.core.interrupts import interruptible, own_best
from imgnmf.core.limits import Callback, limits_of, warn_if_cut_short
from imgnmf.core.parts import Array, inner
from imgnmf.core.sketch import randomized_svd
from imgnmf.core.stopping import StoppingRule
from imgnmf.family.alternate import Alternation, Factors, Stepped, finished, swept_coefficients
from imgnmf.family.clusters import clustered
from imgnmf.family.frame import Frame, cancelling, checked_ridge, coefficients, framed, ridged
from imgnmf.family.result import FamilyFit
from imgnmf.validation import checked_rng

__all__ = ["semi"]


@interruptible(own_best)
def semi(
    V: Any,
    rank: int,
    *,
    ridge: float = 1e-3,
    init: Literal["kmeans", "svd"] = "kmeans",
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 2000,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
    callback: Callback | None = None,
) -> FamilyFit:
    """Take signed images apart: find ``V ~ W H`` with ``H >= 0`` and W free (Ding, Li & Jordan 2010).

    For differences, centred images, filter responses. W is exact least squares for H, and H is improved by coordinate
    descent rather than by their multiplicative rule. It is k-means with memberships that are not all or nothing: from
    the start "kmeans" the error is never above that of k-means.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images)
        Of any sign, one image a column.
    rank : int
        k, at most ``min(n_pixels, n_images)``.
    ridge : float
        Adds ``ridge / 2 sum_k |w_k|^2 |h_k|^2`` to the loss. Without it there may be no best fit: on centred images
        parts grow without end, only to take each other away.
    init : {"kmeans", "svd"}
        Cluster centres; or the SVD of rank k - 1, all of whose model k parts can hold with non-negative coefficients
        (Gillis & Kumar 2015), so that the error is below that of the SVD of rank k - 1.
    stop, max_iter, time_limit, rng, threads, callback
        As for `imgnmf.factorize`.

    Returns
    -------
    FamilyFit

    Raises
    ------
    DataError
        If V holds NaN or infinite values, is sparse, or is zero everywhere.
    ParameterError
        If an option is out of bounds.
    Interrupted
        At Ctrl-C, with the best so far as its `best`, or None.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came while the fit was still visibly improving, or before a rule in `stop` held.

    Examples
    --------
    >>> import imgnmf
    >>> V = np.array([[1.0, 2.0, 0.0], [-1.0, -2.0, 3.0]])
    >>> fit = imgnmf.family.semi(V, rank=2)
    >>> fit.relative_error < 0.002, bool(fit.H.min() >= 0)
    (True, True)
    """
    limits = limits_of(stop, max_iter, time_limit, callback)
    ridge = checked_ridge(ridge)
    checked_choice("init", init, ("kmeans", "svd"))
    with framed(V, threads, signed=True) as frame:
        rank = checked_rank(rank, frame.blocks.shape, beyond=False)
        start = (_svd_start if init == "svd" else _cluster_start)(frame, rank, checked_rng(rng))
        alternation = Alternation(_Steps(frame, ridge).step, start, signed=(True, False))
        went = alternation.follow(frame, limits)
        fit = finished(frame, alternation.factors[0], None, went, member="semi", init=init, ridge=ridge)
    warn_if_cut_short(fit, limits)
    return fit


@dataclass(frozen=True)
class _Steps:
    frame: Frame
    ridge: float

    def step(self, factors: Factors) -> Stepped:
        """Sweeps over H, block by block, then the exact W."""
        W, H = factors
        gram, product, moved = swept_coefficients(self.frame, W, H, self.ridge)
        W = free_parts(ridged(gram, self.ridge), product)
        squared = max(self.frame.energy - 2 * inner(product, W) + inner(gram, W @ W.T), 0.0)
        return Stepped((W, moved), squared / 2 + cancelling(W, moved, self.ridge), squared)


def free_parts(gram: Array, product: Array) -> Array:
    """The solution of ``gram W = product``, of the least norm where parts are never used."""
    scale = 1 / np.sqrt(np.where(np.diag(gram) > 0, np.diag(gram), 1))
    unit = gram * scale * scale[:, None]
    return np.asarray(scale[:, None] * (np.linalg.pinv(unit, rcond=1e-14, hermitian=True) @ (scale[:, None] * product)))


def _cluster_start(frame: Frame, rank: int, rng: np.random.Generator) -> Factors:
    W = clustered(frame.blocks, rank, rng)[2]
    return W, coefficients(frame, W)


def _svd_start(frame: Frame, rank: int, rng: np.random.Generator) -> Factors:
    """``U S V' = [U S, -U S 1] [V' + 1 z'; z']`` with ``z = max(0, -min V')`` of every image."""
    if rank == 1:
        return _cluster_start(frame, 1, rng)
    left, values, right = randomized_svd(frame.blocks, rank - 1, rng, frame.run)
    W, z = values[:, None] * left, np.maximum(-right.min(axis=0), 0)
    return np.vstack([W, -W.sum(axis=0)]), np.vstack([right + z, z])
