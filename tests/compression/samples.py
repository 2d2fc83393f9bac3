"""Small sets that have parts."""

from __future__ import annotations

import numpy as np

import imgnmf


def faces():
    """A hundred real faces of 25 x 25, 8-bit."""
    images = imgnmf.load_dataset("lfw-faces")
    return imgnmf.ImageSet(np.rint(255 * images.pixels).astype(np.uint8), images.names)


def made_of_parts(n=40, shape=(8, 6), rank=4, seed=0):
    rng = np.random.default_rng(seed)
    parts = rng.random((rank, *shape)) * (rng.random((rank, *shape)) > 0.5)
    pixels = np.tensordot(rng.random((n, rank)) * (rng.random((n, rank)) > 0.3), parts, 1)
    return imgnmf.ImageSet(np.rint(pixels * (255 / pixels.max())).astype(np.uint8))


def picture(shape=(45, 53, 3)):
    rows, columns = np.indices(shape[:2])
    waves = np.sin(rows / 7)[..., None] + np.cos(columns / 5)[..., None] * np.arange(1, shape[2] + 1)
    return imgnmf.ImageSet(np.rint(127 + 30 * waves).clip(0, 255).astype(np.uint8)[None])
