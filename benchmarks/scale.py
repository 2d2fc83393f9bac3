"""Time and memory against the number of images, in memory and from disk: each run in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

import imgnmf
from benchmarks.report import write

COMMAND = "python -m benchmarks.scale"
SIDE, RANK, ITERATIONS = 16, 25, 8
PORTION = 10_000
CHILD = [sys.executable, "-m", "benchmarks.scale"]


def in_memory(folder: Path) -> Any:
    pixels = np.load(folder / "V.npy")
    return pixels.reshape(len(pixels), -1).T


def memmap(folder: Path) -> Any:
    pixels = np.load(folder / "V.npy", mmap_mode="r")
    return pixels.reshape(len(pixels), -1).T


# One more way to hold V is one more function here; its row follows by itself.
SOURCES: dict[str, Callable[[Path], Any]] = {
    "memory": in_memory,
    "numpy.memmap": memmap,
    ".npy": lambda folder: imgnmf.open_images(folder / "V.npy").V,
    "zarr": lambda folder: imgnmf.open_images(folder / "V.zarr").V,
    "HDF5": lambda folder: imgnmf.open_images(folder / "V.h5").V,
}


class Timed:
    """A source that knows how long it was read."""

    def __init__(self, V: Any) -> None:
        self.shape, self.dtype, self.order = V.shape, V.dtype, "F"
        self.chunks = getattr(V, "chunks", None)
        self.V, self.seconds = V, 0.0

    def __getitem__(self, index: Any) -> Any:
        started = time.perf_counter()
        block = np.array(self.V[index], order="F")
        self.seconds += time.perf_counter() - started
        return block


def generated(folder: Path, n_images: int) -> None:
    """Write `n_images` of parts and noise as .npy, a portion at a time, and pack it."""
    rng = np.random.default_rng(0)
    parts = rng.random((RANK, SIDE * SIDE), np.float32) ** 4
    pixels = np.lib.format.open_memmap(folder / "V.npy", "w+", np.uint8, (n_images, SIDE, SIDE))
    for first in range(0, n_images, PORTION):
        count = min(PORTION, n_images - first)
        mixed = rng.random((count, RANK), np.float32) ** 2 @ parts + 0.1 * rng.random((count, SIDE * SIDE), np.float32)
        pixels[first : first + count] = np.minimum(60 * mixed, 255).reshape(count, SIDE, SIDE)
    pixels.flush()
    for suffix in ("zarr", "h5"):
        packing = (
            "from imgnmf.cli import main; main()",
            "pack",
            str(folder / "V.npy"),
            "-o",
            str(folder / f"V.{suffix}"),
        )
        subprocess.run([sys.executable, "-c", *packing], check=True, capture_output=True)


def highest() -> float:
    """Megabytes that this process held at most; it starts with what its parent held, which therefore stays small."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measured(source: str, folder: Path, threads: int) -> dict[str, float]:
    """Seconds of an iteration, how much of them V was read, and the peak of this process."""
    V = SOURCES[source](folder)
    watched = V if source == "memory" else Timed(V)
    marks: list[tuple[float, float]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        imgnmf.factorize(np.ones((SIDE, 50), np.uint8), 2, max_iter=2)  # compiles
        before = highest()
        fit = imgnmf.factorize(
            watched,
            RANK,
            init=imgnmf.RandomInit(lead_in=False),
            stop=imgnmf.RelativeDecrease(1e-12),
            max_iter=ITERATIONS,
            threads=threads,
            callback=lambda state: marks.append((getattr(watched, "seconds", 0.0), time.process_time())),
        )
    peak = highest()
    seconds = float(np.median(np.diff(fit.trace.seconds)))
    reading, processor = (np.array(marks[-1]) - marks[0]) / (len(marks) - 1)
    return {
        "seconds": seconds,
        "reading": reading,
        "processor": processor,
        "peak": peak,
        "before": before,
    }


def row_of(source: str, folder: Path, n_images: int, threads: int) -> dict[str, Any]:
    """One row, from a process of its own."""
    child = [*CHILD, "--one", source, "--folder", str(folder)]
    done = subprocess.run([*child, "--threads", str(threads)], check=True, capture_output=True, text=True)
    return {"images": n_images, "V": source, **json.loads(done.stdout)}


@click.command()
@click.option("--quick", is_flag=True, help="10 and 100 thousand images.")
@click.option("--threads", default=1, show_default=True)
@click.option("--one", type=click.Choice(list(SOURCES)), help="Measure one source and print JSON.")
@click.option("--generate", type=int, help="Write the files of so many images.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where its files are.")
def main(quick: bool, threads: int, one: str | None, generate: int | None, folder: Path | None) -> None:
    """Print and write the table."""
    if generate is not None and folder is not None:
        generated(folder, generate)
        return
    if one is not None and folder is not None:
        print(json.dumps(measured(one, folder, threads)))
        return
    rows = []
    for n_images in (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000):
        with tempfile.TemporaryDirectory() as place:
            subprocess.run([*CHILD, "--generate", str(n_images), "--folder", place], check=True)
            found = [row_of(source, Path(place), n_images, threads) for source in SOURCES]
        rows += [shaped(row, found[0], n_images) for row in found]
    remarks = [
        f"{SIDE} x {SIDE} uint8, k = {RANK}, squared Frobenius, {threads} thread(s) and one that reads ahead; files "
        "are warm in the cache of the system.",
        "To memory: the seconds of an iteration against those in memory. Processor to memory: the same for the time of "
        "the processor, both threads, which other programs on the machine hardly lengthen.",
        "Reading: the share of an iteration during which V was read, beside the computing.",
        "Peak beyond: of the process, less its peak before the fit, all compiled (in memory: V included), and less "
        "the three buffers of H that every fit has. The pages of a numpy.memmap count, although the system takes them "
        "back when it needs them.",
    ]
    write("scale", COMMAND + (" --quick" if quick else ""), rows, remarks)


def shaped(row: dict[str, Any], memory: dict[str, Any], n_images: int) -> dict[str, Any]:
    """A row as it is printed."""
    held = 3 * RANK * n_images * 4 / 1e6
    return {
        "images": row["images"],
        "V": row["V"],
        "s an iteration": row["seconds"],
        "to memory": row["seconds"] / memory["seconds"],
        "processor to memory": row["processor"] / memory["processor"],
        "reading": row["reading"] / row["seconds"],
        "V, MB": n_images * SIDE * SIDE / 1e6,
        "three H, MB": held,
        "peak beyond, MB": round(row["peak"] - row["before"] - held, 1),
    }


if __name__ == "__main__":
    main()
