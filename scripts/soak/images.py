"""RELIABILITY T25 at its full count: ``python scripts/soak/images.py [COUNT]``.

Reads 50,000 damaged pictures, on as many processes as there are cores; a picture that hangs or brings its process
down ends the run. The suite reads the first 5,000. Writes ``benchmarks/results/mutated_images.md``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/images"))

from mutations import read_mutated

from benchmarks.report import write

EACH = 2_500


def batch(seed: int, count: int) -> dict[str, Any]:
    """Read a batch of damaged pictures in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        account = read_mutated(Path(folder), count, seed)
    return {"outcomes": account.outcomes, "leaks": account.leaks, "slowest": account.slowest}


def main() -> None:
    """Read them all and write the table; exit with 1 if anything leaked or took 5 s."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    sizes = [min(EACH, count - start) for start in range(0, count, EACH)]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        # If a process dies, this raises BrokenProcessPool.
        done = list(pool.map(batch, range(len(sizes)), sizes))
    leaks = [leak for part in done for leak in part["leaks"]]
    slowest = max(part["slowest"] for part in done)
    row = {
        "files": count,
        "read": sum(part["outcomes"]["read"] for part in done),
        "refused by ImageReadError": sum(part["outcomes"]["refused"] for part in done),
        "anything else": len(leaks),
        "slowest, s": round(slowest, 3),
    }
    write("mutated_images", "python scripts/soak/images.py", [row], [str(leak) for leak in leaks[:20]])
    sys.exit(bool(leaks) or slowest > 5)


if __name__ == "__main__":
    main()
