"""NMF beside PCA, JPEG, JPEG 2000, WebP and AVIF on five kinds of images: ``python scripts/compression_experiment.py``.

Writes for each set a figure and tables of the closed set and of unseen images, what k parts need to be stored, and
``benchmarks/results/compression_experiment.md`` with the rates at which they meet. Sets that are not here are left
out, and the table says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import imgnmf
from benchmarks.data import ORL
from benchmarks.report import table, write
from imgnmf.commands.compare import Comparison, bd_lines, compared, table_of, write_comparison
from imgnmf.commands.compress import eight_bit_source

SAMSON = Path(__file__).resolve().parents[2] / "shared" / "data" / "mat" / "Samson.mat"
RATES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)


@dataclass(frozen=True)
class Case:
    """A set, the size of patches if any, and how to read it; None where it is not here."""

    name: str
    load: Callable[[], imgnmf.ImageSet | None]
    patch: tuple[int, int] | None = None
    rank: int = 64
    ranks: tuple[int, ...] = (1, 4, 9, 16, 25, 49)


def orl(size: tuple[int, int] | None) -> imgnmf.ImageSet | None:
    return imgnmf.load_images(ORL, size=size) if ORL.is_dir() else None


def samson() -> imgnmf.ImageSet | None:
    if not SAMSON.is_file():
        return None
    bands = imgnmf.load_images(SAMSON, key="Y", image_shape=(95, 95), order="F", images_in="rows")
    return imgnmf.ImageSet(np.rint(bands.pixels * (255 / bands.pixels.max())).astype(np.uint8))


def natural() -> imgnmf.ImageSet | None:
    """Two photographs of one size: the parts are learned from one and judged on the other."""
    from sklearn.datasets import load_sample_images

    return imgnmf.ImageSet(np.stack(load_sample_images().images), ("china", "flower"))


CASES = (
    Case("orl 56x46", lambda: orl((56, 46)), ranks=(4, 16, 49)),
    Case("orl 112x92, patches 16x16", lambda: orl(None), (16, 16), ranks=(32,)),
    Case("lfw-faces 25x25", lambda: eight_bit_source("lfw-faces"), rank=49),
    Case("digits 8x8, 400", lambda: eight_bit_source("digits")[:400], rank=32, ranks=(1, 4, 9, 16, 32, 49)),
    Case("samson bands 95x95", samson, rank=9, ranks=(1, 3, 4, 9, 16)),
    Case("china, patches 8x8", natural, (8, 8), ranks=(4, 16, 49)),
)


def measured(case: Case) -> Comparison | None:
    images = case.load()
    if images is None:
        return None
    options: dict[str, Any] = {"patch": case.patch, "rank": case.rank, "ranks": case.ranks}
    if case.load is natural:
        return compared(case.name, images[0], train=images[1], test=images[0], **options)
    return compared(case.name, images, **options)


def report(case: Case, made: Comparison, folder: Path) -> list[dict[str, Any]]:
    """Write one set's files, print its tables, and return its rows of the summary."""
    place = folder / case.name.replace(",", "").replace(" ", "-")
    place.mkdir(parents=True, exist_ok=True)
    write_comparison(made, place)
    rows = []
    for use, curves in (("closed", made.closed), (f"unseen {made.n_test}", made.unseen)):
        rows += [{"set": case.name, "use": use} | row for row in table_of(curves, RATES)]
    print(f"\n## {case.name}\n\n{table(rows)}\n")
    if made.storage:
        print(table([asdict(row) for row in made.storage]), "\n")
    for line in bd_lines(made):
        print(f"{line['codec']} against {line['anchor']}: {line['percent']} % {line.get('why', '')}")
    print("parts, bytes:", made.parts_bytes, flush=True)
    return rows


@click.command()
@click.option("--into", default="out/compression", show_default=True)
@click.option("--only", multiple=True, help="Sets whose name begins so.")
def main(into: str, only: tuple[str, ...]) -> None:
    rows, remarks = [], []
    for case in (case for case in CASES if not only or case.name.startswith(only)):
        made = measured(case)
        if made is None:
            remarks.append(f"{case.name}: not here, left out")
            continue
        rows += report(case, made, Path(into))
        for line in bd_lines(made):
            told = line.get("why") or f"{line['percent']:+.1f} % bytes"
            remarks.append(f"{case.name}: {line['codec']} against {line['anchor']}: {told}")
    if rows and not only:
        write("compression_experiment", "python scripts/compression_experiment.py", rows, remarks)


if __name__ == "__main__":
    main()
