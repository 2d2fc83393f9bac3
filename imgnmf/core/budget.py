"""What a fit takes in memory, known before it takes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from imgnmf.core.blocks import MOST_COLUMNS, block_spans
from imgnmf.core.columns import KEPT_RUNS, is_elsewhere, run_bytes
from imgnmf.core.inits import NNDSVD, SPA, Init
from imgnmf.core.lead_in import sample_size
from imgnmf.core.loading import in_words
from imgnmf.core.sparse import is_sparse, spans_of
from imgnmf.errors import MemoryBudgetError, ParameterError

__all__ = ["bytes_of", "check_budget", "estimate"]

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
# The accepted pair's, the last step's, and one that is written: see `imgnmf.core.iterate`. The exact coefficients of
# the end take no more.
BUFFERS_OF_H = 3
# Copies of a block in flight, in the working precision: itself, the model, and what is made of both.
COPIES_OF_A_BLOCK = 6
# What the start by singular vectors holds beside its result: probe, projection and vectors, some in float64.
COPIES_IN_NNDSVD = 4


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
    V: Any, rank: int, init: Init, *, n_init: int = 1, threads: int = 1, window: int = 0, keeping: bool = False
) -> dict[str, int]:
    """What a fit takes beside V and the interpreter, in bytes, by what takes it.

    Parameters
    ----------
    V : array or Columns
    rank : int
    init : Init
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
    (n_pixels, n_images), item = V.shape, 8 if V.dtype == np.float64 else 4
    parts = {f"{BUFFERS_OF_H} times H": BUFFERS_OF_H * rank * n_images * item}
    if n_init > 1:
        parts["the best fit so far"] = 2 * rank * (n_images + n_pixels) * item
    if keeping:  # one more H while a pass goes on; and the file, beside what goes into it
        parts["the checkpoint"] = ((1 + 4 * n_init) * n_images + 6 * n_pixels) * rank * item
    if window:
        parts["windows of images"] = 2 * min(window, n_images) * (_stored(V) * V.dtype.itemsize + 4 * rank * item)
    sample = sample_size(n_images, rank) if getattr(init, "lead_in", False) else None
    if sample is not None:
        held = _stored(V) * V.dtype.itemsize * (1 if is_elsewhere(V) else 2)
        parts["a sample of the images for the start"] = sample * (held + COPIES_IN_NNDSVD * (rank + 10) * item)
    elif isinstance(init, NNDSVD):
        parts["the singular vectors of the start"] = COPIES_IN_NNDSVD * (rank + 10) * (n_images + n_pixels) * item
    elif isinstance(init, SPA):
        parts["norms of the images"] = 4 * n_images * 8
    spans = spans_of(V) if is_sparse(V) else block_spans(n_pixels, min(n_images, 4 * MOST_COLUMNS))
    block = max(span.stop - span.start for span in spans) * max(_stored(V), rank)
    parts["blocks in flight"] = (threads + 1) * COPIES_OF_A_BLOCK * block * item
    parts["W and what its steps need"] = 10 * rank * n_pixels * item
    if is_elsewhere(V):
        parts["images read ahead"] = (KEPT_RUNS + 2) * run_bytes(V)
    return parts


def _stored(V: Any) -> int:
    """Numbers that an image takes, an index counted as one."""
    return 2 * -(-V.nnz // V.shape[1]) if is_sparse(V) else int(V.shape[0])


def check_budget(
    memory: Any, V: Any, rank: int, init: Init, *, n_init: int, threads: int, window: int = 0, keeping: bool = False
) -> None:
    """Refuse, before anything is allocated, what would take more than `memory`.

    Raises
    ------
    MemoryBudgetError
        With the estimate, and what would fit.
    """

    def parts_at(k: int) -> dict[str, int]:
        return estimate(V, k, init, n_init=n_init, threads=threads, window=window, keeping=keeping)

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
