"""Solvers: one step on one factor, from parts. None has a loop over iterations, a clock or a tolerance.

To add one: a frozen class with `name`, `needs`, `pace` and `step`, one export, one line in the tests' list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from imgnmf.core.extrapolation import Pace
from imgnmf.core.kernels import hals_sweeps
from imgnmf.core.losses import Form
from imgnmf.core.parts import Array, Parts, Quadratic

__all__ = ["HALS", "MU", "Solver"]


class Solver(Protocol):
    """What `factorize` asks of a solver."""

    @property
    def name(self) -> str:
        """As the user writes it."""
        ...

    @property
    def needs(self) -> Form:
        """The form of parts that `step` takes."""
        ...

    @property
    def pace(self) -> Pace | None:
        """How iterations are extrapolated; None for never."""
        ...

    def step(self, parts: Any, moving: Array) -> Array:
        """An improved copy of `moving`, shape (rank, n)."""
        ...


@dataclass(frozen=True)
class HALS:
    """Hierarchical alternating least squares with accelerated inner sweeps (Gillis & Glineur 2012, alg. 3).

    Each row of the moving factor in turn gets its exact non-negative minimiser,
    ``H_t <- max(0, H_t + (P_t - G_t H) / G_tt)``, for several sweeps on the same parts: a sweep costs
    ``2 rank^2 n`` flops, the parts ``2 m rank n``, so more sweeps pay the more, the taller V is.

    Parameters
    ----------
    inner : int or "auto"
        Sweeps at most on each half; "auto" weighs their cost against that of the parts.
    patience : float
        Sweeping ends early when one gains less than this share of the first.
    extrapolate : bool
        Move on along the last change of the factors (Ang & Gillis 2019).

    Examples
    --------
    >>> parts = Quadratic(np.eye(2), np.array([[3.0], [-1.0]]), n_terms=4)
    >>> HALS().step(parts, np.zeros((2, 1)))
    array([[3.],
           [0.]])
    """

    inner: int | str = "auto"
    patience: float = 0.01
    extrapolate: bool = True
    name: ClassVar[str] = "hals"
    needs: ClassVar[Form] = "quadratic"

    @property
    def pace(self) -> Pace | None:
        """Extrapolated unless told otherwise."""
        return Pace() if self.extrapolate else None

    def step(self, parts: Quadratic, moving: Array) -> Array:
        """Sweep a copy of `moving`."""
        return hals_sweeps(parts.gram, parts.product, moving, self.sweeps(parts), self.patience)

    def sweeps(self, parts: Quadratic) -> int:
        """At most how many sweeps these parts deserve: ``1 + n_terms / (2 (rank + 1))``, within 4 to 30."""
        if isinstance(self.inner, int):
            return self.inner
        return int(np.clip(1 + 0.5 * parts.n_terms / (len(parts.gram) + 1), 4, 30))


@dataclass(frozen=True)
class MU:
    """Multiplicative updates (Lee & Seung 2001, eq. 4; any beta: Févotte & Idier 2011, eq. 4.1).

    ``H <- H * (minus / plus) ** exponent``, the gradient being ``plus - minus``. Simple, for every loss, and
    slow; a coefficient at zero would stay there, so none falls below a floor at the limit of precision.

    Examples
    --------
    >>> parts = Quadratic(np.eye(1), np.array([[3.0]]), n_terms=4)
    >>> MU().step(parts, np.ones((1, 1)))
    array([[3.]])
    """

    name: ClassVar[str] = "mu"
    needs: ClassVar[Form] = "gradient"
    pace: ClassVar[Pace | None] = None

    def step(self, parts: Parts, moving: Array) -> Array:
        """One multiplicative step on a copy of `moving`."""
        minus, plus = parts.split(moving)
        tiny = np.finfo(moving.dtype).tiny
        ratio = np.maximum(minus, 0) / np.maximum(plus, tiny)
        if parts.exponent != 1:
            ratio = ratio**parts.exponent
        floor = np.finfo(moving.dtype).eps ** 2 * moving.max(initial=0)
        return np.maximum(moving * ratio, floor)
