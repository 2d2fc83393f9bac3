"""The same images at several ranks: parts of one rank are not among the parts of the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from imgnmf.core.check import as_matrix, checked_rank
from imgnmf.core.choices import InitLike, LossLike, SolverLike, as_init
from imgnmf.core.factorize import State, factorize
from imgnmf.core.inits import NNDSVD, SPA
from imgnmf.core.result import Factorization
from imgnmf.core.stopping import StoppingRule
from imgnmf.errors import ParameterError

__all__ = ["RankCallback", "RankRow", "RankStudy", "factorize_ranks"]

RankCallback: TypeAlias = Callable[[int, State], object]

INTERRUPTED = "interrupted"


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


@dataclass(frozen=True, eq=False)
class RankStudy:
    """Fits of one data matrix, one a rank.

    Attributes
    ----------
    fits : mapping of int to Factorization
        By rising rank; ``study[k]`` for short.
    interrupted : bool
        Whether Ctrl-C ended it before the last rank was done.

    Examples
    --------
    >>> import imgnmf
    >>> study = imgnmf.factorize_ranks(np.eye(4) + 1, ranks=[2, 1])
    >>> study.ranks, study[2].rank, len(study)
    ((1, 2), 2, 2)
    """

    fits: Mapping[int, Factorization]
    interrupted: bool = False

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


def factorize_ranks(
    V: Any,
    ranks: Iterable[int],
    *,
    loss: LossLike = "frobenius",
    solver: SolverLike | None = None,
    init: InitLike = "nndsvd",
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 500,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
    callback: RankCallback | None = None,
) -> RankStudy:
    """Fit the same images at several ranks, each from its own start.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        One image a column, as for `imgnmf.factorize`.
    ranks : iterable of int
        In any order; all are checked before the first is fitted.
    loss, solver, init, stop, max_iter, threads
        As for `imgnmf.factorize`.
    time_limit : float, optional
        In seconds, for each rank.
    rng : int, Generator or None
        An int starts every rank from the same stream, so that a fit does not depend on which others were
        asked for.
    callback : callable, optional
        Called with the rank and a `State` after each iteration; ends that fit by returning True.

    Returns
    -------
    RankStudy
        After Ctrl-C, of what was done until then, the best factors of the unfinished rank included.

    Raises
    ------
    ParameterError
        If there is no rank, or one is out of bounds.
    KeyboardInterrupt
        If Ctrl-C came before there was anything to keep.

    Examples
    --------
    >>> import imgnmf
    >>> study = imgnmf.factorize_ranks(imgnmf.load_dataset("swimmer").V, ranks=[4, 16], max_iter=300)
    >>> [row.rank for row in study.table()], study[4].relative_error > study[16].relative_error
    ([4, 16], True)
    """
    wanted = _checked_ranks(ranks, as_matrix(V).shape, init)
    fit = partial(
        factorize,
        V,
        loss=loss,
        solver=solver,
        init=init,
        stop=stop,
        max_iter=max_iter,
        time_limit=time_limit,
        rng=rng,
        threads=threads,
    )
    fits: dict[int, Factorization] = {}
    try:
        for rank in wanted:
            fits[rank] = fit(rank, callback=partial(callback, rank) if callback else None)
            if fits[rank].reason == INTERRUPTED:
                break
    except KeyboardInterrupt:
        # Between two iterations `factorize` catches it; here it came while a start was prepared.
        if not fits:
            raise
    interrupted = len(fits) < len(wanted) or fits[wanted[-1]].reason == INTERRUPTED
    return RankStudy(MappingProxyType(fits), interrupted)


def _checked_ranks(ranks: Iterable[int], shape: tuple[int, int], init: InitLike) -> tuple[int, ...]:
    given = list(ranks)
    if not given:
        raise ParameterError("ranks is empty: give at least one, say ranks=[4, 9, 16]")
    bounded = isinstance(as_init(init), NNDSVD | SPA)
    for rank in given:
        checked_rank(rank, shape if bounded else (np.iinfo(int).max,) * 2, beyond=False)
    return tuple(sorted({int(rank) for rank in given}))


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
