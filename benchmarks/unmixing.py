"""Pure materials in a hyperspectral scene: how far the spectra of plain NMF and of its family are from the known ones.

``python -m benchmarks.unmixing [--quick]``
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

import imgnmf
from benchmarks.report import write
from imgnmf import family
from imgnmf.core.measures import matched

SAMSON = Path(__file__).resolve().parents[2] / "shared" / "data" / "mat" / "Samson.mat"

METHODS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("plain NMF", imgnmf.factorize),
    ("NMF, H on the simplex", partial(imgnmf.factorize, constraint_H=imgnmf.Simplex(), max_iter=2000)),
    ("SPA", partial(family.separable, method="spa")),
    ("SPA, unit sums", partial(family.separable, method="spa", unit_sum=True)),
    ("SNPA", family.separable),
    ("SNPA, unit sums", partial(family.separable, unit_sum=True)),
    ("minimum volume", family.minimum_volume),
    ("minimum volume, start of unit sums", partial(family.minimum_volume, unit_sum=True)),
    ("minimum volume, strength 0.01", partial(family.minimum_volume, strength=0.01)),
    ("minimum volume, strength 1", partial(family.minimum_volume, strength=1.0)),
)


def row(name: str, fit: Callable[..., Any], V: NDArray[Any], spectra: NDArray[Any], maps: NDArray[Any]) -> Any:
    started = time.perf_counter()
    found = fit(V, spectra.shape[1])
    seconds = time.perf_counter() - started
    pairs = matched(spectra, found.W)
    angles = np.arccos(np.clip(pairs.cosine, -1, 1))
    share = found.H[pairs.partner] / np.maximum(found.H.sum(axis=0), np.finfo(float).tiny)
    return {
        "method": name,
        "mean angle, degrees": float(np.degrees(angles.mean())),
        "mean angle, rad": float(angles.mean()),
        **{f"angle {i + 1}": float(np.degrees(a)) for i, a in enumerate(angles)},
        "abundance RMSE": float(np.sqrt(np.square(share - maps).mean())),
        "relative error %": 100 * found.relative_error,
        "seconds": seconds,
    }


@click.command()
@click.option("--quick", is_flag=True, help="Every fifth pixel.")
def main(quick: bool) -> None:
    if not SAMSON.exists():
        raise click.ClickException("shared/data/mat/Samson.mat is not here; imgnmf may not ship it")
    scene, step = loadmat(SAMSON), 5 if quick else 1
    V, spectra = scene["Y"][:, ::step], scene["GT"].T
    # The pixels are in column order.
    maps = scene["S_GT"].transpose(1, 0, 2).reshape(-1, spectra.shape[1]).T[:, ::step]
    family.minimum_volume(V[:, :200], 3, max_iter=1, stop=(), callback=lambda state: True)
    rows = [row(name, fit, V, spectra, maps) for name, fit in METHODS]
    remarks = [
        f"Samson: {V.shape[1]} pixels of {V.shape[0]} bands; known spectra of soil, trees, water, in no stated order",
        "angle: between a known spectrum and its partner; abundance: H with a sum of 1 in each pixel, against the maps",
        "every method at its defaults, apart from what its name says; the last two rows show what the strength does",
        "papers state mean angles of about 0.03 to 0.1 rad here for methods made for it (from memory, not re-read)",
    ]
    write("unmixing", "python -m benchmarks.unmixing" + (" --quick" if quick else ""), rows, remarks)


if __name__ == "__main__":
    main()
