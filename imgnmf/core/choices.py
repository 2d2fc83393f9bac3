"""Names to objects, and the one check that a loss and a solver fit each other."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypeVar

from imgnmf.core.inits import NNDSVD, Init, RandomInit
from imgnmf.core.losses import Frobenius, Loss
from imgnmf.core.solvers import HALS, MU, Solver
from imgnmf.errors import IncompatibleError, ParameterError

__all__ = ["InitLike", "LossLike", "SolverLike", "as_init", "as_loss", "as_solver"]

LossLike: TypeAlias = Literal["frobenius"] | Loss
SolverLike: TypeAlias = Literal["hals", "mu"] | Solver
InitLike: TypeAlias = Literal["nndsvd", "random"] | Init

LOSSES: tuple[Loss, ...] = (Frobenius(),)
SOLVERS: tuple[Solver, ...] = (HALS(), MU())  # the first that serves a loss is its default
INITS: tuple[Init, ...] = (NNDSVD(), RandomInit())

Named = TypeVar("Named", Loss, Solver, Init)


def as_loss(loss: LossLike) -> Loss:
    """The loss that is meant.

    >>> as_loss("frobenius")
    Frobenius()
    """
    return _named("loss", loss, LOSSES) if isinstance(loss, str) else loss


def as_solver(solver: SolverLike | None, loss: Loss) -> Solver:
    """The solver that is meant, once it is seen to serve `loss`; None for the loss's default.

    >>> as_solver(None, Frobenius()).name
    'hals'
    """
    fitting = tuple(s for s in SOLVERS if s.needs in loss.offers)
    if solver is None:
        return fitting[0]
    chosen = _named("solver", solver, SOLVERS) if isinstance(solver, str) else solver
    if chosen.needs not in loss.offers:
        raise IncompatibleError(
            f"solver {chosen.name!r} cannot minimise the loss {loss.name!r}: it needs {chosen.needs} parts, and this "
            f"loss gives {' or '.join(loss.offers)}; use solver={' or '.join(repr(s.name) for s in fitting)}"
        )
    return chosen


def as_init(init: InitLike) -> Init:
    """The start that is meant.

    >>> as_init("random")
    RandomInit()
    """
    return _named("init", init, INITS) if isinstance(init, str) else init


def _named(kind: str, name: str, known: tuple[Named, ...]) -> Named:
    for candidate in known:
        if candidate.name == name:
            return candidate
    raise ParameterError(f"{kind} must be {' or '.join(repr(k.name) for k in known)} or an object, got {name!r}")
