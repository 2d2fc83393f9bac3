"""The value of white: the one home of a promise that images, figures and files share.

Images come in any unit: bytes, 16-bit numbers, floats in 0..1. Whatever turns numbers into a picture has to know which
of them is white, and a float array alone cannot tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["white_level"]


def white_level(pixels: NDArray[Any]) -> float:
    """Return the value of white: an integer dtype's range, 1 for floats within 0..1, else the largest finite value.

    Parameters
    ----------
    pixels : array
        Images, or reconstructions of them.

    Returns
    -------
    float
        Above 0.

    Examples
    --------
    >>> white_level(np.zeros(3, np.uint8)), white_level(np.array([0.5])), white_level(np.array([16.0]))
    (255.0, 1.0, 16.0)
    """
    if pixels.dtype.kind in "ui":
        return float(np.iinfo(pixels.dtype).max)
    return float(np.max(pixels, where=np.isfinite(pixels), initial=1.0))
