"""RELIABILITY T23 at its full count: 20,000 damaged model files. ``python scripts/soak/archive.py``.

Of a plain fit, and as many of each relative: those of the family, and the projective one.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import imgnmf
from benchmarks.report import write
from imgnmf.errors import ArchiveError
from tests.archive.relatives import RELATIVES, identical, made
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
            seen["loads as it was" if identical(again, fit) and found == meta else "silent difference"] += 1
        except ArchiveError:
            seen["refused"] += 1
        except Exception as error:
            seen[f"leaks {type(error).__name__}"] += 1
    return seen


def rows() -> Iterator[dict[str, Any]]:
    """Damage the file of a small model of each kind."""
    rng = np.random.default_rng(0)
    images = imgnmf.ImageSet(rng.integers(0, 256, (12, 5, 4), dtype=np.uint8), labels=np.arange(12) % 3)
    models: dict[str, tuple[Any, Any]] = {"plain": (imgnmf.factorize(images.V, 3), images)}
    models |= {name: (made(name)[0], None) for name in RELATIVES}
    for name, (fit, shown) in models.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.imgnmf"
            imgnmf.save(path, fit, shown, rng=0)
            seen = outcomes(path, COUNT)
        bad = {what: n for what, n in seen.items() if what not in ("refused", "loads as it was")}
        counts = {"refused": seen["refused"], "unchanged": seen["loads as it was"], "bad": sum(bad.values())}
        yield {"promise": "T23", "fit": name, "files": COUNT, **counts, "what": ", ".join(bad) or "-"}


def main() -> None:
    """Write the table; exit with 1 if anything was wrong."""
    table = list(rows())
    write("archive", "python scripts/soak/archive.py", table, [])
    sys.exit(any(row["bad"] for row in table))


if __name__ == "__main__":
    main()
