"""Extrapolation with restart: written once, around every solver that gains from it (Ang & Gillis 2019)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imgnmf.core.parts import Array

__all__ = ["Pace", "extrapolated"]


@dataclass(frozen=True)
class Pace:
    """How far to move on along the last change: grows while the loss falls, shrinks when it rises.

    Attributes
    ----------
    momentum : float
        In force now: the next point is ``new + momentum * (new - old)``.
    limit : float
        What `momentum` may grow to; itself grows slowly, and falls to the last safe value at a rise.
    growth, limit_growth, decay : float
        The constants of Ang & Gillis (2019, table 1) for inexact steps.
    positive_only : bool
        Extrapolate only what grew, so that no entry comes near zero (Hien, Leplat & Gillis 2024, eq. 13).

    Examples
    --------
    >>> round(Pace().after_success().momentum, 3), round(Pace().after_rise().momentum, 3)
    (0.505, 0.333)
    """

    momentum: float = 0.5
    limit: float = 1.0
    previous: float = 0.5
    growth: float = 1.01
    limit_growth: float = 1.005
    decay: float = 1.5
    positive_only: bool = False

    def after_success(self) -> Pace:
        """The pace after an iteration that lowered the loss."""
        return replace(
            self,
            momentum=min(self.limit, self.growth * self.momentum),
            limit=min(1.0, self.limit_growth * self.limit),
            previous=self.momentum,
        )

    def after_rise(self) -> Pace:
        """The pace after an iteration that was taken back."""
        return replace(self, momentum=self.momentum / self.decay, limit=self.previous)


def extrapolated(new: Array, old: Array, momentum: float, positive_only: bool) -> Array:
    """``new + momentum * (new - old)``, kept non-negative, or only where it grew.

    >>> extrapolated(np.array([1.0, 2.0]), np.array([3.0, 1.0]), 1.0, positive_only=False)
    array([0., 3.])
    """
    if momentum == 0:
        return new
    step = np.subtract(new, old)
    step *= np.asarray(momentum, new.dtype)
    if positive_only:
        np.maximum(step, 0, out=step)
        step += new
        return step
    step += new
    return np.maximum(step, 0, out=step)
