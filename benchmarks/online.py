"""Windows of images before passes over all of them, and MiniBatchNMF: ``python -m benchmarks.online``.

Passes are counted by what is read: every column of V that was asked for, over their number.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import click
import numpy as np
from threadpoolctl import threadpool_limits

import imgnmf
from benchmarks.data import patches
from benchmarks.report import write
from imgnmf.core.encode import encode
from imgnmf.core.losses import Frobenius
from imgnmf.core.online import window_size

SETS = (("patches 8x8", 8, 16), ("patches 8x8", 8, 49), ("patches 12x12", 12, 49))
NEAR = 1.005


@dataclass
class Run:
    """Seconds and objective after each iteration, and the seconds before the first."""

    seconds: list[float] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)

    def first_below(self, goal: float) -> int | None:
        """The number of the first iteration that comes below."""
        return next((i for i, value in enumerate(self.objective) if value <= goal), None)


def followed(V: Any, rank: int, **options: Any) -> tuple[imgnmf.Factorization, Run]:
    """A fit, and its trace from the first read of V on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
        fit = imgnmf.factorize(V, rank, threads=1, **options)
    return fit, Run(fit.trace.seconds.tolist(), fit.trace.objective.tolist())


def of_scikit_learn(V: Any, rank: int) -> tuple[float, float]:
    """Seconds and final objective of MiniBatchNMF as it comes, its coefficients from its own transform."""
    from sklearn.decomposition import MiniBatchNMF

    X = V.T.astype(np.float32) / 255
    started = time.perf_counter()
    model = MiniBatchNMF(rank, random_state=0, init="nndsvda").fit(X)
    seconds = time.perf_counter() - started
    return seconds, squares_left(V, 255 * model.components_.T)


def of_a_stream(V: Any, rank: int) -> tuple[float, float]:
    """Seconds of the first window of a `Stream`, and what its parts make of all images."""
    stream = imgnmf.Stream(rank, threads=1)
    started = time.perf_counter()
    W = stream.partial_fit(V[:, : window_size(None, rank)]).fit.W
    seconds = time.perf_counter() - started
    return seconds, squares_left(V, W)


def squares_left(V: Any, W: Any) -> float:
    """Half the squared residual for the parts `W`, with coefficients that are as good as they can be for them."""
    H = encode(V, W, loss=Frobenius(), threads=1)
    return 0.5 * float(np.square(V - W @ H, dtype=np.float64).sum())


def row(name: str, side: int, rank: int, count: int, windows: int) -> dict[str, Any]:
    """One set, all three."""
    V = patches(side, count)
    batch, alone = followed(V, rank)
    online, ours = followed(V, rank, online=imgnmf.Online(windows), max_iter=60)
    goal = NEAR * batch.objective
    needed = ours.first_below(goal)
    seconds, theirs = of_scikit_learn(V, rank)
    streamed, share = of_a_stream(V, rank)
    return {
        "images": f"{name}, {count}",
        "k": rank,
        "passes alone": batch.n_iter,
        "windows' passes": windows,
        "passes after": None if needed is None else needed + 1,
        "share of passes": None if needed is None else (windows + needed + 1) / batch.n_iter,
        "time to it / time alone": None if needed is None else ours.seconds[needed] / alone.seconds[-1],
        "objective / alone": online.objective / batch.objective,
        "MiniBatchNMF's / alone": theirs / batch.objective,
        "its time / that of a Stream's first window": seconds / streamed,
        "the Stream's objective / its": share / theirs,
    }


@click.command()
@click.option("--quick", is_flag=True, help="20,000 patches in place of 200,000.")
def main(quick: bool) -> None:
    """Measure and write the table."""
    count = 20_000 if quick else 200_000
    with threadpool_limits(1):
        rows = [row(name, side, rank, count, 2) for name, side, rank in SETS]
    remarks = [
        "passes alone: factorize as it comes, to its own stop; passes after: full ones after the windows until the "
        "objective is within 0.5 % of that",
        "the start reads V about once more on both sides, and the windows' end once more; one thread",
        "MiniBatchNMF on pixels of 0..1 (nndsvda, batches of 1024) to its own stop; its parts and a Stream's are "
        "judged with exact coefficients for all images",
    ]
    write("online", "python -m benchmarks.online", rows, remarks)


if __name__ == "__main__":
    main()
