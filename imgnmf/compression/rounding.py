"""The integers that describe the images best for their bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgnmf.compression.tables import Integers, Table, grouped
from imgnmf.core.nnls import nonnegative_least_squares
from imgnmf.core.parts import Array

__all__ = ["PRICE", "Quadratic"]

# At high rate one more bit a coefficient quarters step^2 / 12: a bit is worth 2 ln 2 / 12 of step^2.
PRICE = 0.1155
# The real coefficients that rounding starts from pay this for each step that they are above 0 (measured on ORL).
EARLY = 0.5
SWEEPS, CHUNK = 3, 2048


@dataclass(frozen=True, eq=False)
class Quadratic:
    """``q' G q - 2 p' q`` for each column `q` of whole numbers, one step being 1.

    Attributes
    ----------
    gram : array, shape (rank, rank)
    product : array, shape (rank, n)
    signed : bool
        Whether the numbers may be negative.
    price : float
        Of a bit of coefficient k, in units of ``G_kk``.

    Examples
    --------
    >>> Quadratic(np.eye(2), np.array([[3.2], [-1.0]])).tuned()[0].tolist()
    [[3], [0]]
    """

    gram: Array
    product: Array
    signed: bool = False
    price: float = PRICE

    def in_steps(self, step: float) -> Quadratic:
        """Return the same problem in units of `step`."""
        return Quadratic(self.gram * step**2, self.product * step, self.signed, self.price)

    def guess(self) -> Array:
        """Real numbers to start from: few of them, if they are not negative."""
        if self.signed:
            return np.asarray(np.linalg.lstsq(self.gram, self.product, rcond=None)[0])
        return nonnegative_least_squares(self.gram, self.product - EARLY * np.diag(self.gram)[:, None])

    def rounded(self, tables: Sequence[Table], start: Array | None = None) -> Integers:
        """Whole numbers that are worth their bits, a coordinate at a time.

        Rounding each number on its own adds errors that are alike where parts overlap; here each one is rounded
        knowing the others, and to 0 where that saves more bits than it costs light.

        Parameters
        ----------
        tables : sequence of Table, length rank
            What each number costs.
        start : array, shape (rank, n), optional
            By default `guess`.

        Returns
        -------
        int array, shape (rank, n)
        """
        Q = self._whole(self.guess() if start is None else start)
        costs = [(table.low, table.bits) for table in tables]
        for first in range(0, Q.shape[1], CHUNK):
            span = slice(first, first + CHUNK)
            block = np.ascontiguousarray(Q[:, span])
            for _ in range(SWEEPS):
                self._sweep(self.product[:, span], block, costs)
            Q[:, span] = block
        return Q.astype(np.int64)

    def tuned(self, start: Array | None = None, rounds: int = 2) -> tuple[Integers, list[Table]]:
        """Round, count, round again by what the counts say: numbers, and the tables that suit them."""
        Q = self._whole(self.guess() if start is None else start).astype(np.int64)
        tables = _tables(Q)
        for _ in range(rounds):
            Q = self.rounded(tables, Q)
            tables = _tables(Q)
        return Q, tables

    def _whole(self, values: Array) -> Array:
        return np.rint(values if self.signed else np.maximum(values, 0)).astype(np.float64)

    def _sweep(self, P: Array, Q: Array, costs: list[tuple[int, Array]]) -> None:
        for t in np.flatnonzero(np.diag(self.gram) > 0):
            ideal = Q[t] + (P[t] - self.gram[t] @ Q) / self.gram[t, t]
            below = np.floor(ideal) if self.signed else np.maximum(np.floor(ideal), 0)
            Q[t] = _cheapest(ideal, (below, below + 1, np.zeros_like(below)), costs[t], self.price)


def _cheapest(ideal: Array, candidates: tuple[Array, ...], cost: tuple[int, Array], price: float) -> Array:
    low, bits = cost
    best, least = candidates[0], np.full_like(ideal, np.inf)
    for candidate in candidates:
        place = candidate.astype(np.intp) - low
        place[(place < 0) | (place >= len(bits))] = len(bits) - 1
        total = (candidate - ideal) ** 2 + price * bits[place]
        best, least = np.where(total < least, candidate, best), np.minimum(total, least)
    return best


def _tables(Q: Integers) -> list[Table]:
    tables, chosen = grouped(list(Q))
    return [tables[i] for i in chosen]
