"""Which k the images support: four ways to ask, one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from imgnmf.core.check import as_data, checked_choice, checked_count, checked_values
from imgnmf.core.choices import LossLike, as_loss
from imgnmf.core.interrupts import interruptible, own_best
from imgnmf.core.loading import loaded
from imgnmf.core.progress import Shelf, opened_shelf
from imgnmf.errors import DataError, ParameterError
from imgnmf.studies.plain import in_full, in_good_unit
from imgnmf.studies.prediction import MOST_FOLDS, EachFit, bi_cross_validation, held_out_entries, quiet_fit
from imgnmf.studies.ranks import checked_ranks
from imgnmf.studies.stability import DISTINCT, stability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Method", "RankChoice", "choose_rank"]

Array: TypeAlias = NDArray[Any]
Method = Literal["held-out", "bi-cross-validation", "stability", "elbow"]


@dataclass(frozen=True, eq=False)
class RankChoice:
    """What a study of ranks advises, and what it rests on.

    Attributes
    ----------
    rank : int
        The advice.
    method : str
    ranks : tuple of int
        What was tried, rising.
    scores : array, shape (repeats, n_ranks)
        One row a repeat, the smaller the better; what they measure, `meaning` says.
    plausible : tuple of int
        The ranks that the scores cannot tell from the best.

    Examples
    --------
    >>> choice = RankChoice(2, "held-out", (1, 2, 3), np.array([[0.5, 0.2, 0.3], [0.5, 0.3, 0.3]]), (2, 3))
    >>> choice.curve.tolist(), choice.standard_error.round(3).tolist()
    ([0.5, 0.25, 0.3], [0.0, 0.05, 0.0])
    """

    rank: int
    method: Method
    ranks: tuple[int, ...]
    scores: Array
    plausible: tuple[int, ...]

    @property
    def curve(self) -> Array:
        """The mean score of each rank, shape (n_ranks,)."""
        return np.asarray(self.scores.mean(axis=0))

    @property
    def standard_error(self) -> Array:
        """Of each mean, shape (n_ranks,); NaN for a single repeat."""
        return _error(self.scores) if len(self.scores) > 1 else np.full(len(self.ranks), np.nan)

    @property
    def meaning(self) -> str:
        """What a score is, in words."""
        return MEANINGS[self.method]

    @property
    def advice(self) -> str:
        """One sentence: which k, how sure, and what to do if the range was too narrow."""
        return f"k = {self.rank}: {self._reason()}{self._at_an_end()}."

    def figure(self) -> Figure:
        """Draw the scores against the rank, with their standard errors and the advice."""
        from imgnmf.studies.drawn import figure_of_choice

        return figure_of_choice(self)

    def _reason(self) -> str:
        repeats = len(self.scores)
        if self.method == "elbow":
            return "the bend of the error curve, by eye; an error on seen entries cannot tell how sure that is"
        others = [k for k in self.plausible if k != self.rank]
        doubt = (
            f"k = {_listed(others)} cannot be told apart within one standard error"
            if others
            else "no other rank is within one standard error"
        )
        return f"{self._why()}; {repeats} repeats, {doubt}"

    def _why(self) -> str:
        if self.method == "stability" and self.curve[self.ranks.index(self.rank)] > 1 - DISTINCT:
            return "no rank tried has parts that all come back from other draws of the images, these do best"
        return REASONS[self.method]

    def _at_an_end(self) -> str:
        if len(self.ranks) > 1 and self.rank == self.ranks[-1]:
            return ", but it is the largest that was tried: try larger ones"
        return ""


@interruptible(own_best)
def choose_rank(
    V: Any,
    ranks: Iterable[int],
    *,
    method: Method = "held-out",
    loss: LossLike = "frobenius",
    repeats: int = 5,
    max_iter: int = 300,
    rng: int = 0,
    threads: int | None = None,
    checkpoint: Shelf | None = None,
    resume: bool = False,
) -> RankChoice:
    """Ask the images how many parts they support.

    The error on the images that were fitted falls with every part that is added, so it cannot answer. Three methods
    ask for something that noise cannot give, and the elbow is there for comparison:

    - "held-out": a tenth of the entries gets the weight 0; the parts of a good rank predict them (Wold 1978).
    - "bi-cross-validation": a block of pixels and images is predicted from the rest (Owen & Perry 2009).
    - "stability": other images of the same kind and other starts lead to the same parts.
    - "elbow": the rank farthest below the line between the ends of the error curve; no repeats.

    Hidden numbers choose the smallest rank that is within one standard error of the best (Hastie et al. 2009, sec.
    7.10); stability the largest all of whose parts come back: even the worst is clearly nearer to its partners in the
    other runs than to any other part, with a silhouette (Rousseeuw 1987) of 0.25 at least.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        One image a column. What lies in a store, `open_images(path).V` say, is read by blocks for "elbow"; the
        others load it, or refuse what does not fit in memory.
    ranks : iterable of int
        At most ``min(n_pixels, n_images)``; half of that for bi-cross-validation.
    method : str
        As above.
    loss : "frobenius", "kullback-leibler", "itakura-saito" or Loss
        What is minimised, and what hidden entries are judged by.
    repeats : int
        At least 2, at most 10 for "held-out".
    max_iter : int
        Of each of the ``repeats * len(ranks)`` fits.
    rng : int
        Decides what is hidden or drawn, and the starts.
    threads : int, optional
        None for one a processor.
    checkpoint : `imgnmf.CheckpointFolder`, optional
        A folder to keep the progress of every fit in.
    resume : bool
        Go on with the fits that are there: those that ended are kept, one that was interrupted is gone on with, and
        the result is the same to the last bit.

    Returns
    -------
    RankChoice
        ``choice.rank``, ``choice.curve``, ``choice.advice``, ``choice.figure()``.

    Raises
    ------
    ParameterError
        There is no rank, one is out of bounds, or an option is.
    DataError
        V holds NaN, infinite or negative values.
    Interrupted
        At Ctrl-C, with the choice by the repeats that were done as its `best` (at least two; for "stability" and
        "elbow" by the ranks that were done), or None.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> V = rng.random((40, 3)) @ rng.random((3, 60)) + 0.02 * rng.random((40, 60))
    >>> choose_rank(V, range(1, 7)).rank
    3
    """
    checked_choice("method", method, get_args(Method))
    _check_repeats(repeats, method)
    data = as_data(V) if method in PASSING else loaded(V, f"method={method!r}", *HOLDING)
    largest = checked_values(data)
    if not largest:
        raise DataError("V is zero everywhere, so that no rank is better than another; give images that show something")
    wanted = checked_ranks(ranks, data.shape)
    if method == "bi-cross-validation":
        _check_quarter(wanted[-1], min(data.shape) // 2)
    shelf = opened_shelf(checkpoint, resume, part=method)
    asked = as_loss(loss)
    if method in PREDICTING:
        data, asked = in_good_unit(in_full(data, method), asked, largest)
    options = EachFit(asked, max_iter=checked_count("max_iter", max_iter, 1), threads=threads, shelf=shelf)
    scores, seed = np.full((1 if method == "elbow" else repeats, len(wanted)), np.nan), checked_count("rng", rng, 0)
    with interruptible(lambda _unfinished: _chosen_so_far(method, wanted, scores)):
        SCORES[method](data, wanted, scores, options, seed)
    return _chosen(method, wanted, scores)


def _chosen(method: Method, ranks: tuple[int, ...], scores: Array) -> RankChoice:
    place, plausible = RULES.get(method, _within_one_error)(scores)
    return RankChoice(ranks[place], method, ranks, scores, tuple(ranks[i] for i in plausible))


def _chosen_so_far(method: Method, ranks: tuple[int, ...], scores: Array) -> RankChoice | None:
    """The choice that fewer ranks, or fewer repeats, would have led to: by those of which all scores are there."""
    begun = np.flatnonzero(~np.isnan(scores).all(axis=0))
    done = scores[:, begun]
    done = done[~np.isnan(done).any(axis=1)]
    if not done.size or (len(done) < 2 and method != "elbow"):  # one repeat cannot say how sure it is
        return None
    return _chosen(method, tuple(ranks[place] for place in begun), done)


def _seen_errors(V: Array, ranks: Sequence[int], scores: Array, options: EachFit, seed: int) -> None:
    for place, rank in enumerate(ranks):
        scores[0, place] = quiet_fit(V, rank, options, seed).relative_error


SCORES: Mapping[str, Callable[..., None]] = MappingProxyType(
    {
        "held-out": held_out_entries,
        "bi-cross-validation": bi_cross_validation,
        "stability": stability,
        "elbow": _seen_errors,
    }
)
# This looks at V by fits alone, which read it by blocks; the others hide entries, or draw images, in memory.
PASSING = ("elbow",)
HOLDING = (48, "ask some of the images, images[:5000].V say, or take method='elbow', which reads V by blocks")
# These take V apart entry by entry.
PREDICTING = ("held-out", "bi-cross-validation")
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "held-out": "loss on hidden entries / that of the mean image",
        "bi-cross-validation": "loss on hidden blocks / that of the mean image",
        "stability": "1 - silhouette of the worst part",
        "elbow": "relative error on what was fitted",
    }
)
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "held-out": "the fewest parts that predict hidden entries as well as any rank",
        "bi-cross-validation": "the fewest parts that predict hidden blocks as well as any rank",
        "stability": "the most parts that all come back from other draws of the images",
    }
)


def _within_one_error(scores: Array) -> tuple[int, Array]:
    """The first of all places that are within one standard error of the smallest mean, and all of them."""
    mean = scores.mean(axis=0)
    best = int(mean.argmin())
    near = np.flatnonzero(mean <= mean[best] + _error(scores)[best])
    return int(near[0]), near


def _all_come_back(scores: Array) -> tuple[int, Array]:
    """The last place where even the worst part comes back, or the best; and those on either side of that bound."""
    mean, error = scores.mean(axis=0), _error(scores)
    stable = np.flatnonzero(mean <= 1 - DISTINCT)
    place = int(stable[-1] if len(stable) else mean.argmin())
    near = np.flatnonzero(np.abs(mean - (1 - DISTINCT)) <= error)
    return place, np.union1d(near, [place])


def _error(scores: Array) -> Array:
    return np.asarray(scores.std(axis=0, ddof=1) / np.sqrt(len(scores)))


def _elbow(scores: Array) -> tuple[int, Array]:
    """The point farthest below the line between the ends; both axes scaled to 1."""
    curve = scores[0]
    line = np.linspace(curve[0], curve[-1], len(curve))
    place = int((line - curve).argmax())
    return place, np.array([place])


RULES: Mapping[str, Callable[[Array], tuple[int, Array]]] = MappingProxyType(
    {"stability": _all_come_back, "elbow": _elbow}
)


def _check_quarter(rank: int, most: int) -> None:
    if rank > most:
        raise ParameterError(
            f"bi-cross-validation fits half of each side, so ranks must be at most {most} here, got {rank}; "
            "leave out larger ones, or use method='held-out'"
        )


def _check_repeats(repeats: int, method: str) -> None:
    checked_count("repeats", repeats, 2)
    if method == "held-out" and repeats > MOST_FOLDS:
        raise ParameterError(f"repeats must be at most {MOST_FOLDS} for held-out entries, got {repeats}")


def _listed(ranks: list[int]) -> str:
    """``"3"``, ``"3 to 5"`` or ``"3 and 9"``."""
    if len(ranks) > 2 and ranks == list(range(ranks[0], ranks[-1] + 1)):
        return f"{ranks[0]} to {ranks[-1]}"
    return " and ".join(filter(None, [", ".join(map(str, ranks[:-1])), str(ranks[-1])]))
