"""Losses: how far ``W H`` is from V, and the parts that a step on one factor needs.

The beta family (Févotte & Idier 2011, eq. 2) holds them all: ``beta = 2`` squared Frobenius, 1 Kullback-Leibler,
0 Itakura-Saito. A loss here is a frozen object with four members: `offers` names the forms of parts that it can
give, `parts` gives them, `value` is the loss itself, `floor` what V is lifted to first, relative to its median.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias

import numpy as np

from imgnmf.core.parts import Array, Gradient, Quadratic, inner

__all__ = ["Form", "Frobenius", "Loss"]

Form: TypeAlias = Literal["quadratic", "gradient"]


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
    def degree(self) -> float:
        """The loss of ``(c V, c W H)`` is ``c**degree`` times that of ``(V, W H)``."""
        ...

    def parts(self, V: Array, fixed: Array, moving: Array, *, measure: bool = False) -> Quadratic | Gradient:
        """What a step on `moving` needs; with `measure`, the loss itself too where it costs extra."""
        ...

    def value(self, V: Array, model: Array) -> float:
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
    degree: ClassVar[float] = 2.0

    def parts(self, V: Array, fixed: Array, moving: Array, *, measure: bool = False) -> Quadratic:
        """``W'W`` and ``W'V`` (Cichocki & Phan 2009); the loss costs nothing extra."""
        del moving, measure
        return Quadratic(fixed @ fixed.T, fixed @ V, V.shape[0])

    def value(self, V: Array, model: Array) -> float:
        """Half the sum of squares of ``V - model``."""
        residual = V - model
        return inner(residual, residual) / 2
