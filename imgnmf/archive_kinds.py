"""What a model file holds of the relatives of a `Factorization`: those of the family, and the projective one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from imgnmf.archive_schema import COUNT, FINITE, FLAG, NON_NEGATIVE, NUMBER, TEXT, Rule, check_record
from imgnmf.core.projective import ProjectiveFactorization
from imgnmf.core.result import Factorization, Trace
from imgnmf.errors import ArchiveError, ParameterError
from imgnmf.family.result import SIGNED, FamilyFit, Member

__all__ = [
    "ENDING",
    "FORMAT",
    "Fit",
    "Relative",
    "check_kind",
    "kind_of",
    "relative_from",
    "relative_needs",
    "relative_record",
    "relative_tensors",
    "shows_groups",
]

Relative: TypeAlias = FamilyFit | ProjectiveFactorization
Fit: TypeAlias = Factorization | Relative

FORMAT = 3  # of files of relatives; one of a Factorization stays readable to those who know format 2
SHARES = "shares"
SHARING: tuple[Member, ...] = ("convex", "separable")
ENDING: Mapping[str, Rule] = MappingProxyType(
    {"n_iter": COUNT, "converged": FLAG, "reason": TEXT, "objective": NUMBER, "relative_error": NON_NEGATIVE}
)
FAMILY: Mapping[str, Rule] = MappingProxyType(
    {**ENDING, "member": TEXT, "init": TEXT, "penalty": FINITE, "ridge": NON_NEGATIVE}
)


@dataclass(frozen=True)
class Kind:
    """A kind of fit, and its fields that are words and numbers."""

    made: type[Any]
    fields: Mapping[str, Rule]


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "family": Kind(FamilyFit, FAMILY),
        "projective": Kind(ProjectiveFactorization, ENDING),
    }
)


def check_kind(fit: Fit) -> None:
    """Refuse what is no fit."""
    if not isinstance(fit, Fit):
        raise ParameterError(
            f"save takes what factorize, factorize_projective and imgnmf.family return, and got "
            f"{type(fit).__name__}; of a Stream, save its fit, and of several layers, save_layers"
        )


def kind_of(fit: Fit) -> str:
    """Return what kind of fit it is, in a word.

    >>> from imgnmf.family import separable
    >>> kind_of(separable(np.eye(2), 2))
    'separable'
    """
    if isinstance(fit, FamilyFit):
        return fit.member
    return "projective" if isinstance(fit, ProjectiveFactorization) else "plain"


def shows_groups(fit: Fit) -> bool:
    """Return whether a fit is of an affinity, so that its W has no pixels."""
    return isinstance(fit, FamilyFit) and fit.member == "symmetric"


def relative_tensors(fit: Fit) -> dict[str, NDArray[Any]]:
    """Return the arrays that a relative has beside those of every fit."""
    return {SHARES: fit.shares} if isinstance(fit, FamilyFit) and fit.shares is not None else {}


def relative_record(fit: Relative) -> dict[str, Any]:
    """Return what a file says of a relative in words and numbers."""
    name = next(name for name, kind in KINDS.items() if type(fit) is kind.made)
    arrays = {"W": fit.W, "H": fit.H, **relative_tensors(fit)}
    if isinstance(fit, FamilyFit):
        _check_member(fit.member, arrays)
    return {
        "format": FORMAT,
        "kind": name,
        "fit": {field: getattr(fit, field) for field in KINDS[name].fields},
        # Memory order: products round the same way then.
        "fortran": [name for name, array in arrays.items() if not array.flags.c_contiguous],
    }


def relative_needs(document: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tensors that a file of a relative has beside those of every fit, and the factors that may be negative.

    >>> relative_needs({"fit": {"member": "semi"}}), relative_needs({"fit": {"member": "separable"}})
    (((), ('W',)), (('shares',), ()))
    """
    member = document["fit"].get("member")
    return (SHARES,) if member in SHARING else (), ("W",) if member in SIGNED else ()


def relative_from(document: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], trace: Trace) -> Relative:
    """Return the relative that a file holds, its tensors checked."""
    kind = KINDS[document["kind"]]
    if set(document["fit"]) != set(kind.fields):
        raise ArchiveError(
            f"expected of a {document['kind']} fit {sorted(kind.fields)}, found {sorted(document['fit'])}"
        )
    check_record("fit", document["fit"], kind.fields)
    values: dict[str, Any] = {name: document["fit"][name] for name in kind.fields}
    laid = {name: np.asfortranarray(x) if name in document["fortran"] else x for name, x in tensors.items()}
    if kind.made is FamilyFit:
        values[SHARES] = laid.get(SHARES)
        _check_member(values["member"], laid)
    made: Relative = kind.made(laid["W"], laid["H"], trace=trace, **values)
    return made


def _check_member(member: Any, laid: Mapping[str, NDArray[Any]]) -> None:
    if member not in get_args(Member):
        raise ArchiveError(f"expected a member of the family, one of {', '.join(get_args(Member))}; found {member!r}")
    shares, wanted = laid.get(SHARES), (laid["H"].shape[1], laid["W"].shape[1])
    if (shares is None) == (member in SHARING):
        raise ArchiveError(f"{' and '.join(SHARING)} fits have shares, others none; this {member} one differs")
    if shares is not None:
        as_factor = shares.dtype in (np.float32, np.float64) and shares.shape == wanted
        if not as_factor or not np.isfinite(shares).all() or shares.min() < 0:
            raise ArchiveError(f"the shares must be finite, non-negative and of the shape {wanted}, and are not")
    if member == "symmetric" and not np.array_equal(laid["W"], laid["H"].T):
        raise ArchiveError("the W of a symmetric fit must be the transpose of its H, and is not")
