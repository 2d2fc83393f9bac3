"""What a worker does: it holds pieces of V with their columns of H, and works on them when told to.

Every job may be done twice with the same result: after a loss, all are asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
from distributed import WorkerPlugin, get_worker

from imgnmf.cluster.sources import FileRows
from imgnmf.cluster.wire import aligned
from imgnmf.core.blocks import ColumnBlocks, Runner, running
from imgnmf.core.check import Seen, as_matrix, look_at
from imgnmf.core.digest import block_digests
from imgnmf.core.encode import exact_coefficients
from imgnmf.core.extrapolation import Way
from imgnmf.core.iterate import Memory, one_pass
from imgnmf.core.other_half import coefficients_for
from imgnmf.core.parts import Array, inner
from imgnmf.core.problem import Problem, Visit, exact_loss

__all__ = [
    "Holder",
    "Kept",
    "NotHeld",
    "Order",
    "Piece",
    "begun",
    "coefficients",
    "columns",
    "digests",
    "do",
    "finish",
    "hold",
    "keys_held",
    "look",
    "pass_over",
    "state",
    "sums",
]


class NotHeld(Exception):  # noqa: N818 - a word to the client, never seen by a user
    """The piece is not with this worker, or in another state."""


@dataclass(frozen=True)
class Order:
    """One pass: its number, whether the pass before was accepted, and how far and carefully to step."""

    number: int
    accepted: bool
    way: Way
    checking: bool


@dataclass(frozen=True)
class Kept:
    """Where a piece begins: its H after so many passes, and the passes since, which lead to where it was."""

    number: int
    accepted: Array
    last: Array
    since: tuple[tuple[Order, Array], ...] = ()


class Piece:
    """Some columns of V and of H, and how many passes they have seen.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images of the piece)
    spans : tuple of slice
        Its blocks, as the whole of V is cut.
    run : callable
        Maps over blocks with the worker's threads.
    """

    def __init__(self, V: Array, spans: tuple[slice, ...], run: Runner[Any]) -> None:
        self.V, self.spans, self.run = V, spans, run
        self.problem: Problem | None = None
        self.memory: Memory | None = None
        self.number, self.settled = 0, True
        self.answer: Visit | None = None

    def blocks(self, like: ColumnBlocks) -> ColumnBlocks:
        """The columns in the precision and the unit of `like`."""
        return replace(like.of(self.V), cut=self.spans)

    def settle(self, number: int, accepted: bool) -> Memory:
        """The memory after so many passes, the last of them accepted or not; what came later is not touched."""
        if self.memory is None or number not in (self.number, self.number - 1):
            raise NotHeld(f"{self.number} passes were seen, {number} were expected")
        if number == self.number and not self.settled:
            self.settled = True
            if accepted:
                self.memory.accept()
        return self.memory


class Holder(WorkerPlugin):  # type: ignore[misc]
    """The pieces of one fit on one worker; leaves with the plugin."""

    def __init__(self, name: str) -> None:
        self.name = name

    def setup(self, worker: Any) -> None:
        """Begin with nothing; BLAS keeps to one thread, since blocks have threads of their own."""
        self.pieces: dict[int, Piece] = {}
        self.lock, self.leaving = Lock(), ExitStack()
        self.run = self.leaving.enter_context(running(worker.state.nthreads))

    def teardown(self, worker: Any) -> None:
        """Forget the pieces."""
        del worker
        self.pieces.clear()
        self.leaving.close()


def _holder(name: str) -> Holder:
    plugin = get_worker().plugins.get(name)
    if plugin is None:
        raise NotHeld("this worker is new")
    return plugin  # type: ignore[no-any-return]


def hold(name: str, key: int, source: Any, spans: tuple[slice, ...]) -> None:
    """Load a piece, in place of what was there under its key."""
    holder = _holder(name)
    V = aligned(as_matrix(source.load() if isinstance(source, FileRows) else source))
    with holder.lock:
        holder.pieces[key] = Piece(V, spans, holder.run)


def do(name: str, key: int, job: Callable[..., Any], *details: Any) -> Any:
    """Do a job on a piece, one after the other."""
    holder = _holder(name)
    with holder.lock:
        if key not in holder.pieces:
            raise NotHeld(f"piece {key} is not here")
        return job(holder.pieces[key], *details)


def keys_held(name: str) -> tuple[int, ...]:
    """Which pieces are here."""
    plugin = get_worker().plugins.get(name)
    return () if plugin is None else tuple(plugin.pieces)


def look(piece: Piece, sums: bool, every: int, first_image: int) -> list[Seen]:
    """What the values of each block are like, for `imgnmf.core.check.figures_of`."""

    def visit(span: slice) -> Seen:
        return look_at(piece.V[:, span], first_image + span.start, sums, every)

    return list(piece.run(visit, piece.spans))


def sums(piece: Piece, like: ColumnBlocks) -> list[tuple[float, float]]:
    """``(|V_b|^2, sum of V_b)`` of every block."""
    blocks = piece.blocks(like)

    def visit(span: slice) -> tuple[float, float]:
        block = blocks.load(span)
        return inner(block, block), float(block.sum(dtype=np.float64))

    return list(piece.run(visit, blocks.spans))


def digests(piece: Piece, like: ColumnBlocks) -> list[str]:
    """The SHA-256 of every block."""
    return list(block_digests(piece.blocks(like), piece.run))


def columns(piece: Piece, rows: Any, chosen: Any) -> Array:
    """Some rows of some columns of V."""
    return np.array(piece.V[:, chosen][rows], order="K")


def coefficients(piece: Piece, like: ColumnBlocks, W: Array) -> Array:
    """The first H for the parts `W`."""
    return coefficients_for(aligned(W), piece.blocks(like), piece.run)


def begun(piece: Piece, problem: Problem, kept: Kept) -> None:
    """Begin with what was kept, and do again the passes that were done since."""
    accepted, last = np.array(kept.accepted), np.array(kept.last)
    piece.problem = replace(problem, blocks=piece.blocks(problem.blocks))
    piece.memory = Memory(accepted, last, np.empty_like(accepted), last, piece.run)
    piece.number, piece.settled, piece.answer = kept.number, True, None
    for order, W in kept.since:
        pass_over(piece, order, W)


def pass_over(piece: Piece, order: Order, W: Array) -> Visit:
    """One pass; asked for the last one again, the same answer."""
    if piece.answer is not None and order.number == piece.number:
        return piece.answer
    if order.number != piece.number + 1 or piece.problem is None:
        raise NotHeld(f"{piece.number} passes were seen, and pass {order.number} is asked for")
    memory = piece.settle(piece.number, order.accepted)
    piece.answer = one_pass(piece.problem, aligned(W), memory, order.way, order.checking)
    piece.number, piece.settled = order.number, False
    return piece.answer


def state(piece: Piece, number: int, accepted: bool) -> tuple[Array, Array]:
    """Copies of the accepted H after so many passes, and of what the next one is extrapolated from."""
    memory = piece.settle(number, accepted)
    return memory.accepted.copy(), memory.last.copy()


def finish(
    piece: Piece, number: int, accepted: bool, exact: bool, lengths: Array, W: Array
) -> tuple[Array, float, float]:
    """The final H for `W`, exact or its rows times `lengths`, with the loss and the squared residual of the pair."""
    memory, problem, W = piece.settle(number, accepted), piece.problem, aligned(W)
    assert problem is not None
    H = memory.accepted * lengths[:, None]
    if exact:
        inside = problem.steering.constraint_H
        H = exact_coefficients(W, problem.blocks, problem.loss, problem.penalty_H, piece.run, inside)
    return (H, *exact_loss(problem, W, H))
