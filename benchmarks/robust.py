"""Blocks over images, and wrong pixels: the error on the clean pixels, by loss, and with the blocks found.

``python -m benchmarks.robust [--quick]``
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import imgnmf
from benchmarks.data import ORL
from benchmarks.report import write
from imgnmf.errors import ConvergenceWarning, DataWarning

RANK = 25
LOSSES = {
    "frobenius": "frobenius",
    "Huber": imgnmf.Huber(),
    "L1": imgnmf.LeastAbsolute(),
    "L21": "l21",
}
SHARE_OF_SIDE = 0.43
Array = NDArray[Any]


@dataclass(frozen=True)
class Damaged:
    """Images (n, h, w), damaged, and where."""

    name: str
    clean: Array
    images: Array
    hidden: Array

    @property
    def V(self) -> Array:
        """Of the damaged images."""
        return self.images.reshape(len(self.images), -1).T

    def errors(self, product: Array) -> tuple[float, float]:
        """Relative, over the undamaged pixels of all images, and of those with a block."""
        away, touched = ~self.hidden, self.hidden.any(axis=(1, 2))
        model = product.T.reshape(self.clean.shape)
        return tuple(
            float(np.linalg.norm((model - self.clean)[where]) / np.linalg.norm(self.clean[where].astype(np.float64)))
            for where in (away, away & touched[:, None, None])
        )  # type: ignore[return-value]


def with_blocks(images: Array, share: float, fill: Callable[[np.random.Generator, int], Any]) -> tuple[Array, Array]:
    """Put a square over a share of the images."""
    rng = np.random.default_rng(0)
    damaged, hidden = images.copy(), np.zeros(images.shape, bool)
    side = round(SHARE_OF_SIDE * min(images.shape[1:]))
    for number in rng.choice(len(images), round(share * len(images)), replace=False):
        y, x = (int(rng.integers(0, length - side + 1)) for length in images.shape[1:])
        hidden[number, y : y + side, x : x + side] = True
        damaged[number, y : y + side, x : x + side] = fill(rng, side)
    return damaged, hidden


def with_wrong_pixels(images: Array, share: float, white: float) -> tuple[Array, Array]:
    """Salt and pepper."""
    rng = np.random.default_rng(0)
    hidden = rng.random(images.shape) < share
    return np.where(hidden, np.where(rng.random(images.shape) < 0.5, white, 0), images).astype(images.dtype), hidden


def damages() -> Iterator[Damaged]:
    """On faces of which there are ten of a person, then on faces of as many people."""
    sets: dict[str, tuple[Array, float]] = {
        "orl": (imgnmf.load_images(ORL, size=(56, 46)).pixels, 255),
        "lfw-faces": (imgnmf.load_dataset("lfw-faces").pixels, 1.0),
    }
    for name, (images, white) in sets.items():
        fills: dict[str, Callable[[np.random.Generator, int], Any]] = {
            "white": lambda rng, side, white=white: white,
            "black": lambda rng, side: 0,
            "textured": lambda rng, side, white=white: white * rng.random((side, side)),
        }
        cases = [("white", 0.1), ("white", 0.3), ("white", 0.5), ("black", 0.3), ("textured", 0.3)]
        for fill, share in cases if name == "orl" else cases[1:2] + cases[3:]:
            yield Damaged(f"{name}, {fill} blocks on {share:.0%}", images, *with_blocks(images, share, fills[fill]))
        for share in (0.05, 0.1, 0.2) if name == "orl" else ():
            yield Damaged(f"{name}, salt and pepper {share:.0%}", images, *with_wrong_pixels(images, share, white))


def row_of(damaged: Damaged, steps: int) -> dict[str, Any]:
    """One line of the table."""

    def errors(**options: Any) -> tuple[float, float]:
        fit = imgnmf.factorize(damaged.V, RANK, max_iter=steps, **options)
        return damaged.errors(fit.reconstruct())

    found = imgnmf.find_occlusions(damaged.images, RANK, max_iter=steps)
    by = {label: errors(loss=loss) for label, loss in LOSSES.items()}
    by["found"] = damaged.errors(found.fit.reconstruct())
    by["told"] = errors(weights=~damaged.hidden.reshape(len(damaged.images), -1).T)
    hit = (found.masks & damaged.hidden).sum()
    robust = min(by["Huber"][0], by["L1"][0], by["L21"][0])
    return {
        "damage": damaged.name,
        **{label: error for label, (error, _touched) in by.items()},
        "gone: loss": _gone(by["frobenius"][0], robust, by["told"][0]),
        "gone: found": _gone(by["frobenius"][0], by["found"][0], by["told"][0]),
        "touched: frobenius": by["frobenius"][1],
        "touched: found": by["found"][1],
        "touched: told": by["told"][1],
        "recall": float(hit / damaged.hidden.sum()),
        "precision": float(hit / max(found.masks.sum(), 1)),
    }


def _gone(plain: float, better: float, told: float) -> float:
    return (plain - better) / (plain - told)


def undamaged(steps: int) -> str:
    """What the search costs where there is nothing to find."""
    images = imgnmf.load_images(ORL, size=(56, 46))
    found = imgnmf.find_occlusions(images, RANK, max_iter=steps)
    plain = imgnmf.factorize(images.V, RANK, max_iter=steps)
    length = np.linalg.norm(images.V.astype(float))
    errors = [np.linalg.norm(fit.reconstruct() - images.V) / length for fit in (plain, found.fit)]
    return (
        f"undamaged ORL faces: {(~found.seen).mean():.2%} of the pixels taken for damaged, in "
        f"{found.masks.any(axis=(1, 2)).sum()} of {len(images)} images, relative error "
        f"{errors[0]:.4f} without and {errors[1]:.4f} with the search"
    )


def elsewhere() -> str:
    """How well blocks are found on people that were not in the set."""
    images = imgnmf.load_images(ORL, size=(56, 46)).pixels
    damaged, hidden = with_blocks(images, 0.3, lambda rng, side: 0)
    found = imgnmf.find_occlusions(damaged[:320], RANK).find_in(damaged[320:])
    masks, true = ~found.T.reshape(80, *images.shape[1:]), hidden[320:]
    hit = (masks & true).sum()
    return (
        "black blocks on 30% of 80 faces of 8 people, by parts of 32 others, these with blocks too: recall "
        f"{hit / true.sum():.3f}, precision {hit / masks.sum():.3f}"
    )


@click.command()
@click.option("--quick", is_flag=True, help="Fewer iterations.")
def main(quick: bool) -> None:
    steps = 50 if quick else 400
    with warnings.catch_warnings():
        for kind in (ConvergenceWarning, DataWarning):
            warnings.simplefilter("ignore", kind)
        rows = [row_of(damaged, steps) for damaged in damages()]
        further = [undamaged(steps), elsewhere()]
    remarks = [
        f"k = {RANK}, 400 ORL faces at 56 x 46 and 100 LFW faces at 25 x 25; a block covers {SHARE_OF_SIDE:.0%} of the "
        "shorter side in both directions; relative error on the undamaged pixels of all images",
        "'told' has the damaged pixels as weights: less than its error no method can be expected to reach with as many "
        "parts, so what is to be gained is the excess over it; 'gone' is the share of that which is taken away, "
        "by the best of Huber, L1 and L21, and by 'found'; 'touched' are the errors of the images with damage alone",
        "'found' is the fit of find_occlusions with its defaults, its ridge included",
        *further,
    ]
    write("robust", "python -m benchmarks.robust" + (" --quick" if quick else ""), rows, remarks)


if __name__ == "__main__":
    main()
