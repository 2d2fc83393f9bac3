"""From the rim of a hole into it: what lies there, or what a model missed there, carried on smoothly."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

from imgnmf.inpainting.pictures import Array

__all__ = ["biharmonic", "harmonic"]


def biharmonic(picture: Array, unknown: Array) -> Array:
    """Fill each channel of a picture (h, w, c) by the surface that bends least, as scikit-image does."""
    from skimage.restoration import inpaint_biharmonic

    filled = picture.copy()
    for channel in range(picture.shape[2]):
        hole = unknown[..., channel]
        if hole.any():
            # Its compiled loop takes no strides.
            filled[..., channel] = inpaint_biharmonic(np.ascontiguousarray(picture[..., channel]), hole.copy())
    return filled


def harmonic(picture: Array, unknown: Array) -> Array:
    """Fill each channel of a picture (h, w, c) by the membrane that is held at the rim: no value beyond the rim's.

    >>> row = np.array([[[0.0], [9.0], [9.0], [3.0]]])
    >>> harmonic(row, row == 9)[0, :, 0]
    array([0., 1., 2., 3.])
    """
    filled = picture.copy()
    grid = _neighbour_differences(*picture.shape[:2])
    for channel in range(picture.shape[2]):
        hole = unknown[..., channel].ravel()
        if hole.any():
            flat = picture[..., channel].ravel()
            rows = grid[hole]
            inside = spsolve(rows[:, hole].tocsc(), -(rows[:, ~hole] @ flat[~hole]))
            filled[..., channel][unknown[..., channel]] = inside
    return filled


def _neighbour_differences(height: int, width: int) -> sparse.csr_array:
    """The Laplacian of the pixel grid, free at its edges: the sum of the differences from the four neighbours."""
    return sparse.csr_array(
        sparse.kron(_chain(height), sparse.eye_array(width)) + sparse.kron(sparse.eye_array(height), _chain(width))
    )


def _chain(length: int) -> sparse.dia_array:
    ends = np.zeros(length)
    ends[0] += 1
    ends[-1] += 1
    off = -np.ones(length - 1)
    return sparse.diags_array([2 - ends, off, off], offsets=[0, 1, -1])
