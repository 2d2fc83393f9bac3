"""The methods of ``benchmarks.rank`` on other planted sets: ``python -m benchmarks.rank_elsewhere [--method NAME]``.

Other sizes, louder and fainter noise, counts, parts with a shared background and parts without a single zero: what a
rule must not be worse on. A hit is the planted k exactly, from a range that reaches 3 to either side of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import click
import numpy as np
from numpy.typing import NDArray

import imgnmf
from benchmarks.rank import METHODS
from benchmarks.report import write
from imgnmf.studies.choice import Method

RANKS = (3, 7, 14)


@dataclass(frozen=True)
class Family:
    """Planted sets of one kind; every other one from sparse factors."""

    name: str
    pixels: int
    images: int
    noise: float | Literal["counts"] = 0.1
    factors: Literal["gamma", "uniform"] = "gamma"
    background: float = 0.0

    def planted(self, rank: int, seed: int) -> NDArray[np.float64]:
        """A noisy matrix of known rank."""
        rng = np.random.default_rng([FAMILIES.index(self), rank, seed])
        W, H = (self._factor(rng, shape) for shape in ((self.pixels, rank), (rank, self.images)))
        if seed % 2:
            W, H = W * (rng.random(W.shape) < 0.5), H * (rng.random(H.shape) < 0.5)
        V = (W + self.background * rng.gamma(1, 1, (self.pixels, 1))) @ H
        if self.noise == "counts":
            return rng.poisson(40 * V / V.mean()).astype(np.float64)
        return np.maximum(V + self.noise * np.sqrt(np.mean(V**2)) * rng.standard_normal(V.shape), 0)

    def _factor(self, rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
        return rng.random(shape) if self.factors == "uniform" else rng.gamma(1, 1, shape)


FAMILIES = (
    Family("few pixels, many images", 50, 200),
    Family("small", 40, 60),
    Family("3 % of noise", 70, 90, noise=0.03),
    Family("20 % of noise", 90, 110, noise=0.2),
    Family("a shared background", 60, 100, noise=0.05, background=0.5),
    Family("counts, 40 in the mean", 64, 128, noise="counts"),
    Family("uniform factors", 70, 100, factors="uniform"),
)


def row_of(method: Method, rank: int, seeds: int) -> dict[str, Any]:
    """Hits, and where the misses are."""
    misses, cases = [], 0
    for family in FAMILIES:
        for seed in range(seeds):
            ranks = range(max(1, rank - 3), rank + 4)
            cases += 1
            found = imgnmf.choose_rank(family.planted(rank, seed), ranks, method=method, threads=1).rank
            if found != rank:
                misses.append(f"{found} ({family.name}, {'sparse' if seed % 2 else 'dense'})")
    return {
        "method": method,
        "planted k": rank,
        "found exactly": f"{cases - len(misses)} of {cases}",
        "found instead": ", ".join(misses) or "-",
    }


@click.command()
@click.option("--seeds", default=4, show_default=True, help="Cases of each family.")
@click.option("--method", "methods", type=click.Choice(METHODS), multiple=True, default=METHODS)
def main(seeds: int, methods: tuple[Method, ...]) -> None:
    """Print and write the table."""
    rows = []
    for method in methods:
        for rank in RANKS:
            rows.append(row_of(method, rank, seeds))
            print(rows[-1], flush=True)
    remarks = ["Every other case is dense: its factors have no zeros, and many parts are then hardly determined."]
    write("rank_elsewhere", f"python -m benchmarks.rank_elsewhere --seeds {seeds}", rows, remarks)


if __name__ == "__main__":
    main()
