"""What the options of `imgnmf.estimator.NMF` mean here."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from imgnmf.core.choices import LossLike, SolverLike, as_loss
from imgnmf.core.losses import BetaDivergence, Frobenius, ItakuraSaito, KullbackLeibler, Loss
from imgnmf.errors import ParameterError
from imgnmf.validation import LARGEST, check_flag, checked_choice, checked_count, checked_number

__all__ = ["check_options", "loss_meant", "solver_meant"]


def loss_meant(beta_loss: LossLike | float) -> Loss:
    """The loss that a name, a number or an object means."""
    if not isinstance(beta_loss, Real):
        return as_loss(beta_loss)  # type: ignore[arg-type]
    named: dict[Any, Loss] = {2: Frobenius(), 1: KullbackLeibler(), 0: ItakuraSaito()}
    return named.get(beta_loss) or BetaDivergence(float(beta_loss))


def solver_meant(solver: Any) -> SolverLike:
    """The solver; "cd" is what scikit-learn calls HALS."""
    return "hals" if isinstance(solver, str) and solver == "cd" else solver


def check_options(model: Any) -> None:
    """Refuse what no fit can use."""
    check_flag("shuffle", model.shuffle)
    checked_choice("missing", model.missing, ("error", "mask"))
    if isinstance(model.n_components, str):
        checked_choice("n_components", model.n_components, ("auto",))
    elif model.n_components is not None:
        checked_count("n_components", model.n_components, 1)
    if model.shuffle:
        raise ParameterError("shuffle must be False: the order of a sweep is fixed here; drop it")
    for name, top in (("tol", np.inf), ("alpha_W", np.inf), ("alpha_H", np.inf), ("l1_ratio", 1)):
        value = getattr(model, name)
        if name == "alpha_H" and isinstance(value, str) and value == "same":
            continue
        checked_number(name, value, f"a number from 0 to {top}", least=0, most=min(top, LARGEST))
    checked_count("max_iter", model.max_iter, 1)
