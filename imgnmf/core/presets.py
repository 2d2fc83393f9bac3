"""Kinds of parts by name: the penalties and constraints that make them, for people who do not want to choose."""

from __future__ import annotations

from dataclasses import dataclass

from imgnmf.core.check import checked_choice
from imgnmf.core.constraints import Constraint, Sparseness
from imgnmf.core.penalties import L1, L2, Orthogonal, Penalties, Smooth

__all__ = ["KINDS", "Preset", "preset"]

KINDS = ("global", "local", "sparse", "smooth", "orthogonal")


@dataclass(frozen=True)
class Preset:
    """What `factorize` is to be given.

    Attributes
    ----------
    penalty_W, penalty_H : L1, L2, Smooth, Orthogonal, or several
    constraint_W : Constraint, optional
    """

    penalty_W: Penalties = None
    penalty_H: Penalties = None
    constraint_W: Constraint | None = None


def preset(kind: str, image_shape: tuple[int, ...]) -> Preset:
    """Return what makes parts of a kind.

    "global" is plain NMF. "local" has Hoyer's sparseness of 0.75 in every part (Hoyer 2004, sec. 4). "sparse" has
    small entries driven to zero in both factors, "smooth" neighbouring pixels alike, and in "orthogonal" parts share
    few pixels. The strengths were chosen by eye on faces; all of them cost some error.

    Parameters
    ----------
    kind : {"global", "local", "sparse", "smooth", "orthogonal"}
    image_shape : (height, width) or (height, width, channels)

    Raises
    ------
    ParameterError
        If there is no such kind.

    Examples
    --------
    >>> preset("local", (8, 8)).constraint_W
    Sparseness(value=0.75)
    """
    checked_choice("parts", kind, KINDS)
    if kind == "local":
        return Preset(constraint_W=Sparseness(0.75))
    if kind == "sparse":
        return Preset(L1(0.001), L1(0.001))
    if kind == "smooth":
        return Preset((Smooth(0.05, image_shape), L2(0.005)), L2(0.005))
    if kind == "orthogonal":
        return Preset((Orthogonal(0.001), L2(0.0003)), L2(0.0003))
    return Preset()
