"""Penalties on the factors: added to the loss, and to the parts of a step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgnmf.core.parts import Array, Parts

__all__ = ["Weight"]


@dataclass(frozen=True)
class Weight:
    """``l1 * sum(factor) + l2 / 2 * sum(factor**2)``, in the unit of the scaled data."""

    l1: float = 0.0
    l2: float = 0.0

    def value(self, factor: Array) -> float:
        """The penalty of a non-negative factor."""
        if not (self.l1 or self.l2):
            return 0.0
        l1 = self.l1 * float(factor.sum(dtype=np.float64)) if self.l1 else 0.0
        return l1 + (self.l2 / 2 * float(np.sum(np.square(factor, dtype=np.float64))) if self.l2 else 0.0)

    def applied(self, parts: Parts, moving: Array) -> Parts:
        """The parts of loss plus penalty."""
        return parts.penalised(self.l1, self.l2, moving)
