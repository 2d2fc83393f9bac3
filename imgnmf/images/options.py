"""Whether the options of a reading have values that they can have."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.errors import ParameterError
from imgnmf.validation import checked_pair

__all__ = ["check_choice", "check_positive", "checked_box", "checked_pair"]


def check_choice(option: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuse a word that is none of the choices."""
    if not isinstance(value, str) or value not in choices:
        known = ", ".join(map(repr, choices))
        raise ParameterError(f"expected {option} to be one of {known}, got {value!r}")


def check_positive(option: str, value: Any) -> None:
    """Refuse what is not a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ParameterError(f"expected {option} to be a whole number of at least 1, got {value!r}")


def checked_box(box: Any) -> tuple[int, int, int, int]:
    """Return (top, left, height, width)."""
    array = np.asarray(box)
    if array.shape != (4,) or array.dtype.kind not in "iu" or array[:2].min() < 0 or array[2:].min() < 1:
        raise ParameterError(f"expected box=(top, left, height, width) in whole numbers, got {box!r}")
    top, left, height, width = array.tolist()
    return top, left, height, width
