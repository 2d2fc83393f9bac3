"""How near an iteration comes to the machine's limit, and a fit to the best error that any rank-k model can have.

The limit is ALGORITHMS 7.1: the flops of an iteration, ``4 m n k + 2 k^2 (m + n) + 2 k^2 (s_H n + s_W m)``, at the
rate of a square product measured in this run. ``python -m benchmarks.limit``
"""

from __future__ import annotations

import resource
import time
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import imgnmf
from benchmarks.data import CASES, Case
from benchmarks.report import write
from imgnmf.core.solvers import HALS

SIDE = 1500


def product_rate(threads: int) -> float:
    """Flops a second of `threads` independent square products side by side, the BLAS at one thread."""
    factors = [np.random.default_rng(i).random((SIDE, SIDE), np.float32) for i in range(threads)]
    rates = []
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        for _ in range(7):
            started = time.perf_counter()
            list(pool.map(lambda a: a @ a, factors))
            rates.append(threads * 2 * SIDE**3 / (time.perf_counter() - started))
    return float(np.median(rates))


def iteration_seconds(V: Any, rank: int, threads: int, solver: HALS) -> float:
    fit = imgnmf.factorize(
        V, rank, solver=solver, init=imgnmf.RandomInit(lead_in=False), stop=(), max_iter=25, threads=threads
    )
    return float(np.median(np.diff(fit.trace.seconds)[5:]))


def flops(m: int, n: int, k: int, sweeps_H: int, sweeps_W: int) -> float:
    return 4 * m * n * k + 2 * k**2 * (m + n) + 2 * k**2 * (sweeps_H * n + sweeps_W * m)


def measure(case: Case, rates: dict[int, float]) -> dict[str, Any] | None:
    V = case.load()
    if V is None:
        return None
    V = np.ascontiguousarray(V.T.astype(np.float32)).T
    m, n, k = *V.shape, case.rank
    # All sweeps are done, so that their number is known.
    solver = replace(HALS(), inner=4, patience=0.0)
    one, two = (iteration_seconds(V, k, threads, solver) for threads in (1, 2))
    work = flops(m, n, k, 4, 4)
    fit = imgnmf.factorize(V, k, max_iter=200)
    floor = svd_floor(V, k)
    return {
        "set": case.name,
        "ms / iteration, 1 thread": 1e3 * one,
        "ratio to limit, 1 thread": work / rates[1] / one,
        "2 threads gain": one / two,
        "machine's own gain": rates[2] / rates[1],
        "error": fit.relative_error,
        "SVD floor": floor,
        "memory over V": memory_over(V, k),
    }


def svd_floor(V: Any, k: int) -> float:
    """Relative error of the truncated SVD, which no model of rank k can pass."""
    wide = V.astype(np.float64)
    gram = wide @ wide.T if V.shape[0] <= V.shape[1] else wide.T @ wide
    values = np.linalg.eigvalsh(gram)[::-1]
    return float(np.sqrt(max(values[k:].sum(), 0) / values.sum()))


def memory_over(V: Any, k: int) -> float:
    """Peak of what is allocated during a fit, less the factors themselves, relative to V."""
    tracemalloc.start()
    fit = imgnmf.factorize(V, k, max_iter=10, threads=1)
    peak = tracemalloc.get_traced_memory()[1] - fit.W.nbytes - fit.H.nbytes
    tracemalloc.stop()
    return peak / V.nbytes


def main() -> None:
    warnings.simplefilter("ignore")
    rates = {threads: product_rate(threads) for threads in (1, 2)}
    rows = []
    for case in (c for c in CASES if not c.name.startswith("patches 8x8, 200")):
        row = measure(case, rates)
        if row:
            rows.append(row)
            print(row, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    remarks = [
        f"Square products: {rates[1] / 1e9:.0f} GFlop/s with one thread, {rates[2] / 1e9:.0f} with two side by side.",
        f"Peak resident memory of the whole run: {peak:.0f} MB.",
    ]
    write("limit", "python -m benchmarks.limit", rows, remarks)


if __name__ == "__main__":
    main()
