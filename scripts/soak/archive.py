"""RELIABILITY T23 at its full count: 20,000 damaged model files. ``python scripts/soak/archive.py``."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import imgnmf
from benchmarks.report import write
from imgnmf.errors import ArchiveError
from tests.archive.test_reading import same
from tests.damage import mutated

COUNT = 20_000


def outcomes(path: Path, count: int) -> Counter[str]:
    """How often a damaged file is refused, loads as it was, differs silently, or raises something else."""
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    fit, meta = imgnmf.load(path)
    seen: Counter[str] = Counter()
    for _ in range(count):
        path.write_bytes(mutated(whole, rng))
        try:
            again, found = imgnmf.load(path)
            seen["loads as it was" if same(again, fit) and found == meta else "silent difference"] += 1
        except ArchiveError:
            seen["refused"] += 1
        except Exception as error:
            seen[f"leaks {type(error).__name__}"] += 1
    return seen


def main() -> None:
    """Damage the file of a small model and write the table."""
    rng = np.random.default_rng(0)
    images = imgnmf.ImageSet(rng.integers(0, 256, (12, 5, 4), dtype=np.uint8), labels=np.arange(12) % 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.imgnmf"
        imgnmf.save(path, imgnmf.factorize(images.V, 3), images, rng=0)
        seen = outcomes(path, COUNT)
    bad = sum(n for name, n in seen.items() if name not in ("refused", "loads as it was"))
    row = {
        "promise": "T23",
        "files": COUNT,
        "refused": seen["refused"],
        "unchanged": seen["loads as it was"],
        "bad": bad,
    }
    write("archive", "python scripts/soak/archive.py", [row], [f"{name}: {n}" for name, n in sorted(seen.items())])


if __name__ == "__main__":
    main()
