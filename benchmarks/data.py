"""The matrices that the benchmarks run on: real images where they are to be had, in the dtype they come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import imgnmf

__all__ = ["CASES", "Case", "case"]

ORL = Path(__file__).resolve().parents[2] / "shared" / "data" / "orl_faces"


@dataclass(frozen=True)
class Case:
    """A named matrix (n_pixels, n_images) and the rank to factor it at; `load` gives None where it cannot be had."""

    name: str
    rank: int
    load: Callable[[], NDArray[Any] | None]


def lfw() -> NDArray[Any]:
    return imgnmf.load_dataset("lfw-faces").V


def orl(size: tuple[int, int] | None = None) -> NDArray[Any] | None:
    return imgnmf.load_images(ORL, size=size).V if ORL.is_dir() else None


def digits() -> NDArray[Any]:
    return imgnmf.load_dataset("digits").V.astype(np.uint8)


def patches(side: int, count: int) -> NDArray[Any]:
    return imgnmf.load_dataset("patches", patch_size=(side, side), n_patches=count, rng=0).V


def low_rank(m: int, n: int, rank: int) -> NDArray[Any]:
    rng = np.random.default_rng(0)
    W = rng.gamma(1.0, size=(m, rank)) * (rng.random((m, rank)) < 0.3)
    H = rng.gamma(1.0, size=(rank, n)) * (rng.random((rank, n)) < 0.3)
    return (W @ H + 0.2 * rng.random((m, n))).astype(np.float32)


CASES = (
    Case("lfw-faces 25x25", 25, lfw),
    Case("orl 56x46", 49, lambda: orl((56, 46))),
    Case("orl 112x92", 49, orl),
    Case("digits 8x8", 32, digits),
    Case("patches 12x12, 20 000", 49, lambda: patches(12, 20_000)),
    Case("patches 8x8, 100 000", 49, lambda: patches(8, 100_000)),
    Case("patches 8x8, 200 000", 49, lambda: patches(8, 200_000)),
    Case("low rank 400x3000", 30, lambda: low_rank(400, 3000, 30)),
)


def case(name: str) -> Case:
    """The case whose name starts so."""
    return next(c for c in CASES if c.name.startswith(name))
