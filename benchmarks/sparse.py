"""Sparse matrices: the time to scikit-learn's final objective, and the memory beside what the array would take.

``python -m benchmarks.sparse [--quick]``
"""

from __future__ import annotations

import resource
import time
import warnings
from typing import Any

import click
import numpy as np
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

import imgnmf
from benchmarks.report import write
from imgnmf.core.choices import as_loss, as_solver
from imgnmf.core.sparse import as_stored, model_at, stored_divergence, stored_squares

RANK, ITERATIONS, TOPICS = 20, 50, 20
CASES = (("frobenius", "cd", "hals"), ("kullback-leibler", "mu", "mu"), ("kullback-leibler", "mu", None))


def planted(m: int, n: int, stored: int, seed: int = 0) -> csr_array:
    """Counts of draws: each image has two topics, each topic prefers some of the pixels by a power law."""
    rng = np.random.default_rng(seed)
    images = rng.integers(n, size=stored)
    topics = rng.integers(TOPICS, size=(n, 2))[images, rng.integers(2, size=stored)]
    places = np.minimum(m * rng.random(stored) ** 3, m - 1).astype(np.int64)
    pixels = (places * (2 * topics + 1) * 7919 + topics * 104_729) % m
    return csr_array((np.ones(stored, np.float32), (pixels, images)), shape=(m, n))


def objective(V: Any, W: Any, H: Any, loss: str) -> float:
    """Of the pair, in float64, by the same formula for both packages."""
    W, H = np.float64(W).T, np.float64(H)
    model = model_at(V, W, H)
    if loss == "frobenius":
        return stored_squares(V, model, W, H) / 2
    return float(stored_divergence(V, model, W, H).sum())


def scikit_learn(V: csr_array, loss: str, solver: str) -> tuple[float, Any, Any]:
    """Seconds and factors of so many iterations, as images in rows."""
    from sklearn.decomposition import NMF

    model = NMF(RANK, init="nndsvda", solver=solver, beta_loss=loss, max_iter=ITERATIONS, tol=1e-4, random_state=0)
    rows = csr_array(V.T)
    started = time.perf_counter()
    H = model.fit_transform(rows)
    return time.perf_counter() - started, model.components_.T, H.T


def fitted(V: csr_array, loss: str, solver: str | None, target: float) -> tuple[float, float, int, Any]:
    """Seconds and iterations until `target`, seconds in all, and the fit; or infinite where it was not reached."""
    started = time.perf_counter()
    fit = imgnmf.factorize(V, RANK, loss=loss, solver=solver, max_iter=4 * ITERATIONS, threads=1)
    total = time.perf_counter() - started
    reached = np.flatnonzero(fit.trace.objective <= target)
    first = int(reached[0]) if len(reached) else -1
    return (float(fit.trace.seconds[first]) if len(reached) else np.inf), total, first + 1, fit


def row(V: csr_array, loss: str, peer_solver: str, solver: str | None) -> dict[str, Any]:
    """One comparison."""
    peer, W, H = scikit_learn(V, loss, peer_solver)
    stored = as_stored(V).astype(np.float64)
    target = objective(stored, W, H, loss)
    reached, total, iterations, fit = fitted(V, loss, solver, target)
    return {
        "loss": loss,
        "scikit-learn": peer_solver,
        "imgnmf": as_solver(solver, as_loss(loss), RANK).name,
        "scikit-learn s": peer,
        "imgnmf s to its objective": reached,
        "iterations": iterations,
        "ratio": peer / reached,
        "imgnmf s in all": total,
        "objective / scikit-learn's": objective(stored, fit.W, fit.H, loss) / target,
    }


@click.command()
@click.option("--quick", is_flag=True, help="20,000 x 5,000 with 500,000 draws; else 200,000 x 20,000 with 10^7.")
def main(quick: bool) -> None:
    """Compare, print, write."""
    warnings.simplefilter("ignore")
    m, n, draws = (20_000, 5_000, 500_000) if quick else (200_000, 20_000, 10_000_000)
    V = planted(m, n, draws)
    warm = planted(300, 200, 5_000)
    for loss, _, solver in CASES:
        imgnmf.factorize(warm, 3, loss=loss, solver=solver, max_iter=2)
    with threadpool_limits(1):
        rows = [row(V, *case) for case in CASES]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    remarks = [
        f"{m:,} x {n:,}, {V.nnz:,} stored entries, float32, rank {RANK}, one thread; as an array "
        f"{4 * m * n / 2**30:.2f} GiB. Peak of the whole process, scikit-learn included: {peak:.2f} GiB.",
        f"scikit-learn: nndsvda, at most {ITERATIONS} iterations, tol 1e-4; imgnmf at its defaults, start included.",
    ]
    write("sparse_quick" if quick else "sparse", f"python -m benchmarks.sparse{' --quick' * quick}", rows, remarks)


if __name__ == "__main__":
    main()
