"""What parts look like in numbers: plain NMF, and a penalty, on ORL faces, swimmer and digits."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

import imgnmf
from benchmarks.report import write
from imgnmf.core.measures import part_measures

COMMAND = "python -m benchmarks.parts"
RANKS = {"orl": 25, "swimmer": 17, "digits": 16}
FOLDER = "../shared/data/orl_faces"


def images_of(name: str, *, quick: bool) -> imgnmf.ImageSet:
    """The set, small enough for a bench."""
    if name != "orl":
        return imgnmf.load_dataset(name)
    return imgnmf.load_images(FOLDER, size=(28, 23) if quick else (56, 46))


def row_of(name: str, method: str, images: imgnmf.ImageSet, options: dict[str, Any]) -> dict[str, Any]:
    """Means over the parts of one fit."""
    fit = imgnmf.factorize(images.V, RANKS[name], max_iter=1000, threads=1, **options)
    means = part_measures(fit.W, images.image_shape, fit.H).means()
    return {"images": name, "method": method, "k": fit.rank, "relative error": fit.relative_error, **means}


@click.command()
@click.option("--quick", is_flag=True, help="Smaller faces.")
def main(quick: bool) -> None:
    """Print and write the table."""
    sparse = imgnmf.L1(0.001)
    methods = {"plain": {}, "L1(0.001) on both": {"penalty_W": sparse, "penalty_H": sparse}}
    rows = []
    for name in RANKS:
        images = images_of(name, quick=quick)
        rows += [row_of(name, method, images, options) for method, options in methods.items()]
    remarks = [
        "Means over the parts; the support is what exceeds a tenth of a part's maximum; area and coverage are shares "
        "of the pixels, spread is in pixels, overlap a cosine."
    ]
    write("parts", COMMAND + (" --quick" if quick else ""), rows, remarks)


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
