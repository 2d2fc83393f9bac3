"""How fast images are read: ``python -m benchmarks.reading [--quick]``.

The peer is a bare loop over Pillow in the same process, which checks nothing. Every time is the shortest of several,
ours and the peer's in turn.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import imgnmf
from benchmarks.report import write

ORL = Path(__file__).resolve().parents[1] / "../shared/data/orl_faces"
REPEATS = 5
REMARK = (
    "Two threads are compared with one only where a core is free: under load, one gave 3.25 and others 0.81 to 1.32."
)


def bare_pillow(files: list[Path]) -> Any:
    """What a script of one line does."""
    pixels = []
    for file in files:
        with Image.open(file) as picture:
            pixels.append(np.asarray(picture))
    return np.stack(pixels)


def shortest(*runs: Callable[[], Any]) -> list[float]:
    """Return the shortest time of each, taken in turn."""
    times = [[_seconds(run) for run in runs] for _ in range(REPEATS)]
    return [min(column) for column in zip(*times, strict=True)]


def _seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def against_pillow(words: str, folder: Path, pattern: str) -> dict[str, Any]:
    """Compare one thread of ours with the bare loop."""
    files = sorted(folder.glob(pattern))
    ours, peer = shortest(lambda: imgnmf.load_images(folder, threads=1), lambda: bare_pillow(files))
    return row(f"{words}: one thread against bare Pillow", len(files), ours, peer, peer / ours)


def against_one_thread(words: str, folder: Path, count: int) -> dict[str, Any]:
    """Compare two threads with one."""
    two, one = shortest(
        lambda: imgnmf.load_images(folder, threads=2),
        lambda: imgnmf.load_images(folder, threads=1),
    )
    return row(f"{words}: two threads against one", count, two, one, one / two if core_is_free() else None)


def core_is_free() -> bool:
    """Say whether a second thread had a core to itself: elsewhere a ratio only tells what else was running."""
    return os.getloadavg()[0] < len(os.sched_getaffinity(0)) + 0.5


def row(what: str, count: int, ours: float, other: float, faster: float | None) -> dict[str, Any]:
    """Return a line of the table."""
    return {
        "what": what,
        "files": count,
        "s": ours,
        "other, s": other,
        "times as fast": "no core was free" if faster is None else round(faster, 2),
    }


def made(folder: Path, count: int, side: int) -> Path:
    """Fill a folder with PNGs that are smooth, as photographs are, with noise."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    ramp = np.add.outer(np.arange(side), np.arange(side)) % 256
    for i in range(count):
        pixels = (ramp + rng.integers(0, 16, (side, side))) % 256
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
    return folder


def main() -> None:
    """Measure and write the table."""
    small = 2_000 if "--quick" in sys.argv else 10_000
    with tempfile.TemporaryDirectory() as place:
        tiny = made(Path(place, "tiny"), small, 64)
        large = made(Path(place, "large"), small // 25, 512)
        rows = [against_pillow("ORL, PGM of 112 x 92", ORL, "s*/*.pgm")] if ORL.is_dir() else []
        rows += [
            against_pillow("PNG of 64 x 64", tiny, "*.png"),
            against_one_thread("PNG of 64 x 64", tiny, small),
            against_one_thread("PNG of 512 x 512", large, small // 25),
        ]
    command = " ".join(["python -m benchmarks.reading", *sys.argv[1:]])
    write("reading", command, rows, [REMARK])


if __name__ == "__main__":
    main()
