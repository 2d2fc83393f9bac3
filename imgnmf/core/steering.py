"""Parts that are given, and sets that the factors must stay in: what steers a fit besides its penalties."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imgnmf.core.constraints import Constraint, NonSmooth
from imgnmf.core.parts import Array
from imgnmf.core.penalties import Neighbours, Orthogonal, Penalties, Penalty, Smooth, strengths
from imgnmf.core.solvers import ANLS
from imgnmf.core.units import refuse_far
from imgnmf.errors import DataError, IncompatibleError, ParameterError, ShapeMismatchError
from imgnmf.validation import as_array, is_instance

__all__ = ["FREE", "Steering", "check_constraints", "checked_steering", "refuse_loss", "refuse_ties"]


@dataclass(frozen=True, eq=False)
class Steering:
    """What a fit must respect.

    Attributes
    ----------
    fixed_W : array, shape (n_pixels, n_fixed), optional
        Parts that stay; inside a fit k-major and scaled.
    constraint_W, constraint_H : Constraint, optional
    """

    fixed_W: Array | None = None
    constraint_W: Constraint | None = None
    constraint_H: Constraint | None = None

    @property
    def n_fixed(self) -> int:
        """How many parts stay."""
        return 0 if self.fixed_W is None else len(self.fixed_W)

    @property
    def constraint_of_an_image(self) -> Constraint | None:
        """The set that each image's coefficients stay in by themselves, new images' too."""
        return None if self.tied else self.constraint_H

    @property
    def tied(self) -> bool:
        """Whether a set ties the images together, so that H must be stepped as a whole."""
        return self.constraint_H is not None and self.constraint_H.ties

    @property
    def scale_is_free(self) -> bool:
        """Whether a part may be multiplied by any number and its coefficients divided by it."""
        sets = (self.constraint_W, self.constraint_H)
        return self.fixed_W is None and all(found is None or getattr(found, "scale_free", False) for found in sets)

    def kept_W(self, W: Array) -> Array:
        """`W`, its free parts brought into their set."""
        if self.constraint_W is None:
            return W
        return np.concatenate([W[: self.n_fixed], self.constraint_W.projected(W[self.n_fixed :])])

    def kept_H(self, H: Array) -> Array:
        """`H`, brought into its set."""
        return H if self.constraint_H is None else self.constraint_H.projected(H)

    def in_unit(self, exponent: int, dtype: np.dtype[Any]) -> Steering:
        """The same for blocks that are ``2**-exponent`` times V, their scale shared out between the factors."""
        half = exponent // 2
        fixed = self.fixed_W
        if fixed is not None:
            refuse_far("fixed_W", int(np.frexp(np.float64(fixed.max()))[1]) - half, dtype)
            fixed = np.ldexp(fixed.T.astype(np.float64), -half).astype(dtype)
        inside = None if self.constraint_H is None else self.constraint_H.in_unit(2.0 ** (half - exponent))
        return replace(self, fixed_W=fixed, constraint_H=inside)


FREE = Steering()


def checked_steering(
    fixed_W: Any,
    constraint_W: Constraint | None,
    constraint_H: Constraint | None,
    *,
    penalties: tuple[Penalties, Penalties],
    solver: Any,
    rank: int,
    n_pixels: int,
) -> Steering:
    """What was asked for, once it is seen that it can be had."""
    for name, constraint in (("constraint_W", constraint_W), ("constraint_H", constraint_H)):
        if constraint is not None:
            _check_quadratic(name, solver)
    _check_penalties((*strengths(penalties[0]), *strengths(penalties[1])), solver)
    if isinstance(constraint_W, NonSmooth):
        raise IncompatibleError(
            f"constraint_W={constraint_W!r} is a set for H, the coefficients of an image; give it as constraint_H"
        )
    if fixed_W is None:
        return Steering(None, constraint_W, constraint_H)
    fixed = as_array(fixed_W, "fixed_W")
    if fixed.ndim != 2 or fixed.shape[0] != n_pixels:
        raise ShapeMismatchError(f"fixed_W must have shape (n_pixels, j) = ({n_pixels}, j), got {fixed.shape}")
    if not 1 <= fixed.shape[1] <= rank:
        raise ParameterError(f"fixed_W has {fixed.shape[1]} parts; they count among the rank, which is {rank}")
    if fixed.dtype.kind not in "biuf" or not np.isfinite(fixed).all() or fixed.min() < 0:
        raise DataError("fixed_W must be finite and non-negative numbers")
    return Steering(fixed, constraint_W, constraint_H)


def check_constraints(constraint_W: Any, constraint_H: Any) -> None:
    """Refuse what is no constraint: a name, a class, a list."""
    for name, constraint in (("constraint_W", constraint_W), ("constraint_H", constraint_H)):
        if constraint is not None and not is_instance(constraint, Constraint):
            raise ParameterError(
                f"{name} must be one constraint with its numbers, as in UpperBound(1.0) or Sparseness(0.75), or None, "
                f"got {constraint!r}"
            )


def refuse_loss(
    loss: Any, penalties: tuple[Penalties, Penalties], constraint_W: Constraint | None, constraint_H: Constraint | None
) -> None:
    """Refuse what only a quadratic loss can have; before a solver is chosen, or its advice would be for that loss."""
    sets = {"constraint_W": constraint_W, "constraint_H": constraint_H}
    given = [name for name, constraint in sets.items() if constraint is not None]
    listed = (*strengths(penalties[0]), *strengths(penalties[1]))
    given += [type(penalty).__name__ for penalty in listed if isinstance(penalty, (Smooth, Neighbours))]
    if given and "quadratic" not in loss.offers:
        raise IncompatibleError(
            f"{given[0]} needs a quadratic loss, and {loss.name!r} is none: use loss='frobenius', loss='huber' or "
            f"loss='l21', or leave {given[0]} out"
        )


def refuse_ties(penalty_H: Penalties, constraint_H: Constraint | None, why: str) -> None:
    """Raise if a set or a penalty ties images to each other."""
    tied = constraint_H is not None and constraint_H.ties
    if tied or any(isinstance(penalty, Neighbours) for penalty in strengths(penalty_H)):
        raise IncompatibleError(
            f"what ties images to each other (Sparseness on H, Neighbours) needs all of H in one place, and {why}"
        )


def _check_penalties(penalties: tuple[Penalty, ...], solver: Any) -> None:
    for penalty in penalties:
        if isinstance(penalty, (Smooth, Neighbours)):
            _check_quadratic(type(penalty).__name__, solver)
        if isinstance(penalty, Orthogonal) and isinstance(solver, ANLS):
            raise IncompatibleError(f"{penalty!r} makes the problem of solver 'anls' non-convex; use solver='hals'")


def _check_quadratic(name: str, solver: Any) -> None:
    if solver.needs != "quadratic":
        raise IncompatibleError(f"{name} needs a quadratic solver, and {solver.name!r} is none: use solver='hals'")
