"""V and H with the workers of a cluster: what `imgnmf.core.iterate.iterate` needs of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imgnmf.cluster.holder import Kept, Order, begun, finish, pass_over, state
from imgnmf.cluster.team import Team
from imgnmf.cluster.wire import Passed
from imgnmf.core.extrapolation import Way
from imgnmf.core.iterate import Iterate
from imgnmf.core.parts import Array
from imgnmf.core.problem import Problem, Visit

__all__ = ["Passes"]

Watch = Callable[[Passed], object]


@dataclass(frozen=True)
class _PendingH:
    """The accepted H, fetched when it is looked at."""

    passes: Passes

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        del copy
        return np.asarray(self.passes.fetched(), dtype)


class Passes:
    """The workers' part of the loop; and what it takes to do it again for a worker that was lost.

    The client keeps H as it was some passes ago, and W of every pass since: a piece that was lost begins there and does
    the same passes again, so the result is the same to the last bit.

    Parameters
    ----------
    team : Team
    problem : Problem
    begin : Iterate
        The start, or where an earlier run was.
    keep_every : int
        H comes to the client every so many passes.
    watch : callable, optional
        Called with a `Passed` after each.
    keep : callable, optional
        Called with the whole iterate whenever H comes to the client.
    """

    def __init__(
        self,
        team: Team,
        problem: Problem,
        begin: Iterate,
        keep_every: int,
        watch: Watch | None,
        keep: Callable[[Iterate], object] = lambda iterate: None,
    ) -> None:
        self.team, self.keep_every, self.watch = team, keep_every, watch
        nothing = replace(problem.blocks, data=np.empty((0, 0), problem.blocks.data.dtype))
        self.problem = replace(problem, blocks=nothing)
        self.number, self.was_accepted = 0, False
        self.best: Iterate | None = None
        self.kept_best = begin if begin.iteration else None
        self.keep = keep
        spans = [team.span(key) for key in range(len(team.cuts))]
        self.kept = [Kept(0, begin.H[:, span], begin.last_H[:, span]) for span in spans]
        self.since: tuple[tuple[Order, Array], ...] = ()
        team.each(begun, self.problem, own=self.kept)
        team.recall = self._recall

    @property
    def accepted(self) -> Array:
        """The best pair's H; it stays with the workers until it is looked at."""
        return _PendingH(self)  # type: ignore[return-value]

    @property
    def last(self) -> Array:
        """What the next pass is extrapolated from; it stays with the workers for good."""
        return _PendingH(self)  # type: ignore[return-value]

    def accept(self) -> None:
        """Tell the workers with the next pass."""
        self.was_accepted = True

    def passed(self, problem: Problem, W: Array, way: Way, checking: bool) -> Visit:
        """One pass over all pieces, as often as it takes."""
        del problem
        started, self.team.restored = time.perf_counter(), 0
        if self.number == 1 or (self.number and self.number % self.keep_every == 0):
            self.fetch()
        order = Order(self.number + 1, self.was_accepted, way, checking)
        visit = self.team.total(pass_over, order, W)
        self.number, self.was_accepted, self.since = order.number, False, (*self.since, (order, W))
        if self.watch is not None:
            self.watch(self._report(time.perf_counter() - started))
        return visit

    def remembered(self, iterates: Iterator[Iterate]) -> Iterator[Iterate]:
        """The same iterates; what is kept of H belongs to the last one."""
        for self.best in iterates:
            yield self.best

    def fetched(self) -> Array:
        """The accepted H of all pieces."""
        return np.concatenate([H for H, _ in self.team.each(state, self.number, self.was_accepted)], axis=1)

    def finished(self, W: Array, lengths: Array, *, exact: bool) -> tuple[Array, float, float]:
        """The final H, with the loss and the squared residual of the pair; `lengths` as of `Fitting.final_parts`."""
        ends = self.team.each(finish, self.number, self.was_accepted, exact, lengths, sent=W)
        H, losses, squares = zip(*ends, strict=True)
        return np.concatenate(H, axis=1), sum(losses), sum(squares)

    def fetch(self) -> None:
        """Bring H to the client, after a whole pass."""
        found = self.team.each(state, self.number, self.was_accepted)
        self.kept, self.since = [Kept(self.number, *pair) for pair in found], ()
        if self.best is not None:
            H, last_H = (np.concatenate(pieces, axis=1) for pieces in zip(*found, strict=True))
            self.kept_best = replace(self.best, H=H, last_H=last_H)
            self.keep(self.kept_best)

    def _recall(self, team: Team, key: int) -> None:
        team.one(key, begun, self.problem, own=replace(self.kept[key], since=self.since))

    def _report(self, seconds: float) -> Passed:
        team = self.team
        return Passed(self.number, seconds, len(set(team.places)), team.bytes_down, team.bytes_up, team.restored)
