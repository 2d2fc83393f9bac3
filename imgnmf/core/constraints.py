"""Sets that a factor must stay in, besides being non-negative; each step ends with a projection onto the set.

To add one: a frozen class with `projected`, one export, one line in the tests' list. A set that holds every positive
multiple of each of its parts (each row of its H) says so by ``scale_free = True``; `factorize` then returns parts of
unit length.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from imgnmf.core.hoyer import nearest_of_sparseness
from imgnmf.core.parts import Array, Quadratic
from imgnmf.core.solvers import projected_steps, safe_rate
from imgnmf.validation import LARGEST, check_number_field

__all__ = ["Constraint", "NonSmooth", "Simplex", "Sparseness", "UpperBound", "constrained_step", "promised_gain"]

# Projected gradient steps on each half, as in `ProjectedGradient`; halvings of a step onto a set that is not convex.
INNER, HALVINGS = 10, 20
BELOW_ONE = float(np.nextafter(1, 0))


@runtime_checkable
class Constraint(Protocol):
    """What `factorize` asks of a constraint."""

    @property
    def convex(self) -> bool:
        """Whether a projected step of ``1 / L`` is sure never to raise the objective."""
        ...

    @property
    def ties(self) -> bool:
        """Whether it ties the columns of a factor to each other."""
        ...

    def projected(self, factor: Array) -> Array:
        """The nearest point of the set, for k-major factors of shape (rank, n)."""
        ...

    def in_unit(self, unit: float) -> Constraint:
        """The same set where the factor counts `unit` times as much."""
        ...

    def excess(self, factor: Array) -> float:
        """How many times too large a factor is for the set, roughly."""
        ...


@dataclass(frozen=True)
class UpperBound:
    """No entry above `value`; for H, "no image holds more than so much of a part".

    Examples
    --------
    >>> UpperBound(1.0).projected(np.array([[-1.0, 0.5, 3.0]]))
    array([[0. , 0.5, 1. ]])
    """

    value: float
    convex: ClassVar[bool] = True
    ties: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number_field(self, "value", "a number above 0", name="an upper bound", above=0, most=LARGEST)

    def projected(self, factor: Array) -> Array:
        """Cut off."""
        return np.asarray(np.clip(factor, 0, np.asarray(self.value, factor.dtype)))

    def in_unit(self, unit: float) -> UpperBound:
        """The bound in that unit."""
        return replace(self, value=self.value * unit)

    def excess(self, factor: Array) -> float:
        """By the largest entry; 1 where all fit."""
        return max(1.0, float(factor.max(initial=0)) / self.value)


@dataclass(frozen=True)
class Simplex:
    """Every column of H sums to 1: abundances, as in hyperspectral unmixing (projection: Duchi et al. 2008, fig. 1).

    Examples
    --------
    >>> Simplex().projected(np.array([[0.8], [0.4]])).round(6)
    array([[0.7],
           [0.3]])
    """

    total: float = 1.0
    convex: ClassVar[bool] = True
    ties: ClassVar[bool] = False

    def __post_init__(self) -> None:
        words, name = "a finite number above 0", "the sum of a Simplex"
        check_number_field(self, "total", words, name=name, above=0, most=LARGEST)

    def in_unit(self, unit: float) -> Simplex:
        """The sum in that unit."""
        return replace(self, total=self.total * unit)

    def excess(self, factor: Array) -> float:
        """By the mean of the columns' sums."""
        return float(factor.sum(axis=0).mean()) / self.total or 1.0

    def projected(self, factor: Array) -> Array:
        """The nearest point whose columns have the sum."""
        falling = -np.sort(-factor, axis=0)
        count = np.arange(1, len(factor) + 1)[:, None]
        excess = (np.cumsum(falling, axis=0, dtype=np.float64) - self.total) / count
        kept = (falling > excess).sum(axis=0)
        level = np.take_along_axis(excess, np.maximum(kept - 1, 0)[None], axis=0)
        return np.asarray(np.maximum(factor - level.astype(factor.dtype), 0))


@dataclass(frozen=True)
class NonSmooth:
    """On H, every image holds some of every part, so that the parts must be sparse (Pascual-Montano et al. 2006).

    Non-smooth NMF is ``V ~ W S H``, ``S = (1 - theta) I + theta / rank * 11'``. Here H stands for their ``S H``: it
    then lies in the cone ``h_t >= theta / rank * sum(h)``, and V is ``W H`` as ever.

    Parameters
    ----------
    theta : float
        From 0, plain NMF, to below 1; 0.5 to 0.7 makes local parts.

    Examples
    --------
    >>> NonSmooth(0.5).projected(np.array([[1.0], [0.0]])).round(6)
    array([[0.9],
           [0.3]])
    >>> NonSmooth(0.5).unmixed(np.array([[0.9], [0.3]])).round(6)
    array([[1.2],
           [0. ]])
    """

    theta: float
    convex: ClassVar[bool] = True
    ties: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number_field(self, "theta", "a number from 0 to below 1", least=0, most=BELOW_ONE)

    def in_unit(self, unit: float) -> NonSmooth:
        """The same: a cone holds every multiple of H as a whole, though not of each row by itself."""
        del unit
        return self

    def excess(self, factor: Array) -> float:
        """Any scale of H as a whole will do."""
        del factor
        return 1.0

    def unmixed(self, H: Array) -> Array:
        """The H of the paper, of which `H` is ``S`` times."""
        return np.asarray(np.maximum(H - self.theta * H.mean(axis=0), 0) / (1 - self.theta))

    def projected(self, factor: Array) -> Array:
        """The nearest point of the cone: what lies below a level is lifted to it, and all is lowered by one amount."""
        if self.theta == 0:
            return np.asarray(np.maximum(factor, 0))
        rank, total = len(factor), factor.sum(axis=0, dtype=np.float64)
        rising = np.sort(factor.astype(np.float64), axis=0)
        above = total - np.cumsum(rising, axis=0)
        count = np.arange(1, rank + 1)[:, None]
        # The level, if so many lie below it: where the slopes of ``level * rank / theta`` and of the lifting meet.
        slope = rank / self.theta - (2 - self.theta) * count
        levels = ((2 - self.theta) * above - (1 - self.theta) * total) / slope
        below = np.maximum((rising < levels).sum(axis=0) - 1, 0)
        level = np.take_along_axis(levels, below[None], axis=0)
        lifted = np.maximum(factor, level)
        lowered = lifted - self.theta / rank * (lifted.sum(axis=0) - total)
        return np.asarray(np.maximum(lowered, 0), factor.dtype)


@dataclass(frozen=True)
class Sparseness:
    """Every part has exactly this sparseness (Hoyer 2004, sec. 3.2), at the energy that it has.

    On W, over its pixels; on H, over the images: a sparse part is then in few of them. What holds between images holds
    in the fit alone, so `encode` gives a new image the coefficients that it has by itself.

    Parameters
    ----------
    value : float
        0 for a flat part, 1 for a single pixel; 0.75 makes local parts of aligned faces.

    Examples
    --------
    >>> from imgnmf.core.measures import sparseness
    >>> part = Sparseness(0.75).projected(np.arange(100.0)[None])
    >>> sparseness(part.T).round(6)
    array([0.75])
    """

    value: float
    convex: ClassVar[bool] = False
    ties: ClassVar[bool] = True
    scale_free: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number_field(self, "value", "a number within 0 .. 1", name="sparseness", least=0, most=1)

    def in_unit(self, unit: float) -> Sparseness:
        """The same: sparseness is free of scale."""
        del unit
        return self

    def excess(self, factor: Array) -> float:
        """Any scale will do."""
        del factor
        return 1.0

    def projected(self, factor: Array) -> Array:
        """The nearest parts of this sparseness and of the same energy."""
        return nearest_of_sparseness(factor, self.value).astype(factor.dtype)


def constrained_step(parts: Quadratic, moving: Array, constraint: Constraint, *, careful: bool = True) -> Array:
    """Projected gradient steps that stay in the set; careful ones never raise the objective, the others go faster.

    Examples
    --------
    >>> parts = Quadratic(np.eye(2), np.array([[3.0], [1.0]]), n_terms=2)
    >>> constrained_step(parts, np.array([[0.5], [0.5]]), UpperBound(2.0))
    array([[2.],
           [1.]])
    """
    if constraint.convex:
        return projected_steps(parts, moving, INNER, constraint.projected, momentum=not careful)
    rate, now = safe_rate(parts.gram), moving
    for _ in range(INNER):
        slope = parts.gram @ now - parts.product
        stepped = _halved(parts, now, slope, rate, constraint)
        if stepped is None:
            break
        now = stepped
    return np.asarray(now)


def promised_gain(parts: Any, moving: Array, constraint: Constraint | None) -> float:
    """What one more step promises to take off the objective; within a set, what a projected gradient step takes."""
    if constraint is None:
        return float(parts.predicted_decrease(moving))
    slope = parts.gram @ moving - parts.product
    stepped = constraint.projected(moving - safe_rate(parts.gram) * slope)
    return max(_quadratic(parts, moving) - _quadratic(parts, stepped), 0.0)


def _halved(parts: Quadratic, now: Array, slope: Array, rate: Array, constraint: Constraint) -> Array | None:
    """The first of ever shorter projected steps that lowers the quadratic, if any does."""
    before = _quadratic(parts, now)
    for _ in range(HALVINGS):
        new = constraint.projected(now - rate * slope)
        if _quadratic(parts, new) < before:
            return new
        rate = rate / 2
    return None


def _quadratic(parts: Quadratic, moving: Array) -> float:
    return float(np.sum((0.5 * (parts.gram @ moving) - parts.product) * moving, dtype=np.float64))
