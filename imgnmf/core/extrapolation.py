"""Extrapolation with restart: written once, around every solver that gains from it (Ang & Gillis 2019)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imgnmf.core.parts import Array

__all__ = ["Pace", "Way", "extrapolated"]


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


@dataclass(frozen=True)
class Way:
    """How the next iteration goes: how far it extrapolates, and for how long it must be careful.

    After a rise comes an iteration of careful steps without extrapolation; after a rise soon again, twice as many.
    """

    pace: Pace | None
    momentum: float = 0.0
    careful: int = 0
    caution: int = 1

    @property
    def positive_only(self) -> bool:
        """As the pace has it."""
        return self.pace is not None and self.pace.positive_only

    def after_success(self) -> Way:
        """The way on from a pair that was accepted."""
        if self.careful > 1:
            return replace(self, careful=self.careful - 1)
        pace = self.pace.after_success() if self.pace and self.momentum else self.pace
        return Way(pace, pace.momentum if pace else 0.0, 0, self.caution if self.careful else 1)

    def after_rise(self) -> Way:
        """The way on from a pair that was taken back."""
        pace = self.pace.after_rise() if self.pace and self.momentum else self.pace
        return Way(pace, 0.0, self.caution, min(2 * self.caution, 64))


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
