"""Between the user's unit and the one that the loop works in."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner
from imgnmf.core.check import Figures, look_over
from imgnmf.core.losses import Loss
from imgnmf.core.parts import Array
from imgnmf.core.sparse import is_sparse, refuse_unfit
from imgnmf.errors import DataError

__all__ = [
    "SMALLEST",
    "as_blocks",
    "in_user_units",
    "is_far",
    "looked_for",
    "power_of_two",
    "refuse_far",
    "scaled_blocks",
    "times_power_of_two",
    "to_unit_length",
]

# As many entries tell the median that a floor is relative to.
SAMPLED = 1_000_000
# What is above 0 stays so in the unit of V, among denormals too.
SMALLEST = float(np.nextafter(0.0, 1.0))


def as_blocks(V: Any, loss: Loss, weights: Array | None = None, run: Runner[Any] = map) -> ColumnBlocks:
    """Blocks in float64 for float64 data, else float32; scaled to a maximum of about 1 where the loss has floors.

    Under Frobenius there are none, and scaling is left out unless squares would leave the range. V is read once, and
    what it holds is checked.
    """
    refuse_unfit(V, loss)
    return scaled_blocks(V, loss, look_over(V, run, **looked_for(V.shape, loss)), weights)


def looked_for(shape: tuple[int, int], loss: Loss) -> dict[str, Any]:
    """What the first reading of V is to bring: a median for a floor, or the sums, which a floor would change."""
    every = max(1, shape[0] * shape[1] // SAMPLED) if loss.floor else 0
    return {"sums": not loss.floor, "every": every}


def scaled_blocks(V: Any, loss: Loss, seen: Figures, weights: Array | None = None) -> ColumnBlocks:
    """`as_blocks` for a V that was looked over."""
    largest = seen.largest
    dtype = np.dtype(np.float64 if V.dtype == np.float64 else np.float32)
    exponent = int(np.frexp(largest)[1])
    if loss.beta == 2 and abs(exponent) <= 16:
        exponent = 0
    floor = 0.0
    if loss.floor:
        floor = loss.floor * scaled_median(seen.sample if seen.sample.size else np.array([largest]), exponent)
    if is_sparse(V):  # once, since each pass would copy every entry
        V = V.astype(dtype, copy=False)
    shift = seen.exponent - exponent
    sums = float(np.ldexp(seen.total, shift)), float(np.ldexp(seen.energy, 2 * shift))
    known = None if loss.floor or is_sparse(V) else sums
    return ColumnBlocks(V, dtype, exponent, floor, weights, largest, known)


def scaled_median(values: Array, exponent: int) -> float:
    """Return the median of ``values * 2**-exponent``; `values` are partitioned in place, for they may be many.

    >>> scaled_median(np.array([3.0, 1.0, 2.0, 8.0]), 1)
    1.25
    """
    low, high = (len(values) - 1) // 2, len(values) // 2
    values.partition([low, high])
    # Scaled before they are added: near the top of the range the sum of two values is infinite.
    return sum(float(np.ldexp(float(values[middle]), -exponent)) for middle in (low, high)) / 2


def in_user_units(W: Array, H: Array, exponent: int, *, unit_parts: bool = False) -> tuple[Array, Array]:
    """Return copies of `W`, as (n_pixels, rank), and `H`, with the scale of V: in H for parts of length 1, else shared.

    At the ends of the range of floats it is shared for parts of length 1 too: H alone could not hold it.
    """
    in_W = exponent // 2
    if unit_parts:
        largest, bounds = int(np.frexp(H.max(initial=0))[1]) + exponent, np.finfo(H.dtype)
        if bounds.minexp + bounds.nmant < largest <= bounds.maxexp:
            in_W = 0
    return np.ldexp(W, in_W).T, np.ldexp(H, exponent - in_W)


def to_unit_length(W: Array) -> tuple[Array, Array]:
    """Return k-major parts of Euclidean length 1, and the lengths that they had: ``W = lengths[:, None] * parts``.

    A part that is zero stays so; its length counts as 1. No square leaves the range: each part is brought to a maximum
    of about 1 by a power of 2 first.

    >>> parts, lengths = to_unit_length(np.array([[3e200, 4e200], [0.0, 0.0]]))
    >>> parts, lengths / 1e200
    (array([[0.6, 0.8],
           [0. , 0. ]]), array([5.e+000, 1.e-200]))
    """
    parts, lengths = np.zeros_like(W), np.ones(len(W), W.dtype)
    for part, row in enumerate(W):  # one at a time: float64 copies of all would cost memory
        exponent = int(np.frexp(row.max(initial=0))[1])
        scaled = np.ldexp(row.astype(np.float64), -exponent)
        length = float(np.sqrt(np.square(scaled).sum()))
        if length > 0:
            parts[part] = scaled / length
            lengths[part] = np.ldexp(length, exponent)
    return parts, lengths


def power_of_two(exponent: float) -> float:
    """``2**exponent``, infinite or zero beyond the range of a float."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.exp2(exponent))


def times_power_of_two(value: float, exponent: float) -> float:
    """``value * 2**exponent``, also where the power alone would leave the range of a float.

    >>> times_power_of_two(5e-324, 1074.0)
    1.0
    """
    whole = int(np.clip(np.floor(exponent), -5000, 5000))  # beyond, every float is 0 or infinite
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(value * 2.0 ** (exponent - np.floor(exponent)), whole))


def is_far(exponent: int, dtype: np.dtype[Any]) -> bool:
    """Whether products of three numbers of this exponent would leave the range."""
    return abs(exponent) > int(np.finfo(dtype).maxexp) // 3


def refuse_far(name: str, exponent: int, dtype: np.dtype[Any]) -> None:
    """Raise if a factor whose largest entry has this exponent, in the unit of the blocks, cannot be worked with."""
    if is_far(exponent, dtype):
        raise DataError(
            f"{name} must be of a size that suits V, and is about 1e{round(exponent * np.log10(2)):+d} times that, "
            f"beyond what products in {dtype} can hold; multiply it by 1e{round(-exponent * np.log10(2)):+d}"
        )
