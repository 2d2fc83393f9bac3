"""The client's side: which worker holds which piece, asking them all, and asking again when one was lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import dask
import numpy as np
from distributed import Client, Future, KilledWorker, wait

from imgnmf.cluster.holder import Holder, NotHeld, columns, do, hold, keys_held
from imgnmf.cluster.sources import Source
from imgnmf.cluster.wire import aligned_visit, check_versions, version_here, wire_size
from imgnmf.core.blocks import block_spans
from imgnmf.core.parts import Array
from imgnmf.core.problem import Visit
from imgnmf.errors import ClusterError, ImgnmfError

__all__ = ["HeldColumns", "Team", "working"]

POLL_SECONDS, ANSWER_SECONDS = 0.5, 5.0
# What a message may take before a worker is thought to be lost; twice as long each time that all are asked again.
MESSAGE_SECONDS = 10.0
# How often all are asked again before it is given up, and how long a cluster without workers is waited for.
ATTEMPTS, PATIENCE_SECONDS = 8, 30.0
# Pieces for each worker where their number is no power of two.
EVEN = 4
LOST = (NotHeld, KilledWorker, CancelledError, TimeoutError, OSError)

Recall = Callable[["Team", int], None]


class Team:
    """Workers with pieces of V, cut at blocks and halved as their sums are.

    Attributes
    ----------
    restored : int
        How many pieces were loaded again since somebody set it to 0.
    bytes_down, bytes_up : int
        Of the last sum; see `imgnmf.cluster.wire.Passed`.
    recall : callable
        Brings a piece that was loaded again to where it was.
    """

    def __init__(self, client: Client, source: Source) -> None:
        self.client, self.source = client, source
        self.name = f"imgnmf-{uuid4().hex[:12]}"
        self.spans = block_spans(*source.shape)
        self.places: list[str] = []
        self.cuts: list[tuple[int, int]] = []
        self.restored = self.bytes_down = self.bytes_up = 0
        self.recall: Recall = lambda team, key: None
        self.patience = MESSAGE_SECONDS

    def start(self) -> None:
        """See that the workers fit, and give each its pieces."""
        workers = sorted(self._live())
        self._check(workers)
        self.client.register_plugin(Holder(self.name))
        even = len(workers) & (len(workers) - 1) == 0
        self.depth = (len(workers) * (1 if even else EVEN) - 1).bit_length()
        self.cuts = list(_halved(0, len(self.spans), self.depth))
        self.places = [workers[i * len(workers) // len(self.cuts)] for i in range(len(self.cuts))]
        self._again(lambda: [self._load(key) for key in range(len(self.cuts))])

    def span(self, key: int) -> slice:
        """The columns of a piece."""
        first, stop = self.cuts[key]
        return slice(self.spans[first].start, self.spans[stop - 1].stop)

    def each(
        self, job: Callable[..., Any], *details: Any, own: Sequence[Any] | None = None, sent: Any = None
    ) -> list[Any]:
        """Do a job on every piece: with `details`, its `own` one, and what is `sent` to all, in this order."""

        def ask() -> list[Future]:
            shared = () if sent is None else (self._sent(sent),)
            mine = [() if own is None else (self._sent_to(key, own[key]),) for key in range(len(self.cuts))]
            return [self._do(key, job, *details, *mine[key], *shared) for key in range(len(self.cuts))]

        return self._again(ask)

    def each_block(self, job: Callable[..., list[Any]], *details: Any) -> list[Any]:
        """What a job finds for each block of every piece, in the order of the blocks."""
        return [found for piece in self.each(job, *details) for found in piece]

    def total(self, job: Callable[..., Visit], detail: Any, W: Array) -> Visit:
        """Do a job on every piece and sum what it finds, as a tree, between the workers; count the bytes."""
        hops = 0

        def ask() -> list[Future]:
            nonlocal hops
            shared = self._sent(W)
            visits = iter([self._do(key, job, detail, shared) for key in range(len(self.cuts))])
            future, _, hops = self._summed(visits, iter(self.places), 0, len(self.spans), self.depth)
            return [future]

        found: Visit = self._again(ask)[0]
        self.bytes_down = wire_size(W) * len(set(self.places))
        self.bytes_up = wire_size(found) * (hops + 1)
        return aligned_visit(found)

    def one(self, key: int, job: Callable[..., Any], *details: Any, own: Any) -> None:
        """Do a job on one piece, once."""
        self._results([self._do(key, job, *details, self._sent_to(key, own))])

    def _summed(
        self, visits: Iterator[Future], places: Iterator[str], first: int, stop: int, depth: int
    ) -> tuple[Future, str, int]:
        """The sum, where it lies, and how many of its terms came from another worker: halves as in `tree_sum`."""
        if depth == 0 or stop - first == 1:
            return next(visits), next(places), 0
        half = (stop - first) // 2
        left, place, hops = self._summed(visits, places, first, first + half, depth - 1)
        right, other, more = self._summed(visits, places, first + half, stop, depth - 1)
        both = self.client.submit(Visit.and_of, left, right, workers=[place], pure=False)
        return both, place, hops + more + (place != other)

    def _do(self, key: int, job: Callable[..., Any], *details: Any) -> Future:
        return self.client.submit(do, self.name, key, job, *details, workers=[self.places[key]], pure=False)

    def _load(self, key: int) -> Future:
        first, stop = self.cuts[key]
        span, place = self.span(key), self.places[key]
        local = tuple(slice(s.start - span.start, s.stop - span.start) for s in self.spans[first:stop])
        V = self.source.columns(span)
        if isinstance(V, np.ndarray):
            V = self._sent_to(key, V)
        elif hasattr(V, "dask"):
            V = self.client.compute(V, workers=[place])
        return self.client.submit(hold, self.name, key, V, local, workers=[place], pure=False)

    def _sent(self, message: Any) -> Future:
        """To one worker, from whom the others have it, and from each other. A broadcast would wait for the lost."""
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            return self.client.submit(_same, message, workers=[self.places[0]], pure=False)

    def _sent_to(self, key: int, message: Any) -> Future:
        try:
            return self._timed(self.client.scatter, [message], workers=[self.places[key]], hash=False)[0]
        except KeyError as error:  # how the scheduler says that it does not know a worker
            raise NotHeld(f"{error} left") from None

    def _timed(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call the client: a worker that is lost on the way can leave it waiting for ever."""
        return self.client.sync(
            lambda: call(*args, **options, asynchronous=True), asynchronous=False, callback_timeout=self.patience
        )

    def _again(self, ask: Callable[[], list[Future]]) -> list[Any]:
        """Ask, and ask again once what was lost is there again: what was done already is not done twice."""
        why: Exception | None = None
        for attempt in range(ATTEMPTS):
            self.patience = MESSAGE_SECONDS * 2**attempt
            try:
                if why is not None:
                    self._repair()
                return self._results(ask())
            except ImgnmfError:
                raise
            except LOST as error:
                why = error
        raise ClusterError(
            f"workers were lost {ATTEMPTS} times in one step, the last time by {why!r}; look at their logs"
        )

    def _results(self, futures: list[Future], workers: Sequence[str] | None = None) -> list[Any]:
        """What these tasks found, or `NotHeld` once one of the workers, else of all places, is gone."""
        while True:
            try:
                wait(futures, timeout=POLL_SECONDS)
                break
            except TimeoutError:
                if gone := set(self.places if workers is None else workers) - self._live():
                    raise NotHeld(f"{sorted(gone)} left") from None
        return self._timed(self.client.gather, futures)  # type: ignore[no-any-return]

    def _check(self, workers: list[str]) -> None:
        asked = [self.client.submit(version_here, workers=[worker], pure=False) for worker in workers]
        check_versions(dict(zip(workers, self._results(asked, workers), strict=True)))

    def _live(self) -> set[str]:
        """The workers that the scheduler knows; waits for a first one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.client.status == "running":
            try:
                live = set(self.client.sync(self.client.scheduler.ncores, callback_timeout=ANSWER_SECONDS))
            except (OSError, TimeoutError):
                break
            if live:
                return live
            if time.monotonic() > deadline:
                raise ClusterError(f"the scheduler has had no worker for {PATIENCE_SECONDS:g} s; start `dask worker`")
            time.sleep(POLL_SECONDS)
        raise ClusterError("the dask scheduler does not answer any more; its workers' share of the work is lost")

    def _repair(self) -> None:
        """Give the pieces that nobody holds any more to the workers with the fewest."""
        live = self._live()
        workers = sorted(live)
        self._check(workers)
        asked = [self.client.submit(keys_held, self.name, workers=[worker], pure=False) for worker in workers]
        held = dict(zip(workers, self._results(asked, workers), strict=True))
        lost = [key for key, place in enumerate(self.places) if key not in held.get(place, ())]
        for key in lost:
            load = Counter({worker: 0 for worker in live})
            load.update(place for k, place in enumerate(self.places) if k not in lost or k < key)
            self.places[key] = min(sorted(live), key=lambda worker: load[worker])
        self._results([self._load(key) for key in lost])
        for key in lost:
            self.recall(self, key)
            self.restored += 1


def _same(message: Any) -> Any:
    return message


@contextmanager
def working(client: Client, source: Source) -> Iterator[Team]:
    """A team that leaves nothing with the workers at the end."""
    team = Team(client, source)
    try:
        with client.as_current():
            team.start()
            yield team
    finally:
        if client.status == "running":
            # Of a cluster that is gone the plugin is gone too.
            with suppress(OSError, TimeoutError, ValueError):
                client.unregister_worker_plugin(team.name)


class HeldColumns:
    """V as the client sees it: a matrix whose columns come from the workers that hold them when they are looked at."""

    ndim = 2

    def __init__(self, team: Team) -> None:
        self.team, self.shape, self.dtype = team, team.source.shape, team.source.dtype
        self.size = self.shape[0] * self.shape[1]

    def __getitem__(self, key: Any) -> Array:
        rows, wanted = key if isinstance(key, tuple) else (key, slice(None))
        chosen = np.arange(self.shape[1])[wanted]
        spans = [self.team.span(key) for key in range(len(self.team.cuts))]
        some, back = np.unique(chosen, return_inverse=True)
        own = [_as_slice(some[(s.start <= some) & (some < s.stop)] - s.start) for s in spans]
        # Rows are picked there: some pixels of all images fit where all of V does not.
        found = np.concatenate(self.team.each(columns, rows, own=own), axis=1)
        return found if np.array_equal(some, chosen) else np.asarray(found[:, back])


def _as_slice(indices: Array) -> Any:
    """Side by side as a slice, which leaves the memory order as it is."""
    if len(indices) and (np.diff(indices) == 1).all():
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices


def _halved(first: int, stop: int, depth: int) -> Iterator[tuple[int, int]]:
    """Cut so many blocks in halves, so often.

    >>> list(_halved(0, 7, 2))
    [(0, 1), (1, 3), (3, 5), (5, 7)]
    """
    if depth == 0 or stop - first == 1:
        yield first, stop
    else:
        half = first + (stop - first) // 2
        yield from _halved(first, half, depth - 1)
        yield from _halved(half, stop, depth - 1)
