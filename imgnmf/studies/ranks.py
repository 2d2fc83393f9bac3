"""The same images at several ranks: parts of one rank are not among the parts of the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from imgnmf.core.blas import one_blas_thread
from imgnmf.core.blocks import block_spans
from imgnmf.core.check import LOWER_OR_RANDOM, as_data, checked_rank
from imgnmf.core.choices import InitLike, LossLike, SolverLike, as_init, as_loss
from imgnmf.core.columns import is_elsewhere, some_images
from imgnmf.core.constraints import Constraint
from imgnmf.core.factorize import State, factorize
from imgnmf.core.inits import GivenFactors, takes_any_rank
from imgnmf.core.interrupts import INTERRUPTED, better, cut_short, interruptible, own_best
from imgnmf.core.measures import relative_error
from imgnmf.core.penalties import Penalties
from imgnmf.core.progress import Shelf, kept_as, opened_shelf
from imgnmf.core.result import Factorization
from imgnmf.core.stopping import StoppingRule
from imgnmf.errors import IncompatibleError, ParameterError
from imgnmf.validation import check_flag, checked_callback, checked_items, checked_rng

__all__ = ["RankCallback", "RankRow", "RankStudy", "checked_ranks", "factorize_ranks"]

RankCallback: TypeAlias = Callable[[int, State], object]


@dataclass(frozen=True)
class RankRow:
    """One line of `RankStudy.table`."""

    rank: int
    relative_error: float
    objective: float
    iterations: int
    seconds: float
    converged: bool
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class RankStudy:
    """Fits of one data matrix, one a rank.

    Attributes
    ----------
    fits : mapping of int to Factorization
        By rising rank; ``study[k]`` for short.
    interrupted : bool
        Whether Ctrl-C ended it before the last rank was done: it is then the `best` of an `Interrupted`, and the
        last of its fits may be one that was interrupted itself, as its `reason` says.

    Examples
    --------
    >>> import imgnmf
    >>> study = imgnmf.factorize_ranks(np.eye(4) + 1, ranks=[2, 1])
    >>> study.ranks, study[2].rank, len(study)
    ((1, 2), 2, 2)
    """

    fits: Mapping[int, Factorization]
    interrupted: bool = False

    def __repr__(self) -> str:
        errors = ", ".join(f"k = {rank}: {self.fits[rank].relative_error:.4g}" for rank in self.ranks)
        return f"RankStudy(relative errors {errors}{', interrupted' if self.interrupted else ''})"

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks that were fitted, rising."""
        return tuple(self.fits)

    def __getitem__(self, rank: int) -> Factorization:
        """Return the fit of this rank."""
        if rank not in self.fits:
            raise KeyError(f"rank {rank} was not fitted; there are {', '.join(map(str, self.ranks))}")
        return self.fits[rank]

    def __len__(self) -> int:
        return len(self.fits)

    def table(self) -> tuple[RankRow, ...]:
        """Return a line a rank: error, iterations, seconds, why it ended."""
        return tuple(_row(rank, fit) for rank, fit in self.fits.items())


@interruptible(own_best)
def factorize_ranks(
    V: Any,
    ranks: Iterable[int],
    *,
    loss: LossLike = "frobenius",
    solver: SolverLike | None = None,
    init: InitLike = "nndsvd",
    penalty_W: Penalties = None,
    penalty_H: Penalties = None,
    constraint_W: Constraint | None = None,
    warm_start: bool = False,
    earlier: RankStudy | Mapping[int, Factorization] | None = None,
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 500,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
    memory: int | str | None = None,
    callback: RankCallback | None = None,
    checkpoint: Shelf | None = None,
    resume: bool = False,
) -> RankStudy:
    """Fit the same images at several ranks, each from its own start.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        One image a column, as for `imgnmf.factorize`.
    ranks : iterable of int
        In any order; all are checked before the first is fitted.
    loss, solver, init, penalty_W, penalty_H, constraint_W, stop, max_iter, threads, memory
        As for `imgnmf.factorize`.
    warm_start : bool
        Fit each rank also from the parts of the one before, with the images that it rebuilds worst as new parts,
        and keep the better of the two: no rank ends worse than without. A second fit for each rank.
    earlier : RankStudy or mapping of int to Factorization, optional
        What an interrupted study, or files, hold already. Ranks in it are kept as they are; an interrupted fit is
        gone on with.
    time_limit : float, optional
        In seconds, for each fit.
    rng : int, Generator or None
        An int starts every rank from the same stream, so that without `warm_start` a fit does not depend on which
        others were asked for.
    callback : callable, optional
        Called with the rank and a `State` after each iteration; ends that fit by returning True.
    checkpoint : `imgnmf.CheckpointFolder`, optional
        A folder to keep the progress of every fit in.
    resume : bool
        Go on with the fits that are there: those that ended are kept, one that was interrupted is gone on with, and
        the result is the same to the last bit. `rng` is no Generator then.

    Returns
    -------
    RankStudy

    Raises
    ------
    ParameterError
        If there is no rank, or one is out of bounds.
    IncompatibleError
        If `earlier` holds fits of other images or of another loss, or the checkpoint of other fits.
    Interrupted
        At Ctrl-C, with the study of what was done until then as its `best`, the best factors of the unfinished rank
        included; or None before there are any.

    Examples
    --------
    >>> import imgnmf
    >>> study = imgnmf.factorize_ranks(imgnmf.load_dataset("swimmer").V, ranks=[4, 16], max_iter=300)
    >>> [row.rank for row in study.table()], study[4].relative_error > study[16].relative_error
    ([4, 16], True)
    """
    check_flag("warm_start", warm_start)
    checked_callback(callback)
    checked_rng(rng)
    data = as_data(V)
    start = as_init(init)
    bounds = (np.iinfo(int).max,) * 2 if takes_any_rank(start) else data.shape
    wanted = checked_ranks(ranks, bounds, LOWER_OR_RANDOM)
    if checkpoint is not None and earlier is not None:
        raise IncompatibleError("earlier and checkpoint both say which fits are there already: leave one of them out")
    known = {} if earlier is None else _checked_earlier(earlier, data, as_loss(loss).name)
    fit = partial(
        factorize,
        V,
        loss=loss,
        solver=solver,
        penalty_W=penalty_W,
        penalty_H=penalty_H,
        constraint_W=constraint_W,
        stop=stop,
        max_iter=max_iter,
        time_limit=time_limit,
        rng=rng,
        threads=threads,
        memory=memory,
    )
    path = _Path(data, fit, start, warm_start, callback, opened_shelf(checkpoint, resume, rng))
    fits: dict[int, Factorization] = {}

    def so_far(unfinished: Factorization | None) -> RankStudy | None:
        done = fits if unfinished is None else {**fits, unfinished.rank: unfinished}
        return RankStudy(MappingProxyType(done), interrupted=True) if done else None

    with interruptible(so_far):
        for rank in wanted:
            fits[rank] = path.fitted(rank, known.get(rank), list(fits.values()))
    return RankStudy(MappingProxyType(fits))


def checked_ranks(ranks: Iterable[int], shape: tuple[int, int], remedy: str = "lower it") -> tuple[int, ...]:
    """The ranks once each, rising, all within ``1 .. min(shape)``."""
    given = checked_items("ranks", ranks, "ranks=[4, 9, 16]")
    if not given:
        raise ParameterError("ranks is empty: give at least one, say ranks=[4, 9, 16]")
    return tuple(sorted({checked_rank(rank, shape, beyond=False, remedy=remedy) for rank in given}))


@dataclass(frozen=True)
class _Path:
    """How one rank after the other is fitted."""

    V: Any
    fit: Callable[..., Factorization]
    init: Any
    warm_start: bool
    callback: RankCallback | None
    shelf: Shelf | None

    def fitted(self, rank: int, known: Factorization | None, before: list[Factorization]) -> Factorization:
        """The fit that is there already, or the best that can be had."""
        if known is not None and known.reason != INTERRUPTED:
            return known
        best = self._from(rank, self.init if known is None else GivenFactors(known.W, known.H), f"k{rank}")
        if not (self.warm_start and before and before[-1].rank < rank):
            return best
        with interruptible(lambda unfinished: cut_short(better(best, unfinished))):
            warm = self._from(rank, GivenFactors(*_grown(before[-1], self.V, rank)), f"k{rank}-warm")
        return warm if warm.objective < best.objective else best

    def _from(self, rank: int, init: Any, name: str) -> Factorization:
        shown = partial(self.callback, rank) if self.callback else None
        return self.fit(rank, init=init, callback=shown, **kept_as(self.shelf, name))


@one_blas_thread()  # the fit that starts from here is the same to the last bit whatever else runs
def _grown(fit: Factorization, V: Any, rank: int) -> tuple[Any, Any]:
    """Factors with the model of `fit`, and as new parts what is missing in the images that it rebuilds worst."""
    spans = block_spans(*V.shape)
    missing = np.concatenate([np.square(_missing(V[:, s], fit.W, fit.H[:, s])).sum(axis=0) for s in spans])
    worst = np.argsort(-missing, kind="stable")[: rank - fit.rank]
    parts = np.zeros((fit.W.shape[0], rank - fit.rank))
    parts[:, : len(worst)] = _missing(some_images(V, worst), fit.W, fit.H[:, worst])
    uses = np.zeros((rank - fit.rank, fit.H.shape[1]))
    uses[np.arange(len(worst)), worst] = 1
    return np.hstack([fit.W, parts]), np.vstack([fit.H, uses])


def _missing(V: Any, W: Any, H: Any) -> Any:
    return np.maximum(V - W @ H, 0)


def _checked_earlier(
    earlier: RankStudy | Mapping[int, Factorization], V: Any, loss: str
) -> Mapping[int, Factorization]:
    fits = earlier.fits if isinstance(earlier, RankStudy) else earlier
    if not isinstance(fits, Mapping) or not all(isinstance(fit, Factorization) for fit in fits.values()):
        raise ParameterError(f"earlier must be a RankStudy, or fits by their rank, {{4: fit}}; got {earlier!r}")
    for rank, fit in fits.items():
        shape = fit.W.shape[0], fit.H.shape[1]
        if shape != V.shape or fit.rank != rank or fit.loss.name != loss:
            raise IncompatibleError(
                f"the earlier fit of rank {rank} is of {shape[1]} images of {shape[0]} pixels, rank {fit.rank}, loss "
                f"{fit.loss.name!r}; expected {V.shape[1]} of {V.shape[0]}, rank {rank}, loss {loss!r}: fit it anew"
            )
        found = _error_of(fit, V)
        if not abs(found - fit.relative_error) <= 1e-3 * max(found, 1e-3):
            raise IncompatibleError(
                f"the earlier fit of rank {rank} says that its relative error is {fit.relative_error:.4g}, for these "
                f"images it is {found:.4g}: it is a fit of other images; fit it anew"
            )
    return fits


def _error_of(fit: Factorization, V: Any) -> float:
    if not is_elsewhere(V):
        return relative_error(V, fit.reconstruct())
    size = gap = 0.0
    for span in block_spans(*V.shape):
        block = V[:, span].astype(np.float64)
        size = float(np.hypot(size, np.linalg.norm(block)))
        gap = float(np.hypot(gap, np.linalg.norm(block - fit.W @ fit.H[:, span])))
    return float(gap / size) if size > 0 else float(gap > 0)


def _row(rank: int, fit: Factorization) -> RankRow:
    return RankRow(
        rank=rank,
        relative_error=fit.relative_error,
        objective=fit.objective,
        iterations=fit.n_iter,
        seconds=float(fit.trace.seconds[-1]) if fit.n_iter else 0.0,
        converged=fit.converged,
        reason=fit.reason,
    )
