"""What a solver's step needs to know of V: small arrays that add up over blocks of columns.

Factors are stored k-major: `W` as ``(rank, n_pixels)``, `H` as ``(rank, n_images)``. A step improves one of
them, `moving`, while the other, `fixed`, stays; the data is ``V ~ fixed.T @ moving``. The same code serves
both halves of an iteration, since ``V.T ~ moving.T @ fixed``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Curvature", "Gradient", "Measured", "Parts", "Quadratic", "inner"]

Array: TypeAlias = NDArray[Any]


def inner(a: Array, b: Array) -> float:
    """Sum of ``a * b`` in float64, whatever the precision of `a` and `b`.

    >>> inner(np.float32([1, 2]), np.float32([3, 4]))
    11.0
    """
    return float(np.einsum("ij,ij->", a, b, dtype=np.float64) if a.ndim == 2 else np.dot(a, b))


class Measured(NamedTuple):
    """A factor, with the loss and the squared residual of the pair that it completes."""

    factor: Array
    loss: float
    squared_residual: float


class Parts(Protocol):
    """The common face of `Quadratic`, `Gradient` and `Curvature`; sums over blocks are taken with ``+``."""

    @property
    def exponent(self) -> float:
        """Of the multiplicative step that never raises the loss."""
        ...

    def __add__(self, other: Self) -> Self:
        """Add the parts of another block."""
        ...

    def columns(self, span: slice) -> Self:
        """The same parts, for some columns of the moving factor."""
        ...

    def beside(self, n_fixed: int, moving: Array) -> Self:
        """The same parts for the rows of the moving factor after the first `n_fixed`, which stay as they are."""
        ...

    def split(self, moving: Array) -> tuple[Array, Array]:
        """The gradient at `moving` as ``plus - minus``, both non-negative for non-negative factors."""
        ...

    def penalised(self, l1: float, l2: float, moving: Array) -> Self:
        """The same parts with ``l1 * sum(moving) + l2 / 2 * sum(moving**2)`` added to the loss."""
        ...

    def coupled(self, strength: float, moving: Array) -> Self:
        """The same parts with ``strength / 2 * sum_{s != t} <moving_s, moving_t>`` added to the loss."""
        ...

    def predicted_decrease(self, moving: Array) -> float:
        """What one step promises to take off the loss; zero exactly where the KKT conditions hold."""
        ...

    def measured(self, before: Array, after: Array, energy: float) -> Measured:
        """The loss of the newest factor for which these parts know it."""
        ...


@dataclass(frozen=True)
class Quadratic:
    """The squared Frobenius loss seen from `moving`: ``moving' G moving / 2 - <P, moving>``.

    Attributes
    ----------
    gram : array, shape (rank, rank)
        ``fixed @ fixed.T``.
    product : array, shape (rank, n)
        ``fixed @ V``.
    n_terms : int
        How many rows of V were summed over; with the rank it tells what a pass costs against a sweep.
    known : (float, float), optional
        Loss and squared residual where these parts were taken, if they only bound the loss elsewhere.
    curvature : array, shape (rank, n), optional
        Of each coefficient alone, where a tighter bound on the loss is known than `gram`: for the predicted decrease.
    """

    gram: Array
    product: Array
    n_terms: int
    exponent: float = 1.0
    known: tuple[float, float] | None = None
    curvature: Array | None = None

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            gram=self.gram + other.gram,
            product=self.product + other.product,
            n_terms=self.n_terms + other.n_terms,
            known=_summed(self.known, other.known),
            curvature=None if self.curvature is None or other.curvature is None else self.curvature + other.curvature,
        )

    def columns(self, span: slice) -> Self:
        curvature = None if self.curvature is None else self.curvature[:, span]
        return replace(self, product=self.product[:, span], curvature=curvature)

    def beside(self, n_fixed: int, moving: Array) -> Self:
        if not n_fixed:
            return self
        free = slice(n_fixed, None)
        explained = self.gram[free, :n_fixed] @ moving[:n_fixed]
        curvature = None if self.curvature is None else self.curvature[free]
        return replace(self, gram=self.gram[free, free], product=self.product[free] - explained, curvature=curvature)

    def pulled(self, slope: Array, curvature: float, moving: Array) -> Self:
        """With a term added that has this slope at `moving` and no more than this curvature anywhere."""
        bend = np.asarray(curvature, self.gram.dtype)
        gram = self.gram + bend * np.eye(len(self.gram), dtype=self.gram.dtype)
        own = None if self.curvature is None else self.curvature + bend
        return replace(self, gram=gram, product=self.product + bend * moving - slope, curvature=own)

    def coupled(self, strength: float, moving: Array) -> Self:
        del moving
        others = np.ones_like(self.gram) - np.eye(len(self.gram), dtype=self.gram.dtype)
        return replace(self, gram=self.gram + np.asarray(strength, self.gram.dtype) * others)

    def split(self, moving: Array) -> tuple[Array, Array]:
        return self.product, self.gram @ moving

    def penalised(self, l1: float, l2: float, moving: Array) -> Self:
        if not (l1 or l2):
            return self
        ridge = self.gram + np.asarray(l2, self.gram.dtype) * np.eye(len(self.gram), dtype=self.gram.dtype)
        curvature = None if self.curvature is None else self.curvature + np.asarray(l2, self.curvature.dtype)
        return replace(self, gram=ridge, product=self.product - np.asarray(l1, self.product.dtype), curvature=curvature)

    def predicted_decrease(self, moving: Array) -> float:
        """Half of ``sum G_kk d_kj**2``, `d` the coordinate-wise projected Newton step."""
        curvature = np.diag(self.gram)[:, None] if self.curvature is None else self.curvature
        safe = np.where(curvature > 0, curvature, 1)
        step = np.maximum((self.product - self.gram @ moving) / safe, -moving)
        return 0.5 * inner(step * curvature, step)

    def measured(self, before: Array, after: Array, energy: float) -> Measured:
        """Cost for free: ``(|V|^2 - 2 <P, moving> + <G, moving moving'>) / 2`` (Cichocki & Phan 2009)."""
        if self.known is not None:
            return Measured(before, *self.known)
        squared = energy - 2 * inner(self.product, after) + inner(self.gram, gram_of(after))
        return Measured(after, max(squared, 0.0) / 2, max(squared, 0.0))


@dataclass(frozen=True)
class Gradient:
    """Any smooth loss seen from `moving`: its gradient, as ``plus - minus``.

    Attributes
    ----------
    minus, plus : array, shape (rank, n), or (rank, 1) where all columns agree
    exponent : float
        Of the multiplicative step that never raises the loss.
    loss, squared_residual : float
        At the factors where the gradient was taken; 0 where nobody asked.
    """

    minus: Array
    plus: Array
    exponent: float = 1.0
    loss: float = 0.0
    squared_residual: float = 0.0

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            minus=self.minus + other.minus,
            plus=self.plus + other.plus,
            loss=self.loss + other.loss,
            squared_residual=self.squared_residual + other.squared_residual,
        )

    def columns(self, span: slice) -> Self:
        shared = self.plus.shape[1] == 1
        return replace(self, minus=self.minus[:, span], plus=self.plus if shared else self.plus[:, span])

    def beside(self, n_fixed: int, moving: Array) -> Self:
        del moving
        return replace(self, minus=self.minus[n_fixed:], plus=self.plus[n_fixed:])

    def split(self, moving: Array) -> tuple[Array, Array]:
        del moving
        return self.minus, self.plus

    def penalised(self, l1: float, l2: float, moving: Array) -> Self:
        if not (l1 or l2):
            return self
        extra = np.asarray(l1, moving.dtype) + np.asarray(l2, moving.dtype) * moving
        exponent = _beside_squares(self.exponent) if l2 else self.exponent
        return replace(self, plus=self.plus + extra, exponent=exponent)

    def coupled(self, strength: float, moving: Array) -> Self:
        others = moving.sum(axis=0, keepdims=True) - moving
        extra = np.asarray(strength, moving.dtype) * others
        return replace(self, plus=self.plus + extra, exponent=_beside_squares(self.exponent))

    def predicted_decrease(self, moving: Array) -> float:
        """``sum moving (plus - minus)^2 / (plus + minus)``: free of units and of scaling between factors."""
        total = self.plus + self.minus
        return inner(moving, (self.plus - self.minus) ** 2 / np.where(total > 0, total, 1))

    def measured(self, before: Array, after: Array, energy: float) -> Measured:
        del after, energy
        return Measured(before, self.loss, self.squared_residual)


@dataclass(frozen=True)
class Curvature:
    """A loss seen from `moving` to second order: its gradient as ``plus - minus``, and each column's Hessian.

    Attributes
    ----------
    minus, plus : array, shape (rank, n), or (rank, 1) where all columns agree
    hessians : array, shape (rank (rank + 1) / 2, n)
        The upper triangle of each column's Hessian, row by row.
    loss, squared_residual : float
        At the factors where they were taken; 0 where nobody asked.
    exponent : float
        Of the multiplicative step that never raises the loss.
    """

    minus: Array
    plus: Array
    hessians: Array
    loss: float = 0.0
    squared_residual: float = 0.0
    exponent: float = 1.0

    @property
    def first_order(self) -> Gradient:
        """Without the Hessians."""
        return Gradient(self.minus, self.plus, self.exponent, self.loss, self.squared_residual)

    def __add__(self, other: Self) -> Self:
        return self._with(self.first_order + other.first_order, self.hessians + other.hessians)

    def columns(self, span: slice) -> Self:
        return self._with(self.first_order.columns(span), self.hessians[:, span])

    def beside(self, n_fixed: int, moving: Array) -> Self:
        a, _ = np.triu_indices(len(self.minus))
        return self._with(self.first_order.beside(n_fixed, moving), self.hessians[a >= n_fixed])

    def split(self, moving: Array) -> tuple[Array, Array]:
        return self.first_order.split(moving)

    def penalised(self, l1: float, l2: float, moving: Array) -> Self:
        if not (l1 or l2):
            return self
        a, b = np.triu_indices(len(self.minus))
        hessians = self.hessians + np.where(a == b, l2, 0.0).astype(moving.dtype)[:, None]
        return self._with(self.first_order.penalised(l1, l2, moving), hessians)

    def coupled(self, strength: float, moving: Array) -> Self:
        a, b = np.triu_indices(len(self.minus))
        hessians = self.hessians + np.where(a != b, strength, 0.0).astype(moving.dtype)[:, None]
        return self._with(self.first_order.coupled(strength, moving), hessians)

    def predicted_decrease(self, moving: Array) -> float:
        return self.first_order.predicted_decrease(moving)

    def measured(self, before: Array, after: Array, energy: float) -> Measured:
        return self.first_order.measured(before, after, energy)

    def _with(self, first: Gradient, hessians: Array) -> Self:
        return type(self)(first.minus, first.plus, hessians, first.loss, first.squared_residual, first.exponent)


def _beside_squares(exponent: float) -> float:
    """Of the multiplicative step that never raises loss plus a square (Tan & Févotte 2013)."""
    return exponent / (1 + exponent)


def _summed(a: tuple[float, float] | None, b: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if a is None or b is None else (a[0] + b[0], a[1] + b[1])


def gram_of(factor: Array) -> Array:
    """``factor @ factor.T`` in float64."""
    wide = factor.astype(np.float64, copy=False)
    return np.asarray(wide @ wide.T)
