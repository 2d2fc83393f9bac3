"""What checkpoints cost: the same fit without one, at the default pace, and after every iteration.

``python -m benchmarks.checkpoint [--quick]``
"""

from __future__ import annotations

import tempfile
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np

import imgnmf
from benchmarks.data import case
from benchmarks.report import write
from imgnmf import checkpoint_file
from imgnmf.core.blocks import running
from imgnmf.core.digest import block_digests
from imgnmf.core.units import as_blocks

ITERATIONS, ROUNDS = 50, 5
# Of a fit of a few seconds the default writes the beginning and the end alone.
PACES: dict[str, dict[str, Any] | None] = {"none": None, "default": {}, "every iteration": {"every_iterations": 1}}


class Clock:
    """Adds up how long a function takes, and how often it ran."""

    def __init__(self, function: Any) -> None:
        self.function, self.seconds = function, []

    def __call__(self, *args: Any) -> Any:
        """Run it."""
        started = time.perf_counter()
        try:
            return self.function(*args)
        finally:
            self.seconds.append(time.perf_counter() - started)


def fitted(V: Any, rank: int, path: Path, pace: dict[str, Any] | None, iterations: int) -> tuple[float, Any]:
    """Seconds of a whole call, and the fit."""
    path.unlink(missing_ok=True)
    kept = None if pace is None else imgnmf.Checkpoint(path, **pace)
    started = time.perf_counter()
    fit = imgnmf.factorize(V, rank, stop=(), max_iter=iterations, threads=1, checkpoint=kept)
    return time.perf_counter() - started, fit


def row(name: str, V: Any, rank: int, folder: Path, iterations: int) -> dict[str, Any]:
    """One matrix: paces take turns, so that a busy machine is busy for all."""
    path, plain = folder / "run.ckpt", None
    seconds: dict[str, list[float]] = {pace: [] for pace in PACES}
    clock = checkpoint_file.write_progress = Clock(checkpoint_file.write_progress)
    for _ in range(ROUNDS):
        for pace, options in PACES.items():
            took, fit = fitted(V, rank, path, options, iterations)
            seconds[pace].append(took)
            plain = fit if options is None else plain
    checkpoint_file.write_progress = clock.function
    with running(1) as run:
        started = time.perf_counter()
        list(block_digests(as_blocks(V, fit.loss), run))
        digest = time.perf_counter() - started
    started = time.perf_counter()
    imgnmf.factorize(V, rank, stop=(), max_iter=1, threads=1, checkpoint=path, resume=True)
    return {
        "matrix": name,
        "n_pixels x n_images, rank": f"{V.shape[0]} x {V.shape[1]}, {rank}",
        "ms an iteration": round(1e3 * median(np.diff(plain.trace.seconds)), 2),
        **{f"s, {pace}": round(median(times), 3) for pace, times in seconds.items()},
        "default / none": round(median(b / a for a, b in zip(seconds["none"], seconds["default"], strict=True)), 3),
        "ms to write": round(1e3 * median(clock.seconds), 1),
        "share of the time, one in 30 s, %": round(100 * median(clock.seconds) / 30, 3),
        "MB": round(path.stat().st_size / 1e6, 2),
        "ms to know V again": round(1e3 * digest, 1),
    }


@click.command()
@click.option("--quick", is_flag=True, help="Small matrices alone.")
def main(quick: bool) -> None:
    """Fit, with and without."""
    warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
    matrices = {"lfw-faces": (imgnmf.load_dataset("lfw-faces").V, 49)}
    patches = imgnmf.load_dataset("patches", patch_size=(16, 16), n_patches=5_000 if quick else 20_000, rng=1)
    matrices["patches, uint8"] = (patches.V, 49)
    faces = None if quick else case("orl 112x92")
    V = faces.load() if faces else None
    if V is not None:
        matrices["orl"] = (V, faces.rank)
    with tempfile.TemporaryDirectory() as folder:
        rows = [row(name, V, k, Path(folder), ITERATIONS // (2 if quick else 1)) for name, (V, k) in matrices.items()]
    remarks = [
        "The default writes at the start, every 30 s, and at the end; by the clock never more than a twentieth of the "
        "time. To know V again its SHA-256 is taken once, at the start, on all the threads of the fit.",
    ]
    write("checkpoint", "python -m benchmarks.checkpoint" + (" --quick" if quick else ""), rows, remarks)


if __name__ == "__main__":
    main()
