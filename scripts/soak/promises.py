"""RELIABILITY's numeric promises at their full counts: ``python scripts/soak/promises.py``.

The suite runs the same checks on fewer problems; this run prints a row for each promise and writes
``benchmarks/results/promises.md``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import imgnmf
from benchmarks.report import write
from imgnmf.core.nnls import nonnegative_least_squares
from tests.core.cases import PAIRS, low_rank

LOSSES = ("frobenius", "kullback-leibler", "itakura-saito")


def never_a_nan(count: int = 2000) -> tuple[int, int, str]:
    """T2: odd matrices give finite, non-negative factors and no runtime warning."""
    rng, failures = np.random.default_rng(0), 0
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for trial in range(count):
            V = odd_matrix(rng, trial)
            try:
                fit = imgnmf.factorize(
                    V, int(rng.integers(1, 9)), loss=LOSSES[trial % 3], init="random", max_iter=12, rng=trial, threads=1
                )
                good = all(np.isfinite(f).all() and f.min() >= 0 for f in (fit.W, fit.H))
            except RuntimeWarning:
                good = False
            failures += not good
    return count, failures, "finite and non-negative, no RuntimeWarning"


def odd_matrix(rng: np.random.Generator, trial: int) -> np.ndarray[Any, Any]:
    """Zeros, denormals, 1e+-300, constants, duplicates, single rows and columns."""
    m, n = (int(x) for x in rng.integers(1, 10, 2))
    V = rng.random((m, n)) * 10.0 ** int(rng.integers(-300, 300))
    V[rng.random((m, n)) < 0.3] = 0
    if trial % 3 == 0:
        V[:, 0] = 5e-324
    if trial % 5 == 0:
        V[:] = V[:, [0]]
    if trial % 7 == 0:
        V[:] = V[0, 0]
    return V.astype(np.float32) if trial % 11 == 0 and V.max() < 1e30 else V


def never_rises(count: int = 500) -> tuple[int, int, str]:
    """T3: the objective, recomputed in float64, for every loss and solver."""
    failures, worst = 0, 0.0
    for loss, solver in PAIRS:
        for seed in range(count):
            V = low_rank(12, 14, 3, noise=0.3, seed=seed) + 0.05
            seen: list[float] = []
            imgnmf.factorize(
                V, 3, loss=loss, solver=solver, max_iter=12, rng=seed, stop=(), threads=1,
                callback=lambda s, loss=loss, V=V, seen=seen: seen.append(loss.value(V, s.W @ s.H)),
            )  # fmt: skip
            rise = max((b - a) / max(seen) for a, b in pairwise(seen))
            worst = max(worst, rise)
            failures += rise > 1e-12
    return count * len(PAIRS), failures, f"largest relative rise {worst:.1e}"


def is_least_squares(count: int = 200) -> tuple[int, int, str]:
    """T4: coefficients equal those of ``scipy.optimize.nnls``."""
    worst, failures = 0.0, 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        W, v = rng.random((30, int(rng.integers(1, 15)))), rng.random(30)
        gap = float(np.abs(nonnegative_least_squares(W.T @ W, (W.T @ v)[:, None])[:, 0] - nnls(W, v)[0]).max())
        worst, failures = max(worst, gap), failures + (gap > 1e-6)
    return count, failures, f"largest difference {worst:.1e}"


def converged_is_true(count: int = 300) -> tuple[int, int, str]:
    """T4: after "converged", ten times as many iterations gain at most 10 tol."""
    tol, failures, worst = imgnmf.RelativeDecrease().tol, 0, 0.0
    for seed in range(count):
        V = low_rank(20, 30, 4, noise=0.4, seed=seed)
        fit = imgnmf.factorize(V, 4, rng=seed, init="random", max_iter=5000, threads=1)
        start = imgnmf.GivenFactors(fit.W, fit.H)
        longer = imgnmf.factorize(V, 4, init=start, stop=(), max_iter=10 * fit.n_iter, threads=1)
        gain = (fit.objective - longer.objective) / fit.objective
        worst, failures = max(worst, gain), failures + (fit.converged and gain > 10 * tol)
    return count, failures, f"largest relative gain {worst:.1e}, allowed {10 * tol:.0e}"


def same_bytes(count: int = 20) -> tuple[int, int, str]:
    """T10: one rng, any number of threads, the same bytes."""
    V = (255 * low_rank(300, 3000, noise=0.2) / 20).astype(np.uint8)
    fits = [imgnmf.factorize(V, 30, max_iter=30, threads=1 + i % 3, rng=7) for i in range(count)]
    distinct = len({fit.W.tobytes() + fit.H.tobytes() for fit in fits})
    return count, distinct - 1, "1, 2 and 3 threads"


PROMISES: tuple[tuple[str, Callable[[], tuple[int, int, str]]], ...] = (
    ("T2 no NaN, ever", never_a_nan),
    ("T3 the objective never rises", never_rises),
    ("T4 coefficients are scipy's nnls", is_least_squares),
    ("T4 converged is true", converged_is_true),
    ("T10 same rng, same bytes", same_bytes),
)


def main() -> None:
    """Run every promise and write the table."""
    warnings.simplefilter("ignore", UserWarning)
    rows = []
    for name, check in PROMISES:
        runs, failures, remark = check()
        rows.append({"promise": name, "runs": runs, "failures": failures, "seen": remark})
        print(rows[-1], flush=True)
    write("promises", "python scripts/soak/promises.py", rows, [])


if __name__ == "__main__":
    main()
