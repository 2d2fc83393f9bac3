"""Faces with blocks over them and with wrong pixels: the error on the clean pixels, by loss.

``python -m benchmarks.robust [--quick]``
"""

from __future__ import annotations

import warnings
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import imgnmf
from benchmarks.data import ORL
from benchmarks.report import write
from imgnmf.errors import ConvergenceWarning

SIZE, RANK, BLOCK = (56, 46), 25, 20


def with_blocks(V: NDArray[Any], share: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Put a white square over a share of the faces, and where it is."""
    rng = np.random.default_rng(0)
    hidden = np.zeros((*SIZE, V.shape[1]), bool)
    for image in rng.choice(V.shape[1], round(share * V.shape[1]), replace=False):
        y, x = (int(rng.integers(0, side - BLOCK + 1)) for side in SIZE)
        hidden[y : y + BLOCK, x : x + BLOCK, image] = True
    hidden = hidden.reshape(V.shape)
    return np.where(hidden, np.uint8(255), V), hidden


def with_wrong_pixels(V: NDArray[Any], share: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Salt and pepper."""
    rng = np.random.default_rng(0)
    hidden = rng.random(V.shape) < share
    return np.where(hidden, np.where(rng.random(V.shape) < 0.5, 255, 0), V).astype(np.uint8), hidden


def clean_error(V: NDArray[Any], damaged: NDArray[Any], hidden: NDArray[Any], **options: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = imgnmf.factorize(damaged, RANK, **options)
    residual = (fit.W @ fit.H - V)[~hidden]
    return float(np.linalg.norm(residual) / np.linalg.norm(V[~hidden].astype(np.float64)))


@click.command()
@click.option("--quick", is_flag=True, help="Fewer iterations.")
def main(quick: bool) -> None:
    V = imgnmf.load_images(ORL, size=SIZE).V
    steps = 50 if quick else 400
    damages = {f"blocks on {share:.0%}": with_blocks(V, share) for share in (0.1, 0.3, 0.5)}
    damages |= {f"salt and pepper, {share:.0%}": with_wrong_pixels(V, share) for share in (0.05, 0.1, 0.2)}
    rows = []
    for name, (damaged, hidden) in damages.items():
        row: dict[str, Any] = {"damage": name}
        for loss in ("frobenius", imgnmf.Huber(), imgnmf.LeastAbsolute(), "l21"):
            label = loss if isinstance(loss, str) else f"Huber, delta {loss.share:g} of the median"
            row[label] = clean_error(V, damaged, hidden, loss=loss, max_iter=steps)
        row["told where (weights)"] = clean_error(V, damaged, hidden, weights=~hidden, max_iter=steps)
        plain, best = row["frobenius"], min(value for key, value in row.items() if key.startswith(("Huber", "l21")))
        row["of the excess, gone"] = (plain - best) / (plain - row["told where (weights)"])
        rows.append(row)
    remarks = [
        f"400 ORL faces at {SIZE[0]} x {SIZE[1]}, k = {RANK}: relative error on the undamaged pixels of all faces",
        "'told where' knows the damaged pixels: no loss can be expected to be better, so what is to be gained is the "
        "excess over it; the last column is the share of that which the best robust loss takes away",
    ]
    write("robust", "python -m benchmarks.robust" + (" --quick" if quick else ""), rows, remarks)


if __name__ == "__main__":
    main()
