"""All layers at once: coordinate descent on ``|V - A_1 A_2 ... A_L|^2 / 2`` over a chain of non-negative factors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import Any

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner
from imgnmf.core.interrupts import INTERRUPTED
from imgnmf.core.kernels import hals_sweeps
from imgnmf.core.parts import Array, inner
from imgnmf.validation import check_number_field

__all__ = ["ChainProblem", "Rounds", "chain_product", "sweeps_over"]

SWEEPS, PATIENCE = 3, 0.05
LOOK_BACK = 10


@dataclass(frozen=True)
class ChainProblem:
    """V in blocks, and what is needed to multiply with it."""

    blocks: ColumnBlocks
    run: Runner[Any]
    energy: float

    def times(self, right: Array) -> Array:
        """``V right'`` for `right` of shape (rank, n_images)."""
        products = self.run(lambda span: self.blocks.load(span) @ right[:, span].T, self.blocks.spans)
        return np.asarray(reduce(np.add, products))

    def under(self, left: Array) -> Array:
        """``left' V`` for `left` of shape (n_pixels, rank)."""
        return np.concatenate(
            list(self.run(lambda span: left.T @ self.blocks.load(span), self.blocks.spans)),
            axis=1,
        )

    def relative_error(self, basis: Array, H: Array) -> float:
        """``|V - basis H| / |V|``."""

        def missed(span: slice) -> float:
            gap = self.blocks.load(span) - basis @ H[:, span]
            return inner(gap, gap)

        return float(np.sqrt(sum(self.run(missed, self.blocks.spans)) / self.energy))


def chain_product(factors: Sequence[Array]) -> Array:
    """``A_1 A_2 ... A_L`` from the right.

    >>> chain_product([np.eye(2), np.array([[1.0], [2.0]]), np.array([[3.0]])]).ravel()
    array([3., 6.])
    """
    return reduce(lambda right, left: left @ right, reversed(factors))


def sweeps_over(problem: ChainProblem, factors: Sequence[Array]) -> Iterator[tuple[tuple[Array, ...], float]]:
    """Improve every factor of the chain in turn, for ever: the chain and its objective after each round.

    With ``Psi`` the product of the factors before ``A_l`` and ``Phi`` of those behind it, ``A_l`` solves
    ``min |V - Psi A_l Phi|^2`` over one coordinate after another, each exactly; so no round ever raises the objective.
    """
    chain = [np.array(factor) for factor in factors]
    while True:
        behind = _suffixes(chain)
        chain[0] = hals_sweeps(behind[0] @ behind[0].T, problem.times(behind[0]).T, chain[0].T, SWEEPS, PATIENCE).T
        gram, product = chain[0].T @ chain[0], problem.under(chain[0])
        for place in range(1, len(chain) - 1):
            right = behind[place]
            chain[place] = _middle(gram, right @ right.T, product @ right.T, chain[place])
            gram, product = chain[place].T @ gram @ chain[place], chain[place].T @ product
        chain[-1] = hals_sweeps(gram, product, chain[-1], SWEEPS, PATIENCE)
        model = inner(gram, chain[-1] @ chain[-1].T)
        yield tuple(chain), max(problem.energy - 2 * inner(product, chain[-1]) + model, 0.0) / 2


def _suffixes(chain: Sequence[Array]) -> list[Array]:
    """For each factor but the last, the product of all behind it."""
    products = [chain[-1]]
    for factor in reversed(chain[1:-1]):
        products.append(factor @ products[-1])
    return products[::-1]


def _middle(gram: Array, right: Array, product: Array, X: Array) -> Array:
    """A round of coordinate steps on ``tr(X' G X K) / 2 - <P, X>``, a column of `X` at a time."""
    X, rest = X.copy(), product - gram @ X @ right
    for j in np.flatnonzero(np.diag(right) > 0):
        own = right[j, j] * gram
        column = hals_sweeps(own, (rest[:, j] + own @ X[:, j])[:, None], X[:, j, None], SWEEPS, PATIENCE)[:, 0]
        rest -= np.outer(gram @ (column - X[:, j]), right[j])
        X[:, j] = column
    return X


@dataclass(frozen=True)
class Rounds:
    """When the tuning ends."""

    most: int
    tol: float
    time_limit: float | None

    def __post_init__(self) -> None:
        check_number_field(self, "tol", "a number > 0", above=0)

    def tune(self, problem: ChainProblem, chain: Sequence[Array]) -> tuple[Sequence[Array], list[float], str]:
        """The tuned chain, its objective after each round, and why it ended."""
        objective: list[float] = []
        reason = f"tune = {self.most} rounds were done"
        started = time.perf_counter()
        try:
            for tuned, value in islice(sweeps_over(problem, chain), self.most if len(chain) > 2 else 0):
                chain = tuned
                objective.append(value)
                if self._settled(objective):
                    reason = f"{LOOK_BACK} rounds lowered the objective by less than {self.tol:g} of itself"
                    break
                if self.time_limit is not None and time.perf_counter() - started >= self.time_limit:
                    reason = f"the time limit of {self.time_limit:g} s was reached"
                    break
        except KeyboardInterrupt:
            reason = INTERRUPTED
        return chain, objective, reason

    def _settled(self, objective: Sequence[float]) -> bool:
        before = objective[-1 - LOOK_BACK] if len(objective) > LOOK_BACK else np.inf
        return before - objective[-1] <= self.tol * objective[-1]
