"""Do the same parts come back? Bases of several starts, matched part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgnmf.core.measures import matched, unit_columns
from imgnmf.core.result import Factorization
from imgnmf.errors import ParameterError, ShapeMismatchError
from imgnmf.studies.prediction import FitOptions, quiet_fit

__all__ = ["ALIKE", "Consensus", "consensus", "stability"]

Array: TypeAlias = NDArray[Any]

# The cosine from which on two parts count as the same.
ALIKE = 0.9


@dataclass(frozen=True, eq=False)
class Consensus:
    """The parts that several runs agree on, the most reliable first.

    Attributes
    ----------
    parts : array, shape (n_pixels, rank)
        The mean of what the runs have for each part, every run's part scaled to length 1.
    held_by : array of int, shape (rank,)
        How many runs hold the part: have one whose cosine with that of the reference run is at least `alike`.
    cosines : array, shape (n_runs, rank)
        Of each run's part and the reference run's; 1 for the reference itself.
    reference : int
        The run that agrees best with all others.
    alike : float

    Examples
    --------
    >>> import imgnmf
    >>> V = imgnmf.load_dataset("digits").V[:, :200]
    >>> found = consensus([imgnmf.factorize(V, 3, init="random", rng=run) for run in range(4)])
    >>> found.n_runs, found.held_by.shape
    (4, (3,))
    """

    parts: Array
    held_by: Array
    cosines: Array
    reference: int
    alike: float

    @property
    def n_runs(self) -> int:
        """How many runs were compared."""
        return len(self.cosines)

    @property
    def reliability(self) -> Array:
        """The share of the runs that hold each part, 1 / n_runs to 1."""
        return self.held_by / self.n_runs


def consensus(fits: Sequence[Factorization], *, alike: float = ALIKE) -> Consensus:
    """Match the parts of several runs and say how many runs hold each.

    Parts are paired one to one (Kuhn 1955) with those of the run that agrees best with all others; matrices of
    k x k cosines, whatever the number of images is.

    Parameters
    ----------
    fits : sequence of Factorization
        At least two of the same images and one rank, say from different `rng` with ``init="random"``.
    alike : float, 0 to 1
        The cosine from which on two parts count as the same.

    Returns
    -------
    Consensus

    Raises
    ------
    ParameterError
        There are fewer than two fits, their ranks differ, or `alike` is out of bounds.
    ShapeMismatchError
        The fits are of images of different sizes.

    Examples
    --------
    >>> import imgnmf
    >>> V = np.kron(np.eye(2), np.ones((3, 4)))
    >>> found = consensus([imgnmf.factorize(V, 2, init="random", rng=run) for run in range(3)])
    >>> found.held_by.tolist(), found.parts.round(2).max(axis=0).tolist()
    ([3, 3], [0.58, 0.58])
    """
    _check_runs(fits, alike)
    bases = [fit.W.astype(np.float64) for fit in fits]
    agreement = _agreement(bases)
    reference = int(agreement.sum(axis=1).argmax())
    pairs = [matched(bases[reference], W) for W in bases]
    cosines = np.stack([pair.cosine for pair in pairs])
    # A part of zeros has the cosine 0 even with itself.
    cosines[reference] = bases[reference].any(axis=0)
    parts = np.mean([unit_columns(W[:, pair.partner]) for W, pair in zip(bases, pairs, strict=True)], axis=0)
    held_by = (cosines >= alike).sum(axis=0)
    order = np.lexsort((-cosines.mean(axis=0), -held_by))
    return Consensus(parts[:, order], held_by[order], cosines[:, order], reference, alike)


def stability(V: Array, ranks: Sequence[int], repeats: int, options: FitOptions, seed: int) -> Array:
    """Scores (repeats, ranks): how much each run's parts differ from those of the others, 0 = not at all.

    One minus the cosine of the worst matched part, in the mean over the other runs; all from random starts.
    """
    random = replace(options, init="random")
    scores = np.zeros((repeats, len(ranks)))
    for place, rank in enumerate(ranks):
        bases = [quiet_fit(V, rank, random, seed + run, run=f"-{run}").W for run in range(repeats)]
        worst = _agreement(bases, worst=True)
        scores[:, place] = 1 - worst.sum(axis=1) / (repeats - 1)
    return scores


def _agreement(bases: Sequence[Array], *, worst: bool = False) -> Array:
    """Mean (or worst) matched cosine of every two bases, 0 on the diagonal."""
    found = np.zeros((len(bases), len(bases)))
    for i, j in combinations(range(len(bases)), 2):
        cosine = matched(bases[i], bases[j]).cosine
        found[i, j] = found[j, i] = cosine.min() if worst else cosine.mean()
    return found


def _check_runs(fits: Sequence[Factorization], alike: float) -> None:
    if len(fits) < 2:
        raise ParameterError(f"a consensus needs at least two fits, got {len(fits)}; fit again with another rng")
    ranks, sizes = sorted({fit.rank for fit in fits}), sorted({fit.W.shape[0] for fit in fits})
    if len(ranks) > 1:
        raise ParameterError(f"the fits must have one rank, found {ranks}; parts of different ranks are no partners")
    if len(sizes) > 1:
        raise ShapeMismatchError(f"the fits must be of images of one size, found {sizes} pixels")
    if not 0 < alike <= 1:
        raise ParameterError(f"alike is a cosine above 0 and up to 1, got {alike!r}")
