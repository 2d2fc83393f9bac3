"""Symmetric NMF: groups of images, from how alike each two of them are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import numpy as np

from imgnmf.core.blocks import ColumnBlocks
from imgnmf.core.check import checked_count, checked_rank
from imgnmf.core.interrupts import better, cut_short, interruptible, own_best
from imgnmf.core.limits import Callback, Limits, Reached, limits_of, warn_if_cut_short
from imgnmf.core.parts import Array, inner
from imgnmf.core.result import History
from imgnmf.core.stopping import StoppingRule
from imgnmf.errors import DataError, ParameterError, ShapeMismatchError
from imgnmf.family.alternate import finished
from imgnmf.family.frame import Frame, framed
from imgnmf.family.kernels import symmetric_sweep
from imgnmf.family.result import FamilyFit
from imgnmf.validation import checked_rng

__all__ = ["affinity", "symmetric"]


@interruptible(own_best)
def symmetric(
    A: Any,
    rank: int,
    *,
    n_init: int = 5,
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 2000,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    callback: Callback | None = None,
) -> FamilyFit:
    """Find groups in an affinity of images: ``A ~ H' H`` with ``H >= 0`` (Kuang, Yun & Park 2015).

    ``H[:, i]`` says how much image `i` belongs to each group, `labels` to which it belongs most. Groups need not be
    round, as those of k-means must; what counts is the affinity, such as `imgnmf.family.affinity` makes. Each
    coefficient in turn is set to its exact minimum (Vandaele et al. 2016), so the objective
    ``|A - H' H|^2 / 2`` never rises.

    Parameters
    ----------
    A : array, shape (n_images, n_images), symmetric and non-negative
    rank : int
        k, the number of groups, at most ``n_images``.
    n_init : int
        Fit from so many random starts and keep the best.
    stop, max_iter, rng, callback
        As for `imgnmf.factorize`, for each start.
    time_limit : float, optional
        In seconds, for all starts together.

    Returns
    -------
    FamilyFit
        With ``W = H.T``.

    Raises
    ------
    ShapeMismatchError
        If A is not square.
    DataError
        If A holds NaN, infinite or negative values, is not symmetric, is sparse, or is zero everywhere.
    ParameterError
        If an option is out of bounds.
    Interrupted
        At Ctrl-C, with the best so far as its `best`, or None.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came while the fit was still visibly improving, or before a rule in `stop` held.

    Examples
    --------
    >>> import imgnmf
    >>> A = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 4.0]])
    >>> fit = imgnmf.family.symmetric(A, rank=2)
    >>> bool(fit.labels[0] == fit.labels[1] != fit.labels[2]), fit.relative_error < 1e-3
    (True, True)
    """
    limits = limits_of(stop, max_iter, time_limit, callback)
    streams = checked_rng(rng).spawn(checked_count("n_init", n_init, 1))
    with framed(A, 1, signed=False) as found:
        frame = _even(found)
        _check_symmetric(frame.blocks.data)
        rank = checked_rank(rank, frame.blocks.shape, beyond=False)
        best = _best(frame, rank, streams, limits)
    warn_if_cut_short(best, limits)
    return best


def _best(frame: Frame, rank: int, streams: Sequence[np.random.Generator], limits: Limits) -> FamilyFit:
    """The best of all starts; if interrupted, of those begun."""
    best: FamilyFit | None = None
    with interruptible(lambda unfinished: cut_short(better(best, unfinished))):
        for stream in streams:
            best = better(best, _fitted(frame, rank, stream, limits))
    return cast("FamilyFit", best)


def _fitted(frame: Frame, rank: int, rng: np.random.Generator, limits: Limits) -> FamilyFit:
    A = np.ascontiguousarray(frame.whole())
    # Random rows whose products have the mean of A (Kuang et al. 2015).
    descent = Descent(A, frame.energy, 2 * np.sqrt(A.mean() / rank) * rng.random((len(A), rank)))
    history = History(rounding=frame.rounding, reference=frame.energy / 2)
    begin = Reached(descent.rows.T, descent.rows.T)
    _, reason, converged = limits.follow(descent.iterates(), begin, frame, history)
    H = np.ascontiguousarray(descent.rows.T)
    went = (history, reason, converged)
    return finished(frame, H, H, went, member="symmetric", init="random", unit_in="both")


@dataclass
class Descent:
    """Rounds over all coefficients; `rows` are the best so far, an image a row."""

    A: Array
    energy: float
    rows: Array

    def iterates(self) -> Iterator[Reached]:
        """Improve `rows` forever; what a round gained is what the next one promises."""
        objective = self._objective(self.rows)
        for iteration in count(1):
            rows = self.rows.copy()
            symmetric_sweep(self.A, rows)
            after = self._objective(rows)
            gained = max(objective - after, 0.0)
            if after <= objective:
                self.rows, objective = rows, after
            yield Reached(self.rows.T, self.rows.T, objective, 2 * objective, gained, iteration)

    def _objective(self, rows: Array) -> float:
        gram = rows.T @ rows
        return max(self.energy - 2 * inner(self.A @ rows, rows) + inner(gram, gram), 0.0) / 2


def _even(frame: Frame) -> Frame:
    """The same in a unit that is the square of a power of two, which H can carry."""
    odd = frame.blocks.exponent % 2
    blocks = ColumnBlocks(frame.blocks.data, frame.blocks.dtype, frame.blocks.exponent + odd)
    return Frame(blocks, frame.dtype, frame.energy / 4**odd, frame.run)


def _check_symmetric(A: Array) -> None:
    if A.shape[0] != A.shape[1]:
        raise ShapeMismatchError(
            f"A must be the affinity of each two images, shape (n_images, n_images); got {A.shape}. "
            "imgnmf.family.affinity(V) makes one"
        )
    gap = np.abs(A.astype(np.float64) - A.T)
    if gap.max() > 1e-6 * A.max():
        row, column = (int(i) for i in np.unravel_index(gap.argmax(), gap.shape))
        raise DataError(
            f"A must be symmetric; A[{row}, {column}] = {A[row, column]} and A[{column}, {row}] = {A[column, row]}; "
            "pass (A + A.T) / 2 if that is meant"
        )


def _checked_neighbours(neighbours: int | None, n_images: int) -> int:
    if neighbours is None:
        return min(int(np.log2(n_images)) + 1, n_images - 1)
    if checked_count("neighbours", neighbours, 1) >= n_images:
        raise ParameterError(f"neighbours must be below the number of images, {n_images}, got {neighbours}")
    return neighbours


def affinity(V: Any, *, neighbours: int | None = None) -> Array:
    """How alike each two images are: a Gaussian of their distance between near neighbours, 0 between all others.

    The width is each image's own, the distance to its 7th neighbour (Zelnik-Manor & Perona 2004), so the unit of V
    does not matter; rows and columns are then divided by the root of their sums, so that a crowded group counts no more
    than a small one (Kuang, Yun & Park 2015).

    Parameters
    ----------
    V : array, shape (n_pixels, n_images)
        Of any sign, one image a column.
    neighbours : int, optional
        Two images are near if one is among so many nearest of the other; None for ``log2(n_images) + 1``.

    Returns
    -------
    array, shape (n_images, n_images), float64, symmetric, 0 to 1; zero on the diagonal

    Raises
    ------
    DataError
        If V holds NaN or infinite values, is sparse, is zero everywhere, or has a single image.
    ParameterError
        If `neighbours` is no whole number from 1 to ``n_images - 1``.

    Examples
    --------
    >>> A = affinity(np.array([[0.0, 1.0, 10.0, 11.0]]), neighbours=1)
    >>> A.round(3)
    array([[0., 1., 0., 0.],
           [1., 0., 0., 0.],
           [0., 0., 0., 1.],
           [0., 0., 1., 0.]])
    """
    from scipy.spatial.distance import cdist

    with framed(V, 1, signed=True) as frame:
        images = frame.whole().T
    n = len(images)
    if n < 2:
        raise DataError("an affinity needs two images or more, got one")
    near = _checked_neighbours(neighbours, n)
    distance = cdist(images, images)
    order = np.sort(distance, axis=1)
    width = order[:, min(7, n - 1)]
    both = np.outer(width, width)
    # Copies of an image are at distance 0 and of width 0: alike.
    exponent = np.divide(distance**2, both, out=np.where(distance > 0, np.inf, 0.0), where=both > 0)
    linked = distance <= order[:, near][:, None]
    A = np.where(linked | linked.T, np.exp(-exponent), 0.0)
    np.fill_diagonal(A, 0)
    root = np.sqrt(A.sum(axis=1))
    scale = 1 / np.where(root > 0, root, 1)
    return np.asarray(A * np.outer(scale, scale))
