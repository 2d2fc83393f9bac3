"""What a fit gives back: frozen, pure data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np

from imgnmf.core.check import checked_choice
from imgnmf.core.constraints import Constraint
from imgnmf.core.encode import encode
from imgnmf.core.losses import Loss
from imgnmf.core.parts import Array
from imgnmf.core.penalties import NO_PENALTY, Weight
from imgnmf.core.units import to_unit_length

__all__ = ["Factorization", "History", "Trace", "described"]


@dataclass(frozen=True)
class Trace:
    """How the fit went, a row per iteration; all arrays have one length.

    Attributes
    ----------
    iteration : array of int
    seconds : array of float
        Since the start, the initial factors included.
    objective : array of float
        Loss plus penalties, in the unit of V to the power of the loss; never rises.
    relative_error : array of float
        ``|V - W H| / |V|``.
    kkt : array of float
        Scaled KKT residual; NaN where it was not computed.
    """

    iteration: Array
    seconds: Array
    objective: Array
    relative_error: Array
    kkt: Array


@dataclass
class History:
    """The trace while it grows, in the unit that the loop works in; what stopping rules look at."""

    rounding: float
    reference: float
    seconds: list[float] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    relative_error: list[float] = field(default_factory=list)
    predicted_decrease: list[float] = field(default_factory=list)

    @property
    def kkt(self) -> Array:
        """``sqrt(predicted decrease / reference)``: in units of the relative error for Frobenius."""
        return np.sqrt(np.array(self.predicted_decrease) / self.reference)

    def record(self, seconds: float, objective: float, relative_error: float, predicted_decrease: float) -> None:
        """Write down one more iteration."""
        self.seconds.append(seconds)
        self.objective.append(objective)
        self.relative_error.append(relative_error)
        self.predicted_decrease.append(predicted_decrease)

    def cut(self, length: int) -> None:
        """Forget what came after so many iterations, half a row included."""
        for column in (self.seconds, self.objective, self.relative_error, self.predicted_decrease):
            del column[length:]

    def frozen(self, unit: float) -> Trace:
        """The trace, with objectives in the user's unit."""
        return Trace(
            iteration=np.arange(1, len(self.seconds) + 1),
            seconds=np.array(self.seconds),
            objective=in_unit(np.array(self.objective), unit),
            relative_error=np.array(self.relative_error),
            kkt=self.kkt,
        )


def in_unit(values: Array, unit: float) -> Array:
    """``values * unit``, infinite where the user's unit cannot hold it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(values == 0, 0.0, values * unit)


class Fitted(Protocol):
    """What fits of every kind have."""

    @property
    def W(self) -> Array: ...

    @property
    def H(self) -> Array: ...

    @property
    def relative_error(self) -> float: ...

    @property
    def n_iter(self) -> int: ...

    @property
    def reason(self) -> str: ...


def described(fit: Fitted, what: str) -> str:
    """A fit in a line: of what it is, how close, and why it ended.

    >>> import imgnmf
    >>> imgnmf.factorize(np.outer([1.0, 2.0, 3.0], [4.0, 5.0]), rank=1)  # doctest: +ELLIPSIS
    Factorization(hals: 1 part of 3 x 2, relative error ..., ... iterations: ...)
    """
    name, (pixels, rank), images = type(fit).__name__, fit.W.shape, fit.H.shape[1]
    parts = f"{rank} part{'' if rank == 1 else 's'} of {pixels} x {images}"
    return f"{name}({what}: {parts}, relative error {fit.relative_error:.4g}, {fit.n_iter} iterations: {fit.reason})"


@dataclass(frozen=True, eq=False, repr=False)
class Factorization:
    """``V ~ W H`` with both factors non-negative.

    Attributes
    ----------
    W : array, shape (n_pixels, rank)
        Basis images, one a column. Each has Euclidean length 1 (a part that is zero stays so), unless something else
        decides the scale: a penalty, `fixed_W`, an upper bound, `Simplex` or `NonSmooth`. The factors of ``max_iter=0``
        have the scale of the start.
    H : array, shape (rank, n_images)
        Coefficients. With parts of length 1, a coefficient is the length of what its part adds to the image, so rows
        can be compared.
    n_iter : int
    converged : bool
        Whether a stopping rule held, rather than a limit.
    reason : str
        Why the fit ended, in words.
    objective, relative_error : float
        Of the final factors, computed anew from V.
    trace : Trace
    loss : Loss
    solver, init : str
    floor : float
        What V was lifted to, in its own unit; 0 for losses that can take zeros.
    penalty_H : Weight
        What the coefficients were penalised by, in the unit of V; `encode` applies it too.
    constraint_H : Constraint, optional
        The set that the coefficients were kept in; `encode` keeps to it too.
    weight_scale : float
        The largest of the weights, which all were divided by; `encode` divides by it too.

    Examples
    --------
    >>> import imgnmf
    >>> V = np.outer([1.0, 2.0, 3.0], [4.0, 5.0])
    >>> fit = imgnmf.factorize(V, rank=1)
    >>> fit.rank, np.allclose(fit.reconstruct(), V)
    (1, True)
    """

    W: Array
    H: Array
    n_iter: int
    converged: bool
    reason: str
    objective: float
    relative_error: float
    trace: Trace
    loss: Loss
    solver: str = "hals"
    init: str = "nndsvd"
    floor: float = 0.0
    penalty_H: Weight = NO_PENALTY
    constraint_H: Constraint | None = None
    weight_scale: float = 1.0

    def __repr__(self) -> str:
        return described(self, self.solver)

    @property
    def rank(self) -> int:
        """k, the number of parts."""
        return int(self.W.shape[1])

    def reconstruct(self) -> Array:
        """``W H``, shape (n_pixels, n_images)."""
        return np.asarray(self.W @ self.H)

    def normalized(self, norm: Literal["max", "unit"] = "max") -> Factorization:
        """Return the same product with every part scaled, and its scale moved into `H`.

        A fit whose coefficients are penalized or constrained has its scale already, and stays as it is. So does one
        whose `H` could not hold the scale, at the end of the range of floats.

        Parameters
        ----------
        norm : {"max", "unit"}
            Parts with a maximum of 1, as pictures have it; or of Euclidean length 1, as `factorize` returns them, for
            coefficients that can be compared between parts.

        Examples
        --------
        >>> import imgnmf
        >>> fit = imgnmf.factorize(np.outer([3.0, 4.0], [5.0, 10.0]), rank=1)
        >>> fit.normalized("max").W.ravel(), fit.normalized("unit").W.ravel()
        (array([0.75, 1.  ]), array([0.6, 0.8]))
        """
        checked_choice("norm", norm, ("max", "unit"))
        if self.constraint_H is not None or self.penalty_H != NO_PENALTY:
            return self
        if norm == "unit":
            parts, scale = to_unit_length(self.W.T)
        else:
            peak = self.W.max(axis=0, initial=0)
            scale = np.where(peak > 0, peak, 1)
            parts = self.W.T / scale[:, None]
        with np.errstate(over="ignore"):
            H = self.H * scale[:, None]
        return replace(self, W=parts.T, H=H) if np.isfinite(H).all() else self

    def ordered(self) -> Factorization:
        """The same product, the parts in falling order of their energy ``|w| |h|``."""
        energy = np.linalg.norm(self.W, axis=0) * np.linalg.norm(self.H, axis=1)
        order = np.argsort(-energy, kind="stable")
        return replace(self, W=self.W[:, order], H=np.ascontiguousarray(self.H[order]))

    def encode(self, V_new: Any, weights: Any = None, *, missing: Literal["error", "mask"] = "error") -> Array:
        """Coefficients of images that need not have been in the fit; see `imgnmf.core.encode.encode`."""
        return encode(
            V_new,
            self.W,
            loss=self.loss,
            weights=weights,
            missing=missing,
            penalty=self.penalty_H,
            constraint=self.constraint_H,
            floor=self.floor,
            weight_scale=self.weight_scale,
        )
