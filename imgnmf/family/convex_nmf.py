"""Convex NMF: every part is a mixture of images, so it looks like one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from imgnmf.core.check import checked_choice, checked_rank
from imgnmf.core.interrupts import interruptible, own_best
from imgnmf.core.kernels import hals_sweeps
from imgnmf.core.limits import Callback, limits_of, warn_if_cut_short
from imgnmf.core.parts import Array, inner
from imgnmf.core.stopping import StoppingRule
from imgnmf.family.alternate import Alternation, Factors, Stepped, finished
from imgnmf.family.clusters import clustered
from imgnmf.family.frame import cancelling, checked_ridge, coefficients, framed, ridged
from imgnmf.family.kernels import share_sweep
from imgnmf.family.result import FamilyFit
from imgnmf.validation import checked_rng

__all__ = ["convex"]

SWEEPS, PATIENCE, ROUNDS = 10, 0.01, 3


@interruptible(own_best)
def convex(
    V: Any,
    rank: int,
    *,
    ridge: float = 1e-3,
    init: Literal["kmeans"] = "kmeans",
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 2000,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
    callback: Callback | None = None,
) -> FamilyFit:
    """Find parts that are mixtures of images: ``V ~ V G H`` with ``G, H >= 0`` (Ding, Li & Jordan 2010).

    The parts ``W = V G`` lie in the cone of the images, so they look like images rather than like pieces of them; the
    columns of G, scaled to a sum of 1, say whose. V may be signed; but of images that lie all around 0, as centred ones
    do, any part is a mixture, and `semi` finds the same sooner. H and the rows of G are improved by coordinate descent
    rather than by their multiplicative rules, from cluster centres. V is held in memory in float64.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images)
        Of any sign, one image a column.
    rank : int
        k, at most ``min(n_pixels, n_images)``.
    ridge : float
        As for `semi`.
    init : {"kmeans"}
    stop, max_iter, time_limit, rng, threads, callback
        As for `imgnmf.factorize`.

    Returns
    -------
    FamilyFit
        With ``W = V shares``.

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
    >>> V = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
    >>> fit = imgnmf.family.convex(V, rank=2)
    >>> np.allclose(fit.W, V @ fit.shares), fit.shares.sum(axis=0).round(6), fit.relative_error < 0.002
    (True, array([1., 1.]), True)
    """
    limits = limits_of(stop, max_iter, time_limit, callback)
    ridge = checked_ridge(ridge)
    checked_choice("init", init, ("kmeans",))
    with framed(V, threads, signed=True) as frame:
        rank = checked_rank(rank, frame.blocks.shape, beyond=False)
        whole = frame.whole()
        steps = _Steps(_small(whole), frame.energy, ridge)
        drawn, labels, _ = clustered(frame.blocks, rank, checked_rng(rng))
        G = np.zeros((whole.shape[1], rank))
        G[drawn, labels] = 1 / np.bincount(labels, minlength=rank)[labels]
        start = (G, coefficients(frame, (whole @ G).T))
        alternation = Alternation(steps.step, start, signed=(False, False), pair=lambda f: ((whole @ f[0]).T, f[1]))
        went = alternation.follow(frame, limits)
        G = shares_of(alternation.factors[0])
        fit = finished(frame, (whole @ G).T, None, went, member="convex", init=init, ridge=ridge, shares=G)
    warn_if_cut_short(fit, limits)
    return fit


@dataclass(frozen=True)
class _Steps:
    """Steps on data of the same inner products as V, an image a row."""

    images: Array
    energy: float
    ridge: float

    def step(self, factors: Factors) -> Stepped:
        """Sweeps over H, then rounds over the rows of G."""
        G, W = factors[0].copy(), factors[0].T @ self.images
        H = hals_sweeps(ridged(W @ W.T, self.ridge), W @ self.images.T, factors[1], SWEEPS, PATIENCE)
        gram, product = H @ H.T, H @ self.images
        bent = ridged(gram, self.ridge)
        slopes = bent @ W - product
        for _ in range(ROUNDS):
            share_sweep(self.images, bent, G, W, slopes)
        squared = max(self.energy - 2 * inner(product, W) + inner(gram, W @ W.T), 0.0)
        return Stepped((G, H), squared / 2 + cancelling(W, H, self.ridge), squared)


def _small(V: Array) -> Array:
    """The images as rows, turned into as few dimensions as they span: no distance or angle changes."""
    turned = V if V.shape[0] <= V.shape[1] else np.asarray(np.linalg.qr(V, mode="r"))
    return np.ascontiguousarray(turned.T)


def shares_of(G: Array) -> Array:
    """The columns scaled to a sum of 1; one that is zero stays."""
    total = G.sum(axis=0)
    return np.asarray(G / np.where(total > 0, total, 1))
