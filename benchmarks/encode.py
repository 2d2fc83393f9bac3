"""Coefficients of images for given parts: time and objective beside scikit-learn and a loop of scipy's nnls.

The time of one product ``W' V`` in float64 stands beside them: no exact answer costs less.

``python -m benchmarks.encode [--quick]``
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits

import imgnmf
from benchmarks.report import write
from imgnmf.core.choices import as_loss
from imgnmf.core.encode import encode

REPEATS, RANK, SIDE = 3, 49, 19


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    """Median of the repeats, after one run that warms up, and the last result."""
    result = run()
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        result = run()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken)), result


def scikit_learn(V: NDArray[Any], W: NDArray[Any], loss: str) -> tuple[float, NDArray[Any]]:
    from sklearn.decomposition import non_negative_factorization as factorization

    flat = np.full((V.shape[1], W.shape[1]), np.sqrt(V.mean() / W.shape[1]), V.dtype)
    solver = "cd" if loss == "frobenius" else "mu"

    def run() -> NDArray[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            H, _, _ = factorization(
                V.T, W=flat, H=W.T.copy(), n_components=W.shape[1], update_H=False, init="custom",
                solver=solver, beta_loss=loss,
            )  # fmt: skip
        return H.T

    return seconds(run)


def row(loss: str, V: NDArray[Any], W: NDArray[Any]) -> dict[str, Any]:
    value = as_loss(loss).value
    wide = V.astype(np.float64)
    with threadpool_limits(1):
        peer, H_peer = scikit_learn(V, W, loss)
        ours, H = seconds(lambda: encode(V, W, loss=as_loss(loss), threads=1))
        ours_two, _ = seconds(lambda: encode(V, W, loss=as_loss(loss), threads=2))
        product, _ = seconds(lambda: W.T.astype(np.float64) @ V.astype(np.float64))
        some = slice(0, 300)
        started = time.perf_counter()
        _ = [nnls(W, column) for column in wide[:, some].T] if loss == "frobenius" else []
        loop = (time.perf_counter() - started) * V.shape[1] / 300 if loss == "frobenius" else 0.0
    found = {name: value(wide, (W @ h).astype(np.float64)) for name, h in (("peer", H_peer), ("ours", H))}
    return {
        "loss": loss, "images": V.shape[1], "ours, 1 thread": ours, "ours, 2 threads": ours_two, "scikit-learn": peer,
        "ratio": peer / ours, "ratio, 2 threads": peer / ours_two,
        "W'V alone": product, "objective ours": found["ours"], "scikit-learn's": found["peer"],
        "ours / scikit-learn's": f"{found['ours'] / found['peer']:.6f}",
        "loop of nnls / ours": loop / ours if loop else "-",
    }  # fmt: skip


@click.command()
@click.option("--quick", is_flag=True, help="2,000 images in place of 10,000.")
def main(quick: bool) -> None:
    images = imgnmf.load_dataset("patches", patch_size=(SIDE, SIDE), n_patches=2000 if quick else 10_000, rng=1)
    V = images.V.astype(np.float32) / 255
    rows = []
    for loss in ("frobenius", "kullback-leibler"):
        W = imgnmf.factorize(V, RANK, loss=loss, max_iter=60, stop=()).W
        rows.append(row(loss, V, W))
    remarks = [
        f"{SIDE} x {SIDE} patches, k = {RANK}, float32 data; both sides with the same parts, objectives in float64; "
        "scikit-learn: what its `transform` does, at its defaults (200 iterations, tolerance 1e-4)",
        "the loop calls scipy.optimize.nnls on 300 of the images, and its time is scaled up to all",
    ]
    write("encode", "python -m benchmarks.encode" + (" --quick" if quick else ""), rows, remarks)


if __name__ == "__main__":
    main()
