"""Numbers about factors: error, sparseness, and how well two sets of parts agree."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imgnmf.core.part_measures import PartMeasures, part_measures
from imgnmf.core.parts import Array
from imgnmf.errors import ShapeMismatchError

__all__ = [
    "Matching",
    "PartMeasures",
    "image_errors",
    "matched",
    "part_measures",
    "parts_found",
    "relative_error",
    "sparseness",
]


class Matching(NamedTuple):
    """The partner of each part, and the cosine between the two; partners are all different."""

    partner: Array
    cosine: Array


def relative_error(V: Array, model: Array) -> float:
    """``|V - model| / |V|``; 0 where both are zero.

    >>> relative_error(np.array([[3.0, 4.0]]), np.array([[3.0, 0.0]]))
    0.8
    """
    size, gap = np.linalg.norm(V), np.linalg.norm(np.asarray(V, np.float64) - model)
    return float(gap / size) if size > 0 else float(gap > 0)


def image_errors(V: Array, model: Array, weights: Array | None = None) -> Array:
    """``|v - model| / |v|`` of each column, entries counted by their weights; 0 where both are zero.

    An image that is far worse than the others is not made of these parts.

    >>> image_errors(np.array([[3.0, 0.0], [4.0, 0.0]]), np.array([[3.0, 1.0], [0.0, 0.0]])).round(6)
    array([0.8, 1. ])
    """
    wide, count = np.asarray(V, np.float64), 1.0 if weights is None else weights
    size, gap = (np.sqrt((count * a**2).sum(axis=0)) for a in (wide, wide - model))
    return np.asarray(np.where(size > 0, gap / np.where(size > 0, size, 1), gap > 0), np.float64)


def sparseness(W: Array) -> Array:
    """Hoyer's sparseness of each column, ``(sqrt(m) - |w|_1 / |w|_2) / (sqrt(m) - 1)`` (Hoyer 2004, sec. 3.1).

    0 for a flat column, 1 for one that has a single entry, or none.

    >>> sparseness(np.array([[1.0, 0.0], [1.0, 5.0]])).round(6)
    array([0., 1.])
    """
    root = np.sqrt(W.shape[0])
    length = np.linalg.norm(W, axis=0)
    ratio = np.abs(W).sum(axis=0) / np.where(length > 0, length, 1)
    return np.asarray(
        np.clip((root - np.where(length > 0, ratio, 1)) / max(root - 1, np.finfo(float).tiny), 0, 1) + 0.0
    )


def matched(W_a: Array, W_b: Array) -> Matching:
    """Pair the columns of two bases one to one so that the cosines add up to the most (Kuhn 1955).

    Parameters
    ----------
    W_a : array, shape (n_pixels, k)
    W_b : array, shape (n_pixels, at least k)

    Returns
    -------
    Matching
        For each column of `W_a`.

    Examples
    --------
    >>> matched(np.eye(2), np.eye(2)[:, ::-1]).partner
    array([1, 0])
    """
    from scipy.optimize import linear_sum_assignment

    if W_a.shape[0] != W_b.shape[0] or W_a.shape[1] > W_b.shape[1]:
        raise ShapeMismatchError(f"cannot pair each column of {W_a.shape} with one of {W_b.shape}")
    cosines = unit_columns(W_a).T @ unit_columns(W_b)
    rows, partner = linear_sum_assignment(-cosines)
    return Matching(partner, cosines[rows, partner])


def parts_found(W: Array, masks: Array) -> Array:
    """The best cosine between each known part and any column of `W`.

    Parameters
    ----------
    W : array, shape (n_pixels, rank)
    masks : array, shape (n_parts, height, width)

    Returns
    -------
    array, shape (n_parts,), 0 to 1

    Examples
    --------
    >>> masks = np.array([[[1, 1, 0]], [[0, 0, 1]]], bool)
    >>> parts_found(np.array([[1.0], [1.0], [0.0]]), masks).round(6)
    array([1., 0.])
    """
    flat = np.asarray(masks, np.float64).reshape(len(masks), -1).T
    if flat.shape[0] != W.shape[0]:
        raise ShapeMismatchError(f"the masks have {flat.shape[0]} pixels, the parts {W.shape[0]}")
    return np.asarray((unit_columns(flat).T @ unit_columns(W)).max(axis=1))


def unit_columns(W: Array) -> Array:
    """The columns scaled to length 1, in float64; a column of zeros stays.

    >>> unit_columns(np.array([[3.0, 0.0], [4.0, 0.0]]))
    array([[0.6, 0. ],
           [0.8, 0. ]])
    """
    length = np.linalg.norm(W, axis=0)
    return np.asarray(W / np.where(length > 0, length, 1), np.float64)
