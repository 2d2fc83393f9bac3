"""Penalties on the factors: added to the loss, and to the parts of a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from imgnmf.core.parts import Array, Parts
from imgnmf.errors import IncompatibleError, ParameterError

__all__ = ["L1", "L2", "NO_PENALTY", "Penalties", "Weight", "weights_of"]


@dataclass(frozen=True)
class L1:
    """``strength * sum(factor)``: drives small entries to zero.

    The strength is free of the unit of V and of its size: `factorize` multiplies it by ``s**(beta - 1/2)``, `s` being
    the root mean square of V, and by the number of entries that each coefficient explains (n_pixels for H, n_images
    for W).

    Examples
    --------
    >>> L1(-1)
    Traceback (most recent call last):
    imgnmf.errors.ParameterError: the strength of a penalty must be a number >= 0, got -1
    """

    strength: float

    def __post_init__(self) -> None:
        _checked_strength(self.strength)


@dataclass(frozen=True)
class L2:
    """``strength / 2 * sum(factor**2)``: keeps entries small; scaled as `L1`, by ``s**(beta - 1)``.

    Examples
    --------
    >>> L2(0.1)
    L2(strength=0.1)
    """

    strength: float

    def __post_init__(self) -> None:
        _checked_strength(self.strength)


Penalties: TypeAlias = L1 | L2 | Sequence[L1 | L2] | None


@dataclass(frozen=True)
class Weight:
    """``l1 * sum(factor) + l2 / 2 * sum(factor**2)``, in the unit of the scaled data."""

    l1: float = 0.0
    l2: float = 0.0

    def value(self, factor: Array) -> float:
        """The penalty of a non-negative factor."""
        l1 = self.l1 * float(factor.sum(dtype=np.float64)) if self.l1 else 0.0
        return l1 + (self.l2 / 2 * float(np.square(factor, dtype=np.float64).sum()) if self.l2 else 0.0)

    def entries(self, factor: Array) -> Array:
        """The penalty of every entry."""
        return self.l1 * factor + self.l2 / 2 * factor**2

    def in_unit(self, objective: float, factor: float) -> Weight:
        """The same penalty where the objective counts `objective` times, and the factor `factor` times as much."""
        if self == Weight():
            return self
        return Weight(self.l1 * objective / factor, self.l2 * objective / factor**2)

    def applied(self, parts: Parts, moving: Array) -> Any:
        """The parts of loss plus penalty."""
        return parts.penalised(self.l1, self.l2, moving)


NO_PENALTY = Weight()


def weights_of(
    penalty_W: Penalties, penalty_H: Penalties, shape: tuple[int, int], scale: float, beta: float
) -> tuple[Weight, Weight]:
    """The penalties' weights for data of this shape and root mean square; both factors or none."""
    if bool(_strengths(penalty_W)) != bool(_strengths(penalty_H)):
        alone, other = ("penalty_W", "penalty_H") if _strengths(penalty_W) else ("penalty_H", "penalty_W")
        raise IncompatibleError(
            f"{alone} without {other} is defeated by scale: the penalised factor shrinks and the other grows without "
            f"end; give {other} too"
        )
    n_pixels, n_images = shape
    sides = ((penalty_W, n_images), (penalty_H, n_pixels))
    made = [_weight(penalty, entries, scale, beta) for penalty, entries in sides]
    return made[0], made[1]


def _weight(penalties: Penalties, entries: int, scale: float, beta: float) -> Weight:
    l1 = sum(p.strength for p in _strengths(penalties) if isinstance(p, L1))
    l2 = sum(p.strength for p in _strengths(penalties) if isinstance(p, L2))
    return Weight(l1 * entries * scale ** (beta - 0.5), l2 * entries * scale ** (beta - 1)) if l1 or l2 else Weight()


def _strengths(penalties: Penalties) -> tuple[L1 | L2, ...]:
    listed = () if penalties is None else (penalties,) if isinstance(penalties, (L1, L2)) else tuple(penalties)
    return tuple(p for p in listed if p.strength)


def _checked_strength(strength: float) -> None:
    if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 <= strength < float("inf"):
        raise ParameterError(f"the strength of a penalty must be a number >= 0, got {strength!r}")
