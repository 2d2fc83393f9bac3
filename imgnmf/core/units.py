"""Between the user's unit and the one that the loop works in."""

from __future__ import annotations

import numpy as np

from imgnmf.core.blocks import ColumnBlocks
from imgnmf.core.check import checked_values
from imgnmf.core.losses import Loss
from imgnmf.core.parts import Array
from imgnmf.core.sparse import is_sparse, refuse_unfit

__all__ = ["as_blocks", "in_user_units", "power_of_two", "scaled_blocks"]


def as_blocks(V: Array, loss: Loss, weights: Array | None = None) -> ColumnBlocks:
    """Blocks in float64 for float64 data, else float32; scaled to a maximum of about 1 where the loss has floors.

    Under Frobenius there are none, and scaling is left out unless squares would leave the range.
    """
    refuse_unfit(V, loss)
    return scaled_blocks(V, loss, checked_values(V), weights)


def scaled_blocks(V: Array, loss: Loss, largest: float, weights: Array | None = None) -> ColumnBlocks:
    """`as_blocks` for a V that was checked, and whose largest value is known."""
    dtype = np.dtype(np.float64 if V.dtype == np.float64 else np.float32)
    exponent = int(np.frexp(largest)[1])
    if loss.beta == 2 and abs(exponent) <= 16:
        exponent = 0
    floor = loss.floor * _positive_median(V) if loss.floor and largest else 0.0
    if is_sparse(V):  # once, since each pass would copy every entry
        V = V.astype(dtype, copy=False)
    return ColumnBlocks(V, dtype, exponent, float(np.ldexp(floor, -exponent)), weights)


def _positive_median(V: Array) -> float:
    sample = V[:, :: max(1, V.size // 1_000_000)]
    return float(np.median(sample[sample > 0])) if (sample > 0).any() else float(V.max())


def in_user_units(W: Array, H: Array, exponent: int) -> tuple[Array, Array]:
    """`W` as (n_pixels, rank) and `H`, as copies, the scale of V shared out between them."""
    half = exponent // 2
    return np.ldexp(W, half).T, np.ldexp(H, exponent - half)


def power_of_two(exponent: float) -> float:
    """``2**exponent``, infinite or zero beyond the range of a float."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.exp2(exponent))
