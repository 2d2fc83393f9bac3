"""Solvers: one step on one factor, from parts. None has a loop over iterations, a clock or a tolerance.

To add one: a frozen class with `name`, `needs`, `pace` and `step`, one export, one line in the tests' list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from imgnmf.core.extrapolation import Pace
from imgnmf.core.kernels import hals_sweeps, newton_sweeps
from imgnmf.core.losses import Form
from imgnmf.core.nnls import nonnegative_least_squares
from imgnmf.core.parts import Array, Curvature, Parts, Quadratic
from imgnmf.validation import check_flag, check_number_field, checked_count

__all__ = ["ANLS", "HALS", "MU", "Newton", "ProjectedGradient", "Solver"]


@runtime_checkable
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

    @property
    def needs_positive(self) -> bool:
        """Whether a zero in the start could never be left."""
        ...

    def step(self, parts: Any, moving: Array) -> Array:
        """An improved copy of `moving`, shape (rank, n)."""
        ...

    def careful_step(self, parts: Any, moving: Array) -> Array:
        """As `step`, never raising the objective; taken after a step that did."""
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
    needs_positive: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not (isinstance(self.inner, str) and self.inner == "auto"):
            checked_count("inner", self.inner, 1)
        check_number_field(self, "patience", "a number from 0 to 1", least=0, most=1)
        check_flag("extrapolate", self.extrapolate)

    @property
    def pace(self) -> Pace | None:
        """Extrapolated unless told otherwise."""
        return Pace() if self.extrapolate else None

    def step(self, parts: Quadratic, moving: Array) -> Array:
        """Sweep a copy of `moving`."""
        return hals_sweeps(parts.gram, parts.product, moving, self.sweeps(parts), self.patience)

    def careful_step(self, parts: Quadratic, moving: Array) -> Array:
        """The same: a sweep never raises the objective."""
        return self.step(parts, moving)

    def sweeps(self, parts: Quadratic) -> int:
        """At most how many sweeps these parts deserve: ``1 + n_terms / (2 (rank + 1))``, within 4 to 30."""
        if isinstance(self.inner, int):
            return self.inner
        return int(np.clip(1 + 0.5 * parts.n_terms / (len(parts.gram) + 1), 4, 30))


@dataclass(frozen=True)
class ANLS:
    """Alternating non-negative least squares: each half solved exactly by block pivoting (Kim & Park 2011).

    The reference for the others: fewest iterations, each dear.

    Examples
    --------
    >>> parts = Quadratic(np.eye(2), np.array([[3.0], [-1.0]]), n_terms=4)
    >>> ANLS().step(parts, np.zeros((2, 1)))
    array([[3.],
           [0.]])
    """

    extrapolate: bool = True
    name: ClassVar[str] = "anls"
    needs: ClassVar[Form] = "quadratic"
    needs_positive: ClassVar[bool] = False

    @property
    def pace(self) -> Pace | None:
        """Exact steps bear a faster growth (Ang & Gillis 2019, table 1)."""
        return Pace(growth=1.1, limit_growth=1.05) if self.extrapolate else None

    def step(self, parts: Quadratic, moving: Array) -> Array:
        """The exact minimiser."""
        return nonnegative_least_squares(parts.gram, parts.product, moving).astype(moving.dtype)

    def careful_step(self, parts: Quadratic, moving: Array) -> Array:
        """The same: the minimiser never raises the objective."""
        return self.step(parts, moving)


@dataclass(frozen=True)
class ProjectedGradient:
    """Steps along the gradient, projected to the non-negative, with Nesterov's momentum (Guan et al. 2012, alg. 1).

    Parameters
    ----------
    inner : int
        Gradient steps on each half.
    extrapolate : bool
        Move on along the last change of the factors as well.

    Examples
    --------
    >>> parts = Quadratic(np.eye(2), np.array([[3.0], [-1.0]]), n_terms=4)
    >>> ProjectedGradient().step(parts, np.zeros((2, 1)))
    array([[3.],
           [0.]])
    """

    inner: int = 10
    extrapolate: bool = True
    name: ClassVar[str] = "pg"
    needs: ClassVar[Form] = "quadratic"
    needs_positive: ClassVar[bool] = False

    @property
    def pace(self) -> Pace | None:
        """Extrapolated unless told otherwise."""
        return Pace() if self.extrapolate else None

    def step(self, parts: Quadratic, moving: Array) -> Array:
        """Accelerated projected gradient on a copy of `moving`."""
        return projected_steps(parts, moving, self.inner, _nonnegative)

    def careful_step(self, parts: Quadratic, moving: Array) -> Array:
        """Without momentum, a step of one over the Lipschitz constant never raises the objective."""
        return projected_steps(parts, moving, self.inner, _nonnegative, momentum=False)


def projected_steps(
    parts: Quadratic, moving: Array, inner: int, projected: Callable[[Array], Array], *, momentum: bool = True
) -> Array:
    """Steps along the gradient, each brought back by `projected`, with Nesterov's momentum (Guan et al. 2012, alg. 1).

    Without momentum, and onto a convex set, they never raise the objective.

    >>> projected_steps(Quadratic(np.eye(1), np.array([[3.0]]), n_terms=1), np.zeros((1, 1)), 2, lambda h: h.clip(0))
    array([[3.]])
    """
    rate, now, ahead, t = safe_rate(parts.gram), moving, moving, 1.0
    for _ in range(inner):
        new = projected(ahead - rate * (parts.gram @ ahead - parts.product))
        t_next = (1 + np.sqrt(1 + 4 * t * t)) / 2
        ahead = new + np.asarray((t - 1) / t_next, new.dtype) * (new - now) if momentum else new
        now, t = new, t_next
    return np.asarray(now)


def _nonnegative(factor: Array) -> Array:
    return np.maximum(factor, 0)


def safe_rate(gram: Array) -> Array:
    """One over the Lipschitz constant of the gradient of a quadratic."""
    largest = np.linalg.norm(gram.astype(np.float64), 2)
    return np.asarray(1 / largest if largest > 0 else 0.0, gram.dtype)


@dataclass(frozen=True)
class MU:
    """Multiplicative updates (Lee & Seung 2001, eq. 4; any beta: Févotte & Idier 2011, eq. 4.1), extrapolated.

    ``H <- H * (minus / plus) ** exponent``, the gradient being ``plus - minus``. A coefficient at zero would stay
    there, so none falls below a floor at the limit of precision. The exponent is 1 while that lowers the
    objective, and the proven one (Févotte & Idier 2011, eq. 4.2) after a rise.

    Parameters
    ----------
    extrapolate : bool
        Move on along what grew (Hien, Leplat & Gillis 2024, eq. 13), with the restart of `HALS`.

    Examples
    --------
    >>> parts = Quadratic(np.eye(1), np.array([[3.0]]), n_terms=4)
    >>> MU().step(parts, np.ones((1, 1)))
    array([[3.]])
    """

    extrapolate: bool = True
    name: ClassVar[str] = "mu"
    needs: ClassVar[Form] = "gradient"
    needs_positive: ClassVar[bool] = True

    @property
    def pace(self) -> Pace | None:
        """Extrapolated unless told otherwise."""
        return Pace(growth=1.05, limit_growth=1.01, positive_only=True) if self.extrapolate else None

    def step(self, parts: Parts, moving: Array) -> Array:
        """One multiplicative step on a copy of `moving`, its exponent 1."""
        return multiplied(parts, moving, min(2 * parts.exponent, 1.0))

    def careful_step(self, parts: Parts, moving: Array) -> Array:
        """One multiplicative step whose exponent is proven never to raise the objective."""
        return multiplied(parts, moving, parts.exponent)


@dataclass(frozen=True)
class Newton:
    """Each image's own Newton step, by coordinate sweeps on its quadratic model; for Kullback-Leibler.

    ``min_d d' T d / 2 - g' d, H + d >= 0`` with the full Hessian `T` of each column (the scalar form:
    Hsieh & Dhillon 2011, eq. 22). A product of ``rank / 2`` times the cost of the gradient buys far fewer
    iterations, which pays while the rank is small.

    Parameters
    ----------
    sweeps : int
    extrapolate : bool

    Examples
    --------
    >>> from imgnmf.core.parts import Curvature
    >>> parts = Curvature(np.array([[3.0]]), np.array([[1.0]]), np.array([[4.0]]))
    >>> Newton().step(parts, np.ones((1, 1)))
    array([[1.5]])
    """

    sweeps: int = 4
    extrapolate: bool = True
    name: ClassVar[str] = "newton"
    needs: ClassVar[Form] = "curvature"
    needs_positive: ClassVar[bool] = True

    @property
    def pace(self) -> Pace | None:
        """Extrapolated unless told otherwise."""
        return Pace() if self.extrapolate else None

    def step(self, parts: Curvature, moving: Array) -> Array:
        """The minimiser of the quadratic model, nearly."""
        gradient = np.ascontiguousarray(parts.minus - parts.plus)
        floor = np.finfo(moving.dtype).eps ** 2 * moving.max(initial=0)
        return np.asarray(np.maximum(newton_sweeps(parts.hessians, gradient, moving, self.sweeps), floor))

    def careful_step(self, parts: Curvature, moving: Array) -> Array:
        """A multiplicative step, which never raises the objective."""
        return multiplied(parts.first_order, moving, parts.exponent)


def multiplied(parts: Parts, moving: Array, exponent: float) -> Array:
    minus, plus = parts.split(moving)
    ratio = np.maximum(minus, 0) / np.maximum(plus, np.finfo(moving.dtype).tiny)
    if exponent != 1:
        ratio = ratio**exponent
    floor = np.finfo(moving.dtype).eps ** 2 * moving.max(initial=0)
    return np.asarray(np.maximum(moving * ratio, floor))
