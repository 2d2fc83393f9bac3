"""20,000 damaged files of the image codec, half of them sealed anew. ``python scripts/soak/codec.py [COUNT]``."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.report import write
from imgnmf.compression.wire import seal, unseal
from imgnmf.errors import CodecError
from tests.compression.test_damage import files
from tests.damage import mutated

COUNT, SLOW, MUCH = 20_000, 5.0, 1 << 29


def outcomes(count: int) -> tuple[Counter[str], float, int]:
    """What came of each file, the slowest in seconds, and the most memory in bytes."""
    rng, seen, slowest = np.random.default_rng(0), Counter[str](), 0.0
    kinds = list(files())
    tracemalloc.start()
    for number in range(count):
        whole, kind, key, read = kinds[number % len(kinds)]
        anew = number % 2 == 1
        damaged = seal(kind, mutated(unseal(whole, kind, key), rng), key) if anew else mutated(whole, rng)
        started = time.perf_counter()
        try:
            same = np.array_equal(read(damaged), read(whole))
            where = "sealed anew" if anew else "as it is"
            seen["reads as it was" if same else f"other pixels, {where}"] += 1
        except CodecError:
            seen["refused"] += 1
        except Exception as error:
            seen[f"leaks {type(error).__name__}"] += 1
        slowest = max(slowest, time.perf_counter() - started)
    return seen, slowest, tracemalloc.get_traced_memory()[1]


def main() -> None:
    """Damage files and write the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    seen, slowest, memory = outcomes(count)
    bad = sum(n for name, n in seen.items() if name.startswith("leaks") or name.endswith("as it is"))
    row = {
        "files": count, "refused": seen["refused"], "unchanged": seen["reads as it was"],
        "sealed anew, other pixels": seen["other pixels, sealed anew"],
        "bad": bad + (slowest > SLOW) + (memory > MUCH), "slowest, s": slowest, "most memory, MB": memory / 1e6,
    }  # fmt: skip
    remarks = [f"{name}: {n}" for name, n in sorted(seen.items())]
    remarks.append("sealed anew: damaged inside and given a right checksum, as a forger would; other pixels are his")
    write("codec", "python scripts/soak/codec.py", [row], remarks)


if __name__ == "__main__":
    main()
