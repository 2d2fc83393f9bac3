"""Do the same parts come back? Bases of several starts, matched part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgnmf.core.measures import Matching, matched, unit_columns
from imgnmf.core.result import Factorization
from imgnmf.errors import ParameterError, ShapeMismatchError
from imgnmf.studies.prediction import EachFit, quiet_fit
from imgnmf.validation import checked_items, checked_number

__all__ = ["DISTINCT", "Consensus", "consensus", "silhouettes", "stability"]

Array: TypeAlias = NDArray[Any]

# The cosine from which on two parts count as the same.
ALIKE = 0.9
# A silhouette up to this says "no substantial structure" (Kaufman & Rousseeuw 1990, table 4).
DISTINCT = 0.25


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
    reference, pairs = _paired(bases)
    cosines = np.stack([pair.cosine for pair in pairs])
    # A part of zeros has the cosine 0 even with itself.
    cosines[reference] = bases[reference].any(axis=0)
    parts = _in_one_order(bases, pairs).mean(axis=0)
    held_by = (cosines >= alike).sum(axis=0)
    order = np.lexsort((-cosines.mean(axis=0), -held_by))
    return Consensus(parts[:, order], held_by[order], cosines[:, order], reference, alike)


def stability(V: Array, ranks: Sequence[int], scores: Array, options: EachFit, seed: int) -> None:
    """Fill in the scores (repeats, ranks): how little the part that comes back worst does so, 0 = it always does.

    Each run draws the images with replacement (Efron 1979) and starts at random: with few parts, all starts may find
    the same copy of the noise, but not in other images. The score is one minus the silhouette of that part in the run.
    """
    random = replace(options, init="random")
    drawn = [np.random.default_rng([seed, run]).integers(0, V.shape[1], V.shape[1]) for run in range(len(scores))]
    for place, rank in enumerate(ranks):
        bases = [quiet_fit(V[:, images], rank, random, seed + run, run=f"-{run}").W for run, images in enumerate(drawn)]
        found = silhouettes(_in_one_order(bases, _paired(bases)[1]))
        scores[:, place] = 1 - found[:, found.mean(axis=0).argmin()]


def silhouettes(parts: Array) -> Array:
    """Of each run's parts, how much nearer each is to its partners than to any other part, -1 to 1 (Rousseeuw 1987).

    Parameters
    ----------
    parts : array, shape (n_runs, n_pixels, rank)
        Columns of length 1 or 0, in one order. They are 1 minus their cosine apart.

    Returns
    -------
    array, shape (n_runs, rank)
        0 for a part that is as near to others; ones where there is no other part.

    Examples
    --------
    >>> silhouettes(np.stack([np.eye(2), np.eye(2)])).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    n_runs, _, rank = parts.shape
    if rank == 1:
        return np.ones((n_runs, 1))
    flat = parts.transpose(0, 2, 1).reshape(n_runs * rank, -1)
    apart = np.maximum(1 - flat @ flat.T, 0).reshape(n_runs, rank, n_runs, rank)
    from_others = apart.mean(axis=2)
    np.einsum("rii->ri", from_others)[...] = np.inf
    nearest = from_others.min(axis=2)
    own = (np.einsum("risi->ri", apart) - np.einsum("riri->ri", apart)) / (n_runs - 1)
    return np.asarray((nearest - own) / np.maximum(np.maximum(nearest, own), np.finfo(float).tiny))


def _paired(bases: Sequence[Array]) -> tuple[int, list[Matching]]:
    """The basis that agrees best with all others, and each one's partners of its parts."""
    agreement = np.zeros((len(bases), len(bases)))
    for i, j in combinations(range(len(bases)), 2):
        agreement[i, j] = agreement[j, i] = matched(bases[i], bases[j]).cosine.mean()
    reference = int(agreement.sum(axis=1).argmax())
    return reference, [matched(bases[reference], W) for W in bases]


def _in_one_order(bases: Sequence[Array], pairs: Sequence[Matching]) -> Array:
    """The paired parts (n_runs, n_pixels, rank), each of length 1."""
    return np.stack([unit_columns(W[:, pair.partner]) for W, pair in zip(bases, pairs, strict=True)])


def _check_runs(fits: Sequence[Factorization], alike: float) -> None:
    if not all(hasattr(fit, "W") and hasattr(fit, "rank") for fit in checked_items("fits", fits, "consensus([a, b])")):
        raise ParameterError(f"fits must be what factorize gives, got {fits!r}")
    if len(fits) < 2:
        raise ParameterError(f"a consensus needs at least two fits, got {len(fits)}; fit again with another rng")
    ranks, sizes = sorted({fit.rank for fit in fits}), sorted({fit.W.shape[0] for fit in fits})
    if len(ranks) > 1:
        raise ParameterError(f"the fits must have one rank, found {ranks}; parts of different ranks are no partners")
    if len(sizes) > 1:
        raise ShapeMismatchError(f"the fits must be of images of one size, found {sizes} pixels")
    checked_number("alike", alike, "a cosine above 0 and up to 1", above=0, most=1)
