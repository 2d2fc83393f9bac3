"""Separable NMF: the parts are images of the set, and all others are mixtures of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from imgnmf.core.blocks import ColumnBlocks
from imgnmf.core.check import checked_choice, checked_rank
from imgnmf.core.constraints import Simplex
from imgnmf.core.encode import exact_coefficients
from imgnmf.core.extremes import column_energies, columns, successive_projection
from imgnmf.core.interrupts import interruptible, own_best
from imgnmf.core.parts import Array
from imgnmf.core.penalties import NO_PENALTY
from imgnmf.core.result import History
from imgnmf.errors import ParameterError
from imgnmf.family.alternate import finished
from imgnmf.family.frame import Frame, coefficients, framed
from imgnmf.family.result import FamilyFit
from imgnmf.validation import check_flag

__all__ = ["Method", "extreme_images", "separable"]

Method = Literal["spa", "snpa"]


@interruptible(own_best)
def separable(
    V: Any,
    rank: int,
    *,
    method: Method = "snpa",
    unit_sum: bool = False,
    threads: int | None = None,
) -> FamilyFit:
    """Find the images that all others are mixtures of: ``V ~ V[:, chosen] H`` with ``H >= 0``.

    The image with the largest residual is picked, again and again: outside the span of those before ("spa", Gillis &
    Vavasis 2014, alg. 1), or outside their convex hull with 0 ("snpa", Gillis 2014, alg. 2). Both find the parts
    exactly where every image is a mixture with a sum of at most 1, and nearly so with noise; SNPA bears more noise, and
    also finds more parts than V has dimensions. Nothing is random.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
    rank : int
        k, at most ``min(n_pixels, n_images)`` for "spa", ``n_images`` for "snpa".
    method : {"snpa", "spa"}
    unit_sum : bool
        Judge every image scaled to a sum of 1: for images of the same things under light of different strength. It
        makes much of the noise in dark images.
    threads : int, optional

    Returns
    -------
    FamilyFit
        `chosen` are the images picked, in that order, ``W = V[:, chosen]``, and H is exact non-negative least squares.
        The trace has a row for each pick: what is left outside the span ("spa") or the hull ("snpa") of those so far.

    Raises
    ------
    DataError
        If V holds NaN, infinite or negative values, is sparse, or is zero everywhere.
    ParameterError
        If an option is out of bounds, or fewer images than `rank` explain all others.
    Interrupted
        At Ctrl-C, with the best so far as its `best`, or None.

    Examples
    --------
    >>> import imgnmf
    >>> V = np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
    >>> fit = imgnmf.family.separable(V, rank=2)
    >>> fit.chosen, fit.relative_error < 1e-9
    (array([0, 2]), True)
    """
    started = time.perf_counter()
    checked_choice("method", method, ("spa", "snpa"))
    with framed(V, threads, signed=False) as frame:
        n_images = frame.blocks.shape[1]
        bound = (n_images, n_images) if method == "snpa" else frame.blocks.shape
        rank = checked_rank(rank, bound, beyond=False)
        chosen, history = extreme_images(frame, rank, method, unit_sum=unit_sum, started=started)
        shares = np.zeros((n_images, rank))
        shares[chosen, np.arange(rank)] = 1
        went = (history, f"{rank} images were picked", True)
        W = columns(frame.blocks, np.array(chosen)).T
        return finished(frame, W, None, went, member="separable", init=method, shares=shares)


def extreme_images(
    frame: Frame, rank: int, method: Method, *, unit_sum: bool, started: float
) -> tuple[list[int], History]:
    """The images picked, and how much was left after each pick."""
    check_flag("unit_sum", unit_sum)
    judged = _unit_sums(frame) if unit_sum else frame
    chosen: list[int] = []
    history = History(rounding=judged.rounding, reference=judged.energy / 2)
    if method == "spa":
        chosen, energies = successive_projection(judged.blocks, rank, judged.run)
        picks: Any = zip(chosen, energies[:-1], energies[1:], strict=True)
    else:
        picks = _outside_hull(judged, rank)
    for place, (pick, before, left) in enumerate(picks):
        # What rounding leaves of a picked image is about 1e-16 of its energy.
        if before <= 1e-14 * judged.energy:
            raise ParameterError(
                f"all images are {'sums' if method == 'spa' else 'mixtures'} of {place} of them, so there are not "
                f"{rank} to pick: lower rank to {place}" + ("; or pick by SNPA" if method == "spa" else "")
            )
        history.seconds.append(time.perf_counter() - started)
        history.objective.append(left / 2)
        history.relative_error.append(float(np.sqrt(left / judged.energy)))
        history.predicted_decrease.append(np.nan)
        chosen = chosen if method == "spa" else [*chosen, pick]
    return chosen, history


def _outside_hull(frame: Frame, rank: int) -> Iterator[tuple[int, float, float]]:
    """The image farthest from the convex hull of those before and 0; what was left before, and what after."""
    left = first = column_energies(frame.blocks, frame.run)
    picked = np.zeros((0, frame.blocks.shape[0]))
    for _ in range(rank):
        before = float(left.sum())
        # Of equally far ones the brightest.
        near = left >= left.max() * (1 - 1e-9)
        pick = int(np.where(near, first, -1).argmax())
        picked = np.vstack([picked, columns(frame.blocks, np.array([pick])).T])
        left = _left_outside(frame, picked)
        yield pick, before, float(left.sum())


def _left_outside(frame: Frame, corners: Array) -> Array:
    """Squared distance of each image from the hull of the corners and 0: the nearest mixture with a sum of up to 1."""
    H = coefficients(frame, corners)
    # Where the nearest point of the cone lies beyond the hull, the nearest of the hull has a sum of 1.
    beyond = np.flatnonzero(H.sum(axis=0) > 1)
    if len(beyond):
        some = replace(frame.blocks, data=frame.blocks.data[:, beyond])
        H[:, beyond] = exact_coefficients(corners, some, frame.loss, NO_PENALTY, frame.run, Simplex())

    def missed(span: slice) -> Array:
        gap = frame.blocks.load(span) - corners.T @ H[:, span]
        return np.asarray(np.einsum("ij,ij->j", gap, gap))

    return np.concatenate(list(frame.run(missed, frame.blocks.spans)))


def _unit_sums(frame: Frame) -> Frame:
    whole = frame.whole()
    total = whole.sum(axis=0)
    scaled = whole / np.where(total > 0, total, 1)
    return Frame(ColumnBlocks(scaled, np.dtype(np.float64)), frame.dtype, float(np.square(scaled).sum()), frame.run)
