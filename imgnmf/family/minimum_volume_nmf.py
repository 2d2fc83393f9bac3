"""Minimum-volume NMF: of all parts that explain the images, those that span the least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from imgnmf.core.check import checked_choice, checked_rank
from imgnmf.core.constraints import Simplex
from imgnmf.core.extremes import columns
from imgnmf.core.interrupts import interruptible, own_best
from imgnmf.core.limits import Callback, limits_of, warn_if_cut_short
from imgnmf.core.parts import Array, inner
from imgnmf.core.stopping import StoppingRule
from imgnmf.family.alternate import Alternation, Factors, Stepped, finished, swept_coefficients
from imgnmf.family.frame import Frame, coefficients, framed, squared_residual
from imgnmf.family.result import FamilyFit
from imgnmf.family.separable_nmf import extreme_images
from imgnmf.validation import LARGEST, checked_number

__all__ = ["minimum_volume"]

SWEEPS = 10
# A start better than this relative error counts as one of this error, so that there is always some penalty.
LEAST_ERROR = 1e-3
UNIT_SUM = Simplex()


@interruptible(own_best)
def minimum_volume(
    V: Any,
    rank: int,
    *,
    strength: float = 0.1,
    delta: float = 0.1,
    init: Literal["snpa", "spa"] = "snpa",
    unit_sum: bool = False,
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 2000,
    time_limit: float | None = None,
    threads: int | None = None,
    callback: Callback | None = None,
) -> FamilyFit:
    """Of all parts that explain the images, find those that span the least: pure materials, pure inks, pure sources.

    Minimises ``|V - W H|^2 / 2 + lambda log det(I + W'W / (delta s))`` over ``W, H >= 0``, each column of W of sum 1
    (Leplat, Ang & Gillis 2019; their log det but for a constant), by coordinate descent on H and, with the log det
    replaced by its tangent, which lies above it, on one column of W after another. Plain NMF may choose any of the
    parts that span the images; these wrap tightly around them, and are the true ones where the mixtures are scattered
    enough, even if no image is pure.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        For spectra, a pixel of the scene a column.
    rank : int
        k, at most ``min(n_pixels, n_images)``.
    strength : float
        What the penalty of the start is to its loss: ``lambda`` makes it so. More draws the parts further in. A start
        that is better than a relative error of 1e-3 counts as one of that error.
    delta : float
        The volume below which parts count as flat, in units of the mean squared length ``s`` of the start's parts.
    init : {"snpa", "spa"}
        The parts start as extreme images; see `separable`, for `unit_sum` too.
    unit_sum : bool
    stop, max_iter, time_limit, threads, callback
        As for `imgnmf.factorize`. Nothing is random.

    Returns
    -------
    FamilyFit
        The columns of W sum to 1; `penalty` is the part of the objective that is not the loss.

    Raises
    ------
    DataError
        If V holds NaN, infinite or negative values, is sparse, or is zero everywhere.
    ParameterError
        If an option is out of bounds, or fewer images than `rank` explain all others.
    Interrupted
        At Ctrl-C, with the best so far as its `best`, or None.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came while the fit was still visibly improving, or before a rule in `stop` held.

    Examples
    --------
    >>> import imgnmf
    >>> V = np.array([[3.0, 1.0, 0.0, 2.0], [0.0, 1.0, 2.0, 1.0]])
    >>> fit = imgnmf.family.minimum_volume(V, rank=2)
    >>> fit.W.round(2)
    array([[1., 0.],
           [0., 1.]])
    """
    limits = limits_of(stop, max_iter, time_limit, callback)
    checked_choice("init", init, ("snpa", "spa"))
    strength, delta = _positive("strength", strength), _positive("delta", delta)
    with framed(V, threads, signed=False) as frame:
        rank = checked_rank(rank, frame.blocks.shape, beyond=False)
        chosen, _ = extreme_images(frame, rank, init, unit_sum=unit_sum, started=limits.started)
        W = columns(frame.blocks, np.array(chosen))
        W = np.ascontiguousarray((W / W.sum(axis=0)).T)
        H = coefficients(frame, W)
        left = max(squared_residual(frame, W, H), LEAST_ERROR**2 * frame.energy)
        volume = Volume(delta * float(np.square(W).sum()) / rank)
        volume = replace(volume, weight=strength * left / 2 / volume.value(W))
        alternation = Alternation(_Steps(frame, volume).step, (W, H), signed=(False, False))
        went = alternation.follow(frame, limits)
        W = alternation.factors[0]
        fit = finished(frame, W, None, went, member="minimum-volume", init=init, penalty=volume.value(W), unit_in="H")
    warn_if_cut_short(fit, limits)
    return fit


def _positive(name: str, number: Any) -> float:
    return checked_number(name, number, "a number > 0", above=0, most=LARGEST)


@dataclass(frozen=True)
class Volume:
    """``weight log det(I + W'W / flat)``: 0 for parts that are zero, free of the unit of V.

    Examples
    --------
    >>> float(Volume(1.0).value(np.eye(2)) / np.log(2))
    2.0
    """

    flat: float
    weight: float = 1.0

    def value(self, W: Array) -> float:
        """For k-major W."""
        return self.weight * float(np.linalg.slogdet(np.eye(len(W)) + W @ W.T / self.flat)[1])

    def bend(self, W: Array) -> Array:
        """`B` of the tangent at W: ``value(X) <= value(W) + tr(B (X'X - W'W)) / 2``, log det being concave."""
        return np.asarray(2 * self.weight * np.linalg.inv(W @ W.T + self.flat * np.eye(len(W))))


@dataclass(frozen=True)
class _Steps:
    frame: Frame
    volume: Volume

    def step(self, factors: Factors) -> Stepped:
        """Sweeps over H, block by block, then over the columns of W."""
        W, H = factors
        gram, product, moved = swept_coefficients(self.frame, W, H)
        W = _simplex_sweeps(gram + self.volume.bend(W), product, W)
        squared = max(self.frame.energy - 2 * inner(product, W) + inner(gram, W @ W.T), 0.0)
        return Stepped((W, moved), squared / 2 + self.volume.value(W), squared)


def _simplex_sweeps(gram: Array, product: Array, W: Array) -> Array:
    """One column of W after another to its exact minimum, the nearest point of sum 1 to the unconstrained one."""
    W = W.copy()
    for _ in range(SWEEPS):
        before = W.copy()
        for t in np.flatnonzero(np.diag(gram) > 0):
            aim = W[t] + (product[t] - gram[t] @ W) / gram[t, t]
            W[t] = UNIT_SUM.projected(aim[:, None])[:, 0]
        if np.abs(W - before).max() <= 1e-3 * W.max():
            break
    return W
