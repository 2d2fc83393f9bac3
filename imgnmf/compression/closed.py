"""Images and their own parts as integers: one step rules both factors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgnmf.compression.pixels import POINT, rebuilt
from imgnmf.compression.rounding import PRICE, Quadratic
from imgnmf.compression.tables import Integers
from imgnmf.core.parts import Array

__all__ = ["Coded", "finest_step", "quantised", "step_of_bits"]

# Neighbouring pixels of a part are coded as differences, so that a bit saved on the value itself saves less.
PRICE_W = PRICE / 4
# A part that would need more is rounded to nothing.
LARGEST_SCALE = 2.0**47


@dataclass(frozen=True, eq=False)
class Coded:
    """Integer factors, k-major, and what their product is in grey levels: `scale` in units of 2^-28."""

    W: Integers
    H: Integers
    scale: Integers
    offset: Integers | None = None

    def pixels(self) -> Array:
        """What the decoder makes of it, shape (n_pixels, n)."""
        return rebuilt(self.W, self.H, self.scale, self.offset)


def quantised(
    V: Array, W: Array, H: Array, step: float, *, offset: Integers | None = None, signed: bool = False, rounds: int = 1
) -> Coded:
    """Round both factors so that an error of each number changes the images alike, then refit each to the other.

    With parts of length 1, an error in ``h_kj`` counts once and one in ``w_ik`` counts ``|h_k|^2``: steps of `step`
    for H and ``step / |h_k|`` for W make every number as dear as every other, which is the best there is at high
    rate (Gersho & Gray 1992, ch. 8), and leaves no bits to be shared out by hand.

    Parameters
    ----------
    V : array, shape (n_pixels, n)
    W : array, shape (n_pixels, rank)
    H : array, shape (rank, n)
    step : float
        In grey levels.
    offset : int array, shape (n_pixels,), optional
        What is added to every column.
    signed : bool
        Whether the factors may be negative.
    rounds : int
        How often W is refitted to the rounded H, and H to that.
    """
    wanted = V.astype(np.float64) - (0 if offset is None else offset[:, None])
    w_length = np.linalg.norm(W, axis=0).astype(np.float64)
    h_length = np.linalg.norm(H, axis=1) * w_length
    alive = h_length > 0
    if not alive.any():
        return _nothing(V, offset)
    parts = (W[:, alive] / w_length[alive]).T.astype(np.float64)
    scale = np.clip(np.rint(step**2 / h_length[alive] * 2.0**POINT), 1, LARGEST_SCALE).astype(np.int64)
    unit = (scale / 2.0**POINT)[:, None]
    ints = np.rint(parts * (step / unit)).astype(np.int64)
    Q = _fitting(ints * unit, wanted, signed).tuned()[0]
    for _ in range(rounds):
        ints = _fitting(Q * unit, wanted.T, signed, PRICE_W).tuned(ints, rounds=1)[0]
        Q = _fitting(ints * unit, wanted, signed).tuned(Q)[0]
    return _without_idle(Coded(ints, Q, scale, offset))


def step_of_bits(W: Array, H: Array, bits: int) -> float:
    """Return the step that gives the largest coefficient ``2^bits - 1`` levels above 0."""
    return float((np.abs(H).max(axis=1) * np.linalg.norm(W, axis=0)).max() / (2**bits - 1))


def finest_step(W: Array, H: Array) -> float:
    """Return the step below which numbers of either factor might need more than 15 bits."""
    in_h = np.abs(H).max(axis=1) * np.linalg.norm(W, axis=0)
    in_w = np.abs(W).max(axis=0) * np.linalg.norm(H, axis=1)
    return float(max(in_h.max(), in_w.max()) / 2**14)


def _fitting(fixed: Array, V: Array, signed: bool, price: float = PRICE) -> Quadratic:
    return Quadratic(fixed @ fixed.T, fixed @ V, signed, price)


def _without_idle(coded: Coded) -> Coded:
    """Leave out parts that no image uses any more."""
    used = np.flatnonzero(coded.W.any(axis=1) & coded.H.any(axis=1))
    kept = used if used.size else np.zeros(1, np.intp)
    return Coded(coded.W[kept], coded.H[kept], coded.scale[kept], coded.offset)


def _nothing(V: Array, offset: Integers | None) -> Coded:
    return Coded(np.zeros((1, V.shape[0]), np.int64), np.zeros((1, V.shape[1]), np.int64), np.ones(1, np.int64), offset)
