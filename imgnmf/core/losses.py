"""Losses: how far ``W H`` is from V, and the parts that a step on one factor needs.

The beta family (Févotte & Idier 2011, eq. 2) holds them all: ``beta = 2`` squared Frobenius, 1 Kullback-Leibler,
0 Itakura-Saito. To add one: a frozen class with the members of `Loss`, one export, one line in the tests' list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np

from imgnmf.core.parts import Array, Curvature, Gradient, Quadratic, inner
from imgnmf.core.sparse import is_sparse, model_at, stored_divergence, stored_squares, times, with_values
from imgnmf.core.stored_kernels import stored_pair_products
from imgnmf.errors import ParameterError
from imgnmf.validation import LARGEST, check_number_field

__all__ = [
    "BetaDivergence",
    "Form",
    "Frobenius",
    "ItakuraSaito",
    "KullbackLeibler",
    "Loss",
    "model_of",
    "pair_products",
    "squared_residual",
]

# A rough curvature has its Hessians in float32: half the work, for steps that correct themselves.
Form: TypeAlias = Literal["quadratic", "gradient", "curvature", "rough curvature"]


@runtime_checkable
class Loss(Protocol):
    """What `factorize` asks of a loss. `fixed` is ``(rank, m)``, `moving` ``(rank, n)``, V ``(m, n)``."""

    @property
    def name(self) -> str:
        """As the user writes it."""
        ...

    @property
    def offers(self) -> tuple[Form, ...]:
        """The forms of parts that this loss can give; a solver names the one it needs."""
        ...

    @property
    def beta(self) -> float:
        """The loss of ``(c V, c W H)`` is ``c**beta`` times that of ``(V, W H)``."""
        ...

    @property
    def floor(self) -> float:
        """What V is lifted to first, relative to the median of its positive entries; 0 where zeros may stay."""
        ...

    @property
    def convex(self) -> bool:
        """Whether each image's coefficients for given parts have one minimum."""
        ...

    def parts(
        self, form: Form, V: Array, fixed: Array, moving: Array, *, weights: Array | None = None, measure: bool = False
    ) -> Any:
        """What a step on `moving` needs; with `measure`, the loss itself too where it costs extra.

        Entries count by their `weights`, shape (m, n), between 0 and 1.
        """
        ...

    def value(self, V: Array, model: Array, weights: Array | None = None) -> float:
        """The loss of ``model = fixed.T @ moving``, in float64."""
        ...


@dataclass(frozen=True)
class Frobenius:
    """Squared Frobenius loss, ``|V - W H|^2 / 2``: right for noise of one size everywhere.

    Examples
    --------
    >>> Frobenius().value(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]))
    2.5
    """

    name: ClassVar[str] = "frobenius"
    offers: ClassVar[tuple[Form, ...]] = ("quadratic", "gradient")
    beta: ClassVar[float] = 2.0
    floor: ClassVar[float] = 0.0
    convex: ClassVar[bool] = True

    def parts(
        self, form: Form, V: Array, fixed: Array, moving: Array, *, weights: Array | None = None, measure: bool = False
    ) -> Quadratic | Gradient | Curvature:
        """``W'W`` and ``W'V`` (Cichocki & Phan 2009); both forms are made of them, and the loss costs nothing.

        With weights `M`, the quadratic that lies above the loss and touches it at `moving` (Zhu 2016, eq. 8): V is
        filled in by ``M V + (1 - M) W H``.
        """
        if weights is None:
            return Quadratic(fixed @ fixed.T, times(fixed, V), V.shape[0])
        if is_sparse(V):
            return self._stored_parts(form, V, fixed, moving)
        model = model_of(V, fixed, moving)
        pull = weights * (V - model)
        squared = inner(pull, V - model) if measure else 0.0
        if form == "gradient":
            return Gradient(fixed @ (weights * V), fixed @ (weights * model), 1.0, squared / 2, squared)
        return Quadratic(fixed @ fixed.T, fixed @ (model + pull), V.shape[0], known=(squared / 2, squared))

    def _stored_parts(self, form: Form, V: Any, fixed: Array, moving: Array) -> Quadratic | Gradient | Curvature:
        """Where only the stored entries were seen; the majorizer is loose then, and each image's own Hessian is not."""
        model = model_at(V, fixed, moving)
        squared = stored_squares(V, model, fixed, moving, only=True)
        if form == "quadratic":
            gram = fixed @ fixed.T
            product = gram @ moving + times(fixed, with_values(V, V.data - model))
            return Quadratic(gram, product, V.shape[0], known=(squared / 2, squared))
        minus, plus = times(fixed, V), times(fixed, with_values(V, model))
        if form == "gradient":
            return Gradient(minus, plus, 1.0, squared / 2, squared)
        hessians = pair_products(fixed, with_values(V, np.ones_like(model)))
        return Curvature(minus, plus, hessians, squared / 2, squared)

    def value(self, V: Array, model: Array, weights: Array | None = None) -> float:
        """Half the sum of squares of ``V - model``."""
        return squared_residual(V, model, weights) / 2


@dataclass(frozen=True)
class BetaDivergence:
    """The beta divergence, for any real beta but 2, which is `Frobenius` (Févotte & Idier 2011, eq. 2).

    ``d(v | y) = (v^b + (b - 1) y^b - b v y^(b - 1)) / (b (b - 1))``, with its limits at ``b = 1``,
    ``v log(v / y) - v + y``, and ``b = 0``, ``v / y - log(v / y) - 1``. The smaller beta, the more the dark
    entries count: 1 suits counts of photons, 0 noise in proportion to the signal.

    Parameters
    ----------
    beta : float
    floor : float
        For ``beta <= 0``, where a zero in V makes the loss infinite: V is lifted to this, relative to the median
        of its positive entries.

    Examples
    --------
    >>> BetaDivergence(1.5).value(np.array([[4.0]]), np.array([[4.0]]))
    0.0
    """

    beta: float
    floor: float = -1.0

    def __post_init__(self) -> None:
        words = "a finite number, and for 2 use Frobenius()"
        check_number_field(self, "beta", words, least=-LARGEST, most=LARGEST)
        if self.beta == 2:
            raise ParameterError(f"beta must be {words}; got {self.beta!r}")
        check_number_field(self, "floor", "a number in [0, 1)", least=-1, most=1)
        if self.floor == -1.0:
            object.__setattr__(self, "floor", 1e-3 if self.beta <= 0 else 0.0)
        if not 0 <= self.floor < 1 or (self.beta <= 0 and self.floor == 0):
            raise ParameterError(f"floor must be in [0, 1), and above 0 for beta <= 0; got {self.floor!r}")

    @property
    def name(self) -> str:
        """The classical name where there is one."""
        return {1: "kullback-leibler", 0: "itakura-saito"}.get(self.beta, f"beta={self.beta:g}")  # type: ignore[call-overload,no-any-return]

    @property
    def offers(self) -> tuple[Form, ...]:
        """Second derivatives are worth their price for Kullback-Leibler alone."""
        return ("curvature", "gradient") if self.beta == 1 else ("gradient",)

    @property
    def convex(self) -> bool:
        """For beta from 1 to 2."""
        return 1 <= self.beta <= 2

    @property
    def exponent(self) -> float:
        """Of the multiplicative step that never raises the loss (Févotte & Idier 2011, eq. 4.2)."""
        if self.beta < 1:
            return 1 / (2 - self.beta)
        return 1 / (self.beta - 1) if self.beta > 2 else 1.0

    def parts(
        self, form: Form, V: Array, fixed: Array, moving: Array, *, weights: Array | None = None, measure: bool = False
    ) -> Gradient | Curvature:
        """Both halves of the gradient; for "curvature" also each column's Hessian."""
        if is_sparse(V):
            return self._stored_parts(form, V, fixed, moving, only=weights is not None, measure=measure)
        model = model_of(V, fixed, moving)
        np.maximum(model, np.finfo(model.dtype).eps, out=model)
        loss = squared = 0.0
        if measure:
            squared = squared_residual(V, model, weights)
            loss = self.value(V, model, weights)
        # One array of the size of the block, written over again and again: memory is bounded by a few of them.
        pull = V / model if self.beta == 1 else model ** (self.beta - 2)
        if self.beta != 1:
            pull *= V
        if weights is not None:
            pull *= weights
        gradient = Gradient(fixed @ pull, self._plus(fixed, model, weights), self.exponent, loss, squared)
        if form == "gradient":
            return gradient
        second = self._curvature(pull, model, weights)
        if form == "rough curvature" and _rough_enough(fixed, second):
            fixed, second = fixed.astype(np.float32, copy=False), second.astype(np.float32, copy=False)
        hessians = pair_products(fixed, second)
        return Curvature(gradient.minus, gradient.plus, hessians, loss, squared)

    def _stored_parts(
        self, form: Form, V: Any, fixed: Array, moving: Array, *, only: bool, measure: bool
    ) -> Gradient | Curvature:
        """For ``beta = 1`` and a sparse V: ``v / y`` is 0 where nothing is stored; `only` where it is, V was seen."""
        model = model_at(V, fixed, moving)
        np.maximum(model, np.finfo(model.dtype).eps, out=model)
        loss = squared = 0.0
        if measure:
            loss = float(stored_divergence(V, model, fixed, moving, only=only).sum())
            squared = stored_squares(V, model, fixed, moving, only=only)
        pull = with_values(V, V.data / model)
        plus = times(fixed, with_values(V, np.ones_like(model))) if only else fixed.sum(axis=1, keepdims=True)
        gradient = Gradient(times(fixed, pull), plus, 1.0, loss, squared)
        if form == "gradient":
            return gradient
        hessians = pair_products(fixed, with_values(V, pull.data / model))
        return Curvature(gradient.minus, gradient.plus, hessians, loss, squared)

    def value(self, V: Array, model: Array, weights: Array | None = None) -> float:
        """The divergence summed over all entries."""
        entries = self.entries(V, model)
        return float(entries.sum(dtype=np.float64)) if weights is None else inner(weights, entries)

    def entries(self, V: Array, model: Array) -> Array:
        """The divergence of every entry."""
        b = self.beta
        # The smallest model whose power below, ``b - 1``, is still a number.
        tiny = float(np.finfo(model.dtype).tiny) ** (1 / max(1.0, 1 - b))
        y = np.maximum(model, tiny)
        if b == 1:
            result = np.asarray(V / y)
            np.log(np.maximum(result, tiny, out=result), out=result)
            result *= V
            result -= V
            result += y
            return result
        if b == 0:
            result = np.asarray(V / y)
            del y
            logarithm = np.maximum(result, tiny)
            result -= np.log(logarithm, out=logarithm)
            result -= 1
            return result
        power = y ** (b - 1)
        return np.asarray((V**b + (b - 1) * power * y - b * power * V) / (b * (b - 1)))

    def _curvature(self, pull: Array, model: Array, weights: Array | None) -> Array:
        """Each entry's second derivative by the model, never below 0; `pull` may be written over."""
        b = self.beta
        if b == 1:
            return np.divide(pull, model, out=pull)
        expected = model ** (b - 2) if weights is None else weights * model ** (b - 2)
        second = (b - 1) * expected + (2 - b) * pull / model
        return np.asarray(second if 1 <= b <= 2 else np.maximum(second, expected))

    def _plus(self, fixed: Array, model: Array, weights: Array | None) -> Array:
        if self.beta == 1:
            return np.asarray(fixed.sum(axis=1, keepdims=True) if weights is None else fixed @ weights)
        power = model ** (self.beta - 1)
        return np.asarray(fixed @ (power if weights is None else weights * power))


def KullbackLeibler() -> BetaDivergence:
    """``sum v log(v / y) - v + y``: right for counts, where the noise grows like the square root of the signal.

    >>> KullbackLeibler().name
    'kullback-leibler'
    """
    return BetaDivergence(1)


def ItakuraSaito(floor: float = 1e-3) -> BetaDivergence:
    """``sum v / y - log(v / y) - 1``: right for noise in proportion to the signal, as in spectra.

    >>> ItakuraSaito().floor
    0.001
    """
    return BetaDivergence(0, floor)


def squared_residual(V: Array, model: Array, weights: Array | None = None) -> float:
    """Return the sum of squares of ``V - model`` in float64, each entry counted by its weight.

    >>> squared_residual(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]))
    5.0
    """
    residual = V - model
    return inner(residual, residual if weights is None else weights * residual)


def model_of(V: Array, fixed: Array, moving: Array) -> Array:
    """``fixed.T @ moving`` in the memory order of V, so that element-wise work runs along both."""
    return np.asarray(fixed.T @ moving if V.flags.c_contiguous else (moving.T @ fixed).T)


def _rough_enough(fixed: Array, second: Array) -> bool:
    """Whether float32 has the range for ``sum_i fixed_ai fixed_bi second_ij``."""
    part, bend = float(fixed.max(initial=0)), float(second.max(initial=0))
    return part < 1e18 and bend < 1e37 and 1e-20 < part**2 * bend * len(second) < 1e37


def pair_products(fixed: Array, weights: Array) -> Array:
    """``sum_i fixed_ai fixed_bi weights_ij`` for ``a <= b``: the upper triangle of each column's own Gram matrix.

    >>> pair_products(np.array([[1.0, 2.0]]), np.array([[1.0], [3.0]]))
    array([[13.]])
    """
    if is_sparse(weights):
        return stored_pair_products(weights, fixed)
    rank = len(fixed)
    if rank * rank * fixed.shape[1] < 1 << 23:
        pairs = np.empty((rank * (rank + 1) // 2, fixed.shape[1]), fixed.dtype)
        end = 0
        for a in range(rank):
            begin, end = end, end + rank - a
            np.multiply(fixed[a], fixed[a:], out=pairs[begin:end])
        return times(pairs, weights)
    return np.concatenate([times(fixed[a] * fixed[a:], weights) for a in range(rank)])
