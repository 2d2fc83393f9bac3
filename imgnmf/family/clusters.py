"""Cluster centres of the images: a start for the members whose coefficients are soft memberships."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.cluster.vq import kmeans2

from imgnmf.core.blocks import ColumnBlocks
from imgnmf.core.extremes import columns
from imgnmf.core.parts import Array

__all__ = ["clustered"]

# So many images are enough to tell where clusters lie; the rest join the nearest one later.
IMAGES = 2000


def clustered(blocks: ColumnBlocks, rank: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """k-means of some images from a k-means++ start (Arthur & Vassilvitskii 2007).

    Returns
    -------
    drawn : array of int
        Which images took part.
    labels : array of int, shape (len(drawn),)
        The cluster of each; every one of the `rank` clusters has an image.
    centres : array, shape (rank, n_pixels)
        The means of the clusters, scaled as blocks are.

    Examples
    --------
    >>> blocks = ColumnBlocks(np.array([[0.0, 0.5, 5.0]]), np.dtype(np.float64))
    >>> _, labels, centres = clustered(blocks, 2, np.random.default_rng(0))
    >>> bool(labels[0] == labels[1] != labels[2]), np.sort(centres.ravel())
    (True, array([0.25, 5.  ]))
    """
    n = blocks.shape[1]
    drawn = np.arange(n) if n <= IMAGES else np.sort(rng.choice(n, IMAGES, replace=False))
    points = columns(blocks, drawn).T
    first = _spread_points(points, rank, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an empty cluster, which gets an image below
        centres, labels = kmeans2(points, first, iter=30, minit="matrix")
    labels = _all_used(points, centres, labels, rank)
    return drawn, labels, np.stack([points[labels == part].mean(axis=0) for part in range(rank)])


def _spread_points(points: Array, rank: int, rng: np.random.Generator) -> Array:
    """k-means++: each next centre is drawn with a chance that grows as its squared distance from those before."""
    chosen = [int(rng.integers(len(points)))]
    far = np.full(len(points), np.inf)
    for _ in range(rank - 1):
        far = np.minimum(far, np.square(points - points[chosen[-1]]).sum(axis=1))
        total = far.sum()
        chosen.append(int(rng.choice(len(points), p=far / total) if total > 0 else rng.integers(len(points))))
    return points[chosen]


def _all_used(points: Array, centres: Array, labels: Array, rank: int) -> Array:
    """An empty cluster gets the image that is farthest from its own centre, out of a cluster that keeps others."""
    labels = labels.copy()
    far = np.square(points - centres[labels]).sum(axis=1)
    for empty in np.setdiff1d(np.arange(rank), labels):
        spare = np.bincount(labels, minlength=rank)[labels] > 1
        moved = int(np.where(spare, far, -1).argmax())
        labels[moved], far[moved] = empty, 0
    return labels
