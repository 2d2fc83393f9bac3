"""The lists that the tests of the core run over. A new loss, solver or start is one more line here."""

from __future__ import annotations

import numpy as np

from imgnmf.core.inits import NNDSVD, SPA, ColumnSample, RandomInit
from imgnmf.core.losses import BetaDivergence, Frobenius, ItakuraSaito, KullbackLeibler
from imgnmf.core.robust import L21, Huber
from imgnmf.core.solvers import ANLS, HALS, MU, Newton, ProjectedGradient

LOSSES = [
    Frobenius(),
    KullbackLeibler(),
    ItakuraSaito(),
    BetaDivergence(0.5),
    BetaDivergence(1.5),
    BetaDivergence(3),
]
ROBUST = [Huber(0.3), L21()]
SOLVERS = [
    HALS(),
    HALS(inner=1, extrapolate=False),
    ANLS(),
    ProjectedGradient(),
    MU(),
    MU(extrapolate=False),
    Newton(),
    Newton(extrapolate=False),
]
INITS = [
    NNDSVD(),
    NNDSVD("random"),
    NNDSVD("zero"),
    RandomInit(),
    RandomInit(lead_in=False),
    ColumnSample(),
    SPA(),
]
PAIRS = [(loss, solver) for loss in LOSSES + ROBUST for solver in SOLVERS if solver.needs in loss.offers]


def name_of(case: object) -> str:
    return " ".join(map(repr, case)) if isinstance(case, tuple) else repr(case)


def low_rank(m: int = 30, n: int = 40, rank: int = 4, *, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """A planted product of sparse non-negative factors."""
    rng = np.random.default_rng(seed)
    W = rng.gamma(1.0, size=(m, rank)) * (rng.random((m, rank)) < 0.5)
    H = rng.gamma(1.0, size=(rank, n)) * (rng.random((rank, n)) < 0.6)
    return W @ H + noise * rng.random((m, n))


def factors(m: int = 7, n: int = 9, rank: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((m, n)) + 0.1, rng.random((rank, m)) + 0.1, rng.random((rank, n)) + 0.1
