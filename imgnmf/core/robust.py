"""Robust losses: a few wrong pixels, or a few wrong images, shall not bend the parts.

Each is at most a weighted least squares problem that touches it where the factors stand, so every quadratic solver
serves, extrapolated too. To add one: a frozen class with the members of `imgnmf.core.losses.Loss`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from imgnmf.core.losses import Form, model_of
from imgnmf.core.parts import Array, Quadratic, inner
from imgnmf.core.units import SMALLEST, times_power_of_two
from imgnmf.errors import ParameterError
from imgnmf.validation import LARGEST, check_number_field, checked_count

__all__ = ["L21", "Huber", "LeastAbsolute", "Robust", "with_curvature"]


@dataclass(frozen=True)
class Huber:
    """Squares of small residuals, absolute values of large ones: for a few wrong pixels (Huber 1964, eq. 1.3).

    ``r**2 / 2`` where ``|r| <= delta``, else ``delta |r| - delta**2 / 2``. The same as an outlier term of its own,
    ``min_E |V - W H - E|^2 / 2 + delta |E|_1``.

    Parameters
    ----------
    delta : float or "auto"
        In the unit of V; "auto" takes the median absolute residual of the start, and a fit's `loss` tells it.
    share : float
        "auto" takes so many times the median.

    Examples
    --------
    >>> Huber(1.0).entries(np.array([[0.5, 3.0]]), np.zeros((1, 2)))
    array([[0.125, 2.5  ]])
    """

    delta: float | Literal["auto"] = "auto"
    share: float = 1.0
    name: ClassVar[str] = "huber"
    offers: ClassVar[tuple[Form, ...]] = ("quadratic",)
    beta: ClassVar[float] = 2.0
    floor: ClassVar[float] = 0.0
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, value in (("delta", self.delta), ("share", self.share)):
            if name == "share" or not (isinstance(value, str) and value == "auto"):
                check_number_field(
                    self, name, "a number above 0", name=f"{name} of the Huber loss", above=0, most=LARGEST
                )

    @property
    def transposed(self) -> Huber:
        """The same loss of ``V.T``: every entry counts for itself."""
        return self

    def settled(self, residual: Array) -> Huber:
        """With a number for `delta`, from the residuals of the start."""
        if self.delta != "auto":
            return self
        middle = float(np.median(np.abs(residual)))
        return replace(self, delta=self.share * (middle or float(np.abs(residual).mean()) or 1.0))

    def in_unit(self, exponent: int) -> Huber:
        """The same loss for V counted ``2**exponent`` times as large."""
        if self.delta == "auto":
            return self
        return replace(self, delta=min(max(times_power_of_two(self.delta, exponent), SMALLEST), LARGEST))

    def parts(
        self, form: Form, V: Array, fixed: Array, moving: Array, *, weights: Array | None = None, measure: bool = False
    ) -> Quadratic:
        """V filled in by the model where it is further away than `delta`: a majorizer with the plain Gram matrix."""
        model = model_of(V, fixed, moving)
        residual = V - model
        pull = np.clip(residual, -self._bound(), self._bound())
        pull = pull if weights is None else weights * pull
        loss = self.value(V, model, weights) if measure else 0.0
        squared = inner(residual, residual if weights is None else weights * residual) if measure else 0.0
        return Quadratic(fixed @ fixed.T, fixed @ (model + pull), V.shape[0], known=(loss, squared))

    def value(self, V: Array, model: Array, weights: Array | None = None) -> float:
        """The loss summed over all entries."""
        entries = self.entries(V, model)
        return float(entries.sum(dtype=np.float64)) if weights is None else inner(weights, entries)

    def entries(self, V: Array, model: Array) -> Array:
        """The loss of every entry."""
        size = np.abs(V - model)
        near = np.minimum(size, self._bound())
        return np.asarray(near * (size - near / 2))

    def reweighted(self, V: Array, model: Array) -> Array:
        """How much each entry counts in the least squares problem that touches the loss at `model`."""
        return np.asarray(self._bound() / np.maximum(np.abs(V - model), self._bound()))

    def _bound(self) -> float:
        if self.delta == "auto":
            raise ParameterError("delta='auto' is known only within a fit; give Huber a number here")
        return self.delta


def LeastAbsolute() -> Huber:
    """``sum |v - y|``, rounded off near 0: the Huber loss whose `delta` is a tenth of the median residual.

    The loss itself is in units of `delta`.

    >>> LeastAbsolute()
    Huber(delta='auto', share=0.1)
    """
    return Huber(share=0.1)


@dataclass(frozen=True)
class L21:
    """``sum_j |v_j - W h_j|``, whole images by their distance: for a few wrong images (Kong, Ding & Huang 2011, eq. 5).

    Parameters
    ----------
    axis : {0, 1}
        Along which the distance is taken; 0 where images are columns.

    Examples
    --------
    >>> L21().value(np.array([[3.0, 0.0], [4.0, 2.0]]), np.zeros((2, 2)))
    7.0
    """

    axis: int = 0
    name: ClassVar[str] = "l21"
    offers: ClassVar[tuple[Form, ...]] = ("quadratic",)
    beta: ClassVar[float] = 1.0
    floor: ClassVar[float] = 0.0
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if checked_count("axis of the L21 loss", self.axis, 0) > 1:
            raise ParameterError(f"axis of the L21 loss must be 0 or 1, got {self.axis!r}")

    @property
    def transposed(self) -> L21:
        """The same loss of ``V.T``."""
        return L21(1 - self.axis)

    def settled(self, residual: Array) -> L21:
        """Nothing is left to choose."""
        del residual
        return self

    def in_unit(self, exponent: int) -> L21:
        """The loss has no scale of its own."""
        del exponent
        return self

    def parts(
        self, form: Form, V: Array, fixed: Array, moving: Array, *, weights: Array | None = None, measure: bool = False
    ) -> Quadratic:
        """Each image divided by its distance; where images are columns, that changes no column's own problem."""
        model = model_of(V, fixed, moving)
        residual = V - model
        pull = residual if weights is None else weights * residual
        target = V if weights is None else model + pull
        squares = np.einsum("ij,ij->j" if self.axis == 0 else "ij,ij->i", pull, residual, dtype=np.float64)
        if self.axis == 0:
            return Quadratic(fixed @ fixed.T, fixed @ target, V.shape[0])
        closest = np.finfo(V.dtype).eps * max(float(np.abs(V).max(initial=0)), float(np.finfo(V.dtype).tiny))
        lighter = fixed / np.maximum(np.sqrt(squares), closest).astype(fixed.dtype)
        return Quadratic(
            lighter @ fixed.T, lighter @ target, V.shape[0], known=(float(np.sqrt(squares).sum()), float(squares.sum()))
        )

    def value(self, V: Array, model: Array, weights: Array | None = None) -> float:
        """The loss summed over all images."""
        squares = (V - model) ** 2 if weights is None else weights * (V - model) ** 2
        return float(np.sqrt(squares.sum(axis=self.axis, dtype=np.float64)).sum())


Robust = (Huber, L21)


def with_curvature(loss: Any, parts: Any, V: Array, weights: Array | None, fixed: Array, moving: Array) -> Any:
    """Return the parts with the curvature of the reweighted problem, where the loss has one.

    The majorizer with the plain Gram matrix is loose where `delta` is small beside the residuals: its steps shrink by
    their ratio, and promise as little however much is left. The weighted least squares problem that touches the loss
    here lies above it too (Huber 1981, section 7.8), and what a step on that promises does not shrink.
    """
    if not hasattr(loss, "reweighted"):
        return parts
    near = loss.reweighted(V, model_of(V, fixed, moving))
    near = near if weights is None else weights * near
    return replace(parts, curvature=(fixed * fixed) @ near)
