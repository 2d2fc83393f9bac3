"""Several layers against one: the error and the sparseness of every layer, greedy and tuned together.

``python -m benchmarks.layers [--quick]``
"""

from __future__ import annotations

import warnings
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import imgnmf
from benchmarks.data import digits, orl
from benchmarks.report import write
from imgnmf.errors import ConvergenceWarning
from imgnmf.viz.quality import sparseness


def layer_rows(name: str, V: NDArray[Any], ranks: tuple[int, ...], steps: int) -> list[dict[str, Any]]:
    greedy = imgnmf.factorize_layers(V, ranks, tune=0, max_iter=steps, threads=1)
    tuned = imgnmf.factorize_layers(V, ranks, max_iter=steps, threads=1)
    rows = []
    for place, rank in enumerate(ranks):
        one = imgnmf.factorize(V, rank, max_iter=steps, threads=1)
        rows.append(
            {
                "images": name,
                "layer": place + 1,
                "k": rank,
                "error greedy %": 100 * greedy.layers[place].relative_error,
                "error tuned %": 100 * tuned.layers[place].relative_error,
                "error one layer %": 100 * one.relative_error,
                "sparseness greedy": mean_sparseness(greedy.basis(place)),
                "sparseness tuned": mean_sparseness(tuned.basis(place)),
                "sparseness one layer": mean_sparseness(one.W),
            }
        )
    return rows


def mean_sparseness(W: NDArray[Any]) -> float:
    return float(np.mean(sparseness(W.T[:, :, None])))


@click.command()
@click.option("--quick", is_flag=True, help="Fewer iterations.")
def main(quick: bool) -> None:
    steps = 100 if quick else 500
    cases = {"ORL 56x46": (orl((56, 46)), (49, 16, 4)), "digits": (digits(), (32, 16, 4))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        rows = [row for name, (V, ranks) in cases.items() if V is not None for row in layer_rows(name, V, ranks, steps)]
    remarks = [
        "error of a layer: its parts in pixel space, with the coefficients that are best for them",
        "'one layer' is a plain factorization at the rank of that layer: what layers cost",
        f"at most {steps} iterations a factorization; the tuning is on the error of the last layer alone",
    ]
    write("layers", "python -m benchmarks.layers" + (" --quick" if quick else ""), rows, remarks)


if __name__ == "__main__":
    main()
