"""What a fit takes in memory, known before it takes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from imgnmf.core.blocks import AHEAD, MOST_COLUMNS, ColumnBlocks, block_spans
from imgnmf.core.columns import KEPT_RUNS, is_elsewhere, run_bytes
from imgnmf.core.inits import NNDSVD, SPA, Init
from imgnmf.core.lead_in import sample_size
from imgnmf.core.loading import in_words
from imgnmf.core.losses import BetaDivergence, Form, Frobenius, Loss
from imgnmf.core.solvers import Solver
from imgnmf.core.sparse import is_sparse, spans_of
from imgnmf.core.units import looked_for
from imgnmf.errors import MemoryBudgetError, ParameterError

__all__ = ["bytes_of", "check_budget", "estimate"]

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
# The accepted pair's, the last step's, and one that is written: see `imgnmf.core.iterate`.
BUFFERS_OF_H = 3
# The best pair's and the exact one, or the one in the user's unit.
BUFFERS_AT_THE_END = 2
# What the start by singular vectors holds beside its result: probe, projection and vectors, some in float64.
COPIES_IN_NNDSVD = 5
# Numbers that a thread holds for each entry of its block, and for each coefficient of it, in a pass; measured.
IN_A_PASS = {"quadratic": (2, 8), "gradient": (5, 8), "curvature": (5, 8)}
# The same in float64 while the exact coefficients are found: by block pivoting, by Newton's steps, by other ways.
PIVOTING, OWN_STEPS, OTHER_WAYS = (1.5, 13), (4.2, 9), (6.0, 16)


def bytes_of(memory: Any) -> int:
    """A number of bytes from ``"2GB"``, ``"500 MB"``, ``"1.5GiB"`` or a whole number.

    >>> bytes_of("2GB"), bytes_of("1.5 KiB"), bytes_of(4096)
    (2000000000, 1536, 4096)
    """
    if isinstance(memory, (int, np.integer)) and not isinstance(memory, bool) and memory > 0:
        return int(memory)
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]i?)?b?\s*", str(memory), re.IGNORECASE)
    if isinstance(memory, str) and found and (size := int(float(found[1]) * UNITS[(found[2] or "").lower()])):
        return size
    raise ParameterError(f"memory must be a size like '2GB', '500MB' or '1.5GiB', or a number of bytes, got {memory!r}")


def estimate(
    V: Any,
    rank: int,
    init: Init,
    loss: Loss,
    solver: Solver,
    *,
    n_init: int = 1,
    threads: int = 1,
    window: int = 0,
    keeping: bool = False,
) -> dict[str, int]:
    """What a fit takes beside V and the interpreter, in bytes, by what takes it.

    A fit reads V, starts, makes passes and ends, and of each it lets go before the next: the largest counts, and what
    is held throughout.

    Parameters
    ----------
    V : array or Columns
    rank : int
    init : Init
    loss : Loss
    solver : Solver
    n_init : int
        Of several fits the best is kept.
    threads : int
        How many blocks are in flight.
    window : int
        Images that are looked at together by `Online`; 0 for none.
    keeping : bool
        Whether a checkpoint is written.

    Returns
    -------
    dict of str to int
    """
    (n_pixels, n_images), item = V.shape, _item(V)
    stages = [
        _reading(V, loss, threads),
        _start(V, rank, init, threads),
        _passes(V, rank, solver.needs, threads),
        _end(V, rank, loss, threads),
    ]
    parts = max(stages, key=lambda stage: sum(stage.values()))
    parts["W and what its steps need"] = 10 * rank * n_pixels * item
    if n_init > 1:
        parts["the best fit so far"] = 2 * rank * (n_images + n_pixels) * item
    if keeping:  # one more H while a pass goes on; and the file, beside what goes into it
        parts["the checkpoint"] = ((1 + 4 * n_init) * n_images + 6 * n_pixels) * rank * item
    if window:
        parts["windows of images"] = 2 * min(window, n_images) * (_stored(V) * V.dtype.itemsize + 4 * rank * item)
    if is_elsewhere(V):
        whole = n_pixels * n_images * V.dtype.itemsize
        parts["images read ahead"] = min((KEPT_RUNS + 2) * run_bytes(V), whole)
    return {name: int(size) for name, size in parts.items()}


def _reading(V: Any, loss: Loss, threads: int) -> dict[str, float]:
    """V is checked in float64; for a floor, a sample of it is sorted."""
    if is_sparse(V):
        return {"V while it is checked": 2 * V.nnz * 8}
    flight, entries, _ = _in_flight(V, _spans(V), threads)
    copy = 8  # in float64
    if V.dtype.kind != "f" and V.dtype.itemsize >= 4:  # whole numbers that float32 does not hold
        copy += 4
    parts: dict[str, float] = {"blocks in flight": 0 if loss.floor else flight * entries * copy}
    if loss.floor:  # no sums are wanted
        sampled = V.shape[0] * -(-V.shape[1] // looked_for(V.shape, loss)["every"])
        parts["a sample of V for the floor"] = 2 * sampled * V.dtype.itemsize  # as it comes, and in one piece
    return parts


def _start(V: Any, rank: int, init: Init, threads: int) -> dict[str, float]:
    (n_pixels, n_images), item = V.shape, _item(V)
    flight, entries, width = _in_flight(V, _spans(V), threads)
    parts: dict[str, float] = {"blocks in flight": flight * (2 * entries + 6 * rank * width) * item}
    sample = sample_size(n_images, rank) if getattr(init, "lead_in", False) else None
    if sample is not None:
        held = _stored(V) * V.dtype.itemsize * (1 if is_elsewhere(V) else 2)
        parts["a sample of the images for the start"] = sample * (held + COPIES_IN_NNDSVD * (rank + 10) * item)
        parts["H"] = rank * n_images * item
        if is_elsewhere(V):  # the sample is read past the runs that are kept, one run at a time
            parts["a run beside those read ahead"] = run_bytes(V)
    elif isinstance(init, NNDSVD):
        parts["the singular vectors of the start"] = COPIES_IN_NNDSVD * (rank + 10) * (n_images + n_pixels) * item
    else:
        parts["2 times H"] = 2 * rank * n_images * item
    if isinstance(init, SPA):
        parts["norms of the images"] = 4 * n_images * 8
    return parts


def _passes(V: Any, rank: int, form: Form, threads: int) -> dict[str, float]:
    (n_pixels, n_images), item, spans = V.shape, _item(V), _spans(V)
    flight, entries, width = _in_flight(V, spans, threads)
    an_entry, a_coefficient = IN_A_PASS["curvature" if form == "rough curvature" else form]
    pairs = rank * (rank + 1) // 2 if form in ("curvature", "rough curvature") else 0
    # Threads run ahead, and what they found for W waits in line; beside it the sum so far.
    waiting = 2 + (0 if threads == 1 else min(AHEAD * threads, len(spans)))
    return {
        f"{BUFFERS_OF_H} times H": BUFFERS_OF_H * rank * n_images * item,
        "blocks in flight": flight * (an_entry * entries + (a_coefficient * rank + pairs) * width) * item,
        "sums for W": waiting * (2 * rank + pairs) * n_pixels * item,
    }


def _end(V: Any, rank: int, loss: Loss, threads: int) -> dict[str, float]:
    """H exactly, in float64, for losses where each image has one answer; and the factors in the user's unit."""
    n_pixels, n_images = V.shape
    parts: dict[str, float] = {f"{BUFFERS_AT_THE_END} times H": BUFFERS_AT_THE_END * rank * n_images * _item(V)}
    if not loss.convex:
        return parts
    flight, entries, width = _in_flight(V, _thin(V), threads)
    an_entry, a_coefficient = OTHER_WAYS
    pairs = 2.2 if is_sparse(V) else 0.8  # of dense blocks Hessians are in float32
    if isinstance(loss, BetaDivergence):
        an_entry, a_coefficient = OWN_STEPS
    elif isinstance(loss, Frobenius):
        an_entry, a_coefficient = PIVOTING
        pairs = 0.0
    hessians = pairs * rank * (rank + 1) / 2
    one = an_entry * entries + a_coefficient * rank * width + hessians * (width + n_pixels)
    return {**parts, "blocks in flight, exactly": flight * one * 8}


def _item(V: Any) -> int:
    return 8 if V.dtype == np.float64 else 4


def _spans(V: Any) -> tuple[slice, ...]:
    # The width of blocks is settled by the first thousands of images.
    return spans_of(V) if is_sparse(V) else block_spans(V.shape[0], min(V.shape[1], 16 * MOST_COLUMNS))


def _thin(V: Any) -> tuple[slice, ...]:
    return ColumnBlocks(V, np.dtype(np.float64), cut=_spans(V)).thin_spans


def _in_flight(V: Any, spans: tuple[slice, ...], threads: int) -> tuple[int, int, int]:
    """How many blocks are worked on together, and the entries and the columns of the largest."""
    width = max(span.stop - span.start for span in spans)
    if is_sparse(V):
        entries = max(int(V.indptr[span.stop] - V.indptr[span.start]) for span in spans)
    else:
        entries = V.shape[0] * width
    return min(threads, len(spans)), entries, width


def _stored(V: Any) -> int:
    """Numbers that an image takes, an index counted as one."""
    return 2 * -(-V.nnz // V.shape[1]) if is_sparse(V) else int(V.shape[0])


def check_budget(
    memory: Any,
    V: Any,
    rank: int,
    init: Init,
    loss: Loss,
    solver: Solver,
    *,
    n_init: int,
    threads: int,
    window: int = 0,
    keeping: bool = False,
) -> None:
    """Refuse, before anything is allocated, what would take more than `memory`.

    Raises
    ------
    MemoryBudgetError
        With the estimate, and what would fit.
    """

    def parts_at(k: int) -> dict[str, int]:
        return estimate(V, k, init, loss, solver, n_init=n_init, threads=threads, window=window, keeping=keeping)

    allowed, parts = bytes_of(memory), parts_at(rank)
    needed = sum(parts.values())
    if needed <= allowed:
        return
    largest = sorted(parts.items(), key=lambda part: -part[1])[:3]
    raise MemoryBudgetError(
        f"the fit needs about {in_words(needed)} beside V, and memory={memory!r} allows {in_words(allowed)}: "
        + ", ".join(f"{name} {in_words(size)}" for name, size in largest)
        + f"; {_way_out(allowed, rank, parts_at)}"
    )


def _way_out(allowed: int, rank: int, parts_at: Callable[[int], dict[str, int]]) -> str:
    fits = next((k for k in range(rank - 1, 0, -1) if sum(parts_at(k).values()) <= allowed), None)
    some = "fit a part of the images, V[:, :n], and encode the rest a portion at a time with fit.encode"
    return f"take rank={fits}, or {some}, or allow more" if fits else f"{some}, or allow more memory"
