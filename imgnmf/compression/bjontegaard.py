"""How many more bytes one codec needs than another for the same picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

from imgnmf.core.parts import Array
from imgnmf.errors import DataError, ShapeMismatchError

__all__ = ["bd_rate"]

LEAST_OVERLAP = 0.5


def bd_rate(
    anchor_rate: Sequence[float], anchor_psnr: Sequence[float], rate: Sequence[float], psnr: Sequence[float]
) -> float:
    """Mean difference in rate for the same quality, in percent of the anchor; negative where fewer bytes suffice.

    The logarithm of the rate is interpolated over the quality by PCHIP and averaged over the qualities that both
    curves have (Bjontegaard, VCEG-M33, 2001; PCHIP as in VCEG-AE07).

    Parameters
    ----------
    anchor_rate, anchor_psnr : sequence of float
        At least three points of the codec compared with.
    rate, psnr : sequence of float
        At least three points of the other.

    Returns
    -------
    float

    Raises
    ------
    DataError
        If a curve has fewer than three points or its quality does not rise with its rate, or if the qualities that
        both have are less than half of those that either has: such a number would be made up.
    ShapeMismatchError
        If rates and qualities differ in number.

    Examples
    --------
    >>> round(bd_rate([0.1, 0.2, 0.4], [30, 33, 36], [0.05, 0.1, 0.2], [30, 33, 36]), 6)
    -50.0
    """
    curves = [_curve(anchor_rate, anchor_psnr), _curve(rate, psnr)]
    low = max(quality[0] for quality, _ in curves)
    high = min(quality[-1] for quality, _ in curves)
    total = max(quality[-1] for quality, _ in curves) - min(quality[0] for quality, _ in curves)
    if high - low < LEAST_OVERLAP * total:
        spans = " and ".join(f"{quality[0]:.1f}..{quality[-1]:.1f} dB" for quality, _ in curves)
        raise DataError(f"expected curves that share at least half of their qualities, found {spans}: add settings")
    areas = [float(PchipInterpolator(quality, rates).integrate(low, high)) for quality, rates in curves]
    return float(100 * (10 ** ((areas[1] - areas[0]) / (high - low)) - 1))


def _curve(rate: Sequence[float], psnr: Sequence[float]) -> tuple[Array, Array]:
    rates, quality = np.asarray(rate, float), np.asarray(psnr, float)
    if rates.ndim != 1 or rates.shape != quality.shape:
        raise ShapeMismatchError(f"expected one quality for each rate, found {rates.shape} and {quality.shape}")
    order = np.argsort(rates)
    rates, quality = rates[order], quality[order]
    if len(rates) < 3 or not (np.isfinite(quality).all() and rates[0] > 0 and (np.diff(quality) > 0).all()):
        raise DataError(
            "expected at least three points, rates above 0 and a quality that rises with the rate; keep the points "
            "that no other one beats"
        )
    return quality, np.log10(rates)
