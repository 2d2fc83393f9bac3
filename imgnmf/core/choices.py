"""Names to objects, and the one check that a loss and a solver fit each other."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypeVar

from imgnmf.core.inits import NNDSVD, SPA, ColumnSample, Init, RandomInit
from imgnmf.core.losses import Frobenius, ItakuraSaito, KullbackLeibler, Loss
from imgnmf.core.robust import L21, Huber
from imgnmf.core.solvers import ANLS, HALS, MU, Newton, ProjectedGradient, Solver
from imgnmf.errors import IncompatibleError, ParameterError
from imgnmf.validation import is_instance

__all__ = ["InitLike", "LossLike", "SolverLike", "as_init", "as_loss", "as_solver"]

LossLike: TypeAlias = Literal["frobenius", "kullback-leibler", "itakura-saito", "huber", "l21"] | Loss
SolverLike: TypeAlias = Literal["hals", "anls", "pg", "mu", "newton"] | Solver
InitLike: TypeAlias = Literal["nndsvd", "random", "columns", "spa"] | Init

LOSSES: tuple[Loss, ...] = (Frobenius(), KullbackLeibler(), ItakuraSaito(), Huber(), L21())
SOLVERS: tuple[Solver, ...] = (HALS(), ANLS(), ProjectedGradient(), MU(), Newton())
HIGHEST_NEWTON_RANK = 32  # above, a Hessian for each image costs more than the iterations that it saves
INITS: tuple[Init, ...] = (NNDSVD(), RandomInit(), ColumnSample(), SPA())

Named = TypeVar("Named", Loss, Solver, Init)


def as_loss(loss: LossLike) -> Loss:
    """The loss that is meant.

    >>> as_loss("frobenius")
    Frobenius()
    """
    return _chosen("loss", loss, LOSSES, Loss)


def as_solver(solver: SolverLike | None, loss: Loss, rank: int, *, stored: bool = False) -> Solver:
    """The solver that is meant, once it is seen to serve `loss`; None for the loss's default.

    Where only `stored` entries were seen, squared Frobenius gives each image's own Hessian too.

    >>> as_solver(None, Frobenius(), 25).name
    'hals'
    """
    offers = (*loss.offers, "curvature") if stored and isinstance(loss, Frobenius) else loss.offers
    fitting = tuple(s for s in SOLVERS if s.needs in offers)
    if solver is None:
        newton = "curvature" in offers and rank <= HIGHEST_NEWTON_RANK
        return HALS() if "quadratic" in offers and not (stored and newton) else Newton() if newton else MU()
    chosen = _chosen("solver", solver, SOLVERS, Solver)
    if chosen.needs not in offers:
        raise IncompatibleError(
            f"solver {chosen.name!r} cannot minimise the loss {loss.name!r}: it needs {chosen.needs} parts, and this "
            f"loss gives {' or '.join(offers)}; use {' or '.join(f'solver={s.name!r}' for s in fitting)}"
        )
    return chosen


def as_init(init: InitLike) -> Init:
    """The start that is meant.

    >>> as_init("random")
    RandomInit(lead_in=True)
    """
    return _chosen("init", init, INITS, Init)


def _chosen(kind: str, given: Any, known: tuple[Named, ...], protocol: Any) -> Named:
    """Return the one of a name, or an object that has all that the protocol asks for."""
    if is_instance(given, protocol):
        return given  # type: ignore[no-any-return]
    for candidate in known:
        if isinstance(given, str) and candidate.name == given:
            return candidate
    raise ParameterError(
        f"{kind} must be {' or '.join(repr(k.name) for k in known)} or an object with the members of "
        f"{protocol.__module__}.{protocol.__name__}, got {given!r}"
    )
