"""Time per iteration on a dask cluster of 1 and 2 worker processes against one machine, and the bytes on the wire.

``python -m benchmarks.cluster [--quick]``
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from distributed import Client, LocalCluster

import imgnmf
import imgnmf.cluster
from benchmarks.report import write

PIXELS, RANK = 256, 49


def planted(n_images: int) -> np.ndarray:
    """Sums of 60 sparse parts with a little noise, uint8, one image a column."""
    rng = np.random.default_rng(0)
    parts = (rng.random((PIXELS, 60)) ** 8).astype(np.float32)
    rows = rng.random((n_images, 60), np.float32) ** 3 @ parts.T
    rows += 0.05 * rng.random(rows.shape, np.float32)
    return (255 * rows / rows.max()).astype(np.uint8).T


def loopback() -> int:
    """Bytes that this machine has sent to itself, 0 where it does not say."""
    counters = Path("/proc/net/dev")
    lines = counters.read_text().splitlines() if counters.exists() else []
    return next((int(line.split(":")[1].split()[0]) for line in lines if line.strip().startswith("lo:")), 0)


def one_machine(V: np.ndarray, start: Any, iterations: int, threads: int) -> dict[str, Any]:
    """Seconds an iteration, in memory."""
    fit = imgnmf.factorize(
        V, RANK, init=start, stop=(), max_iter=iterations, threads=threads, callback=last(iterations)
    )
    return row(V, f"one machine, {threads} thread(s)", statistics.median(np.diff(fit.trace.seconds)), fit)


def cluster(V: np.ndarray, start: Any, iterations: int, workers: int) -> dict[str, Any]:
    """The same on so many processes of one thread; the passes that keep H are left out of the bytes by the median."""
    passes: list[imgnmf.cluster.Passed] = []
    sent: list[int] = []

    def watch(passed: imgnmf.cluster.Passed) -> None:
        passes.append(passed)
        sent.append(loopback())

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as processes,
        Client(processes) as client,
    ):
        options = {"init": start, "stop": (), "max_iter": iterations, "callback": last(iterations)}
        fit = imgnmf.cluster.factorize(V, RANK, client=client, watch=watch, **options)
    made = row(V, f"dask, {workers} worker(s)", statistics.median(np.diff(fit.trace.seconds)), fit)
    wire = statistics.median(np.diff(sent))
    return made | {
        "bytes down": passes[-1].bytes_down // workers,
        "bytes up": passes[-1].bytes_up // workers,
        "loopback in all": int(wire),
    }


def row(V: np.ndarray, where: str, seconds: float, fit: Any) -> dict[str, Any]:
    """One line of the table."""
    blank = {"bytes down": "", "bytes up": "", "loopback in all": ""}
    return {
        "images": V.shape[1],
        "where": where,
        "ms an iteration": 1000 * seconds,
        "objective": repr(fit.objective),
    } | blank


def last(iterations: int) -> Any:
    """Stop there without the exact coefficients at the end."""
    return lambda state: state.iteration == iterations


@click.command()
@click.option("--quick", is_flag=True, help="20,000 images; else 100,000 and 400,000.")
def main(quick: bool) -> None:
    """Measure, print, write."""
    rows, iterations = [], 12 if quick else 30
    started = time.perf_counter()
    for n_images in (20_000,) if quick else (100_000, 400_000):
        V = planted(n_images)
        start = imgnmf.GivenFactors(imgnmf.factorize(V[:, :5000], RANK, max_iter=5, callback=last(5)).W)
        rows += [one_machine(V, start, iterations, threads) for threads in (1, 2)]
        rows += [cluster(V, start, iterations, workers) for workers in (1, 2)]
    numbers = PIXELS * RANK
    remarks = [
        f"{PIXELS} pixels, uint8, rank {RANK}, Frobenius, {iterations} iterations from one start; medians.",
        f"Bytes are per worker and iteration, as serialised: W down ({numbers:,} float32 = {4 * numbers:,} bytes), the "
        f"sums up ({numbers + RANK**2:,} = {4 * (numbers + RANK**2):,} bytes).",
        "Loopback in all is what the machine sent itself in an iteration: every hop (client, scheduler, workers), the "
        "scheduler's messages and whatever else runs here.",
        f"{time.perf_counter() - started:.0f} s in all.",
    ]
    write("cluster_quick" if quick else "cluster", f"python -m benchmarks.cluster{' --quick' * quick}", rows, remarks)


if __name__ == "__main__":
    main()
