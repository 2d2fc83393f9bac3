"""W many times within a pass: a window of images after the other is taken apart, each from the last one's parts.

A window that is large against the rank tells nearly all about W that the whole set does, and a dozen iterations on
it cost a fraction of one reading of V. Statistics of images seen before, as online dictionary learning keeps them
(Mairal et al. 2010), were measured and left out: coefficients found for older parts hold W back
(docs/decisions/0005-online-without-statistics.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any

import numpy as np

from imgnmf.core.blocks import Runner, energy_of
from imgnmf.core.check import checked_count
from imgnmf.core.columns import is_elsewhere
from imgnmf.core.iterate import first_iterate, iterate
from imgnmf.core.parts import Array
from imgnmf.core.problem import Problem
from imgnmf.core.sparse import is_sparse
from imgnmf.core.start import coefficients_in

__all__ = ["Online", "window_size", "windows"]

# A window is gathered from so many runs of images all over V, since neighbours are often alike.
RUNS = 16
FEWEST_IMAGES, IMAGES_A_PART = 2500, 50


@dataclass(frozen=True)
class Online:
    """Improve W many times within a pass, before the passes that each improve it once.

    For more images than a few thousand, and the more so the slower V can be read. Each window of images gets its own
    coefficients for the parts so far, and some iterations of the solver, for any loss, with penalties, weights and
    given parts. The passes over the whole that follow settle what a window leaves undecided; ``max_iter=1`` makes it
    one.

    Parameters
    ----------
    passes : int
        Times that the windows cover V.
    images : int, optional
        In a window; None for 2500, or 50 for each part where that is more.
    iterations : int
        On each window.

    Examples
    --------
    >>> import imgnmf
    >>> V = np.random.default_rng(0).random((16, 6000), dtype=np.float32)
    >>> imgnmf.factorize(V, 4, online=Online(passes=1), max_iter=30).relative_error < 0.5
    True
    """

    passes: int = 2
    images: int | None = None
    iterations: int = 10

    def __post_init__(self) -> None:
        checked_count("passes", self.passes, 1)
        checked_count("iterations", self.iterations, 1)
        if self.images is not None:
            checked_count("images", self.images, 1)

    def improved(self, problem: Problem, W: Array, run: Runner[Any]) -> Iterator[Array]:
        """Parts after each window, shape (rank, n_pixels)."""
        n_images = problem.blocks.shape[1]
        for _ in range(self.passes):
            for spans in windows(n_images, window_size(self.images, len(W))):
                window = _narrowed(problem, spans, run)
                if window.energy > 0:
                    W = _after(window, W, self.iterations, run)
                    yield W


def window_size(images: int | None, rank: int) -> int:
    """How many images a window has, if the user does not say.

    >>> window_size(None, 100)
    5000
    """
    return max(FEWEST_IMAGES, IMAGES_A_PART * rank) if images is None else images


def windows(n_images: int, size: int) -> list[list[slice]]:
    """Cut the columns into windows of about `size`, each of several runs that are spread over all of them.

    >>> [[(run.start, run.stop) for run in window] for window in windows(8, 4)]
    [[(0, 1), (2, 3), (4, 5), (6, 7)], [(1, 2), (3, 4), (5, 6), (7, 8)]]
    """
    n_windows = max(1, n_images // size)
    n_runs = min(RUNS, n_images // n_windows)
    edges = np.linspace(0, n_images, n_windows * n_runs + 1).astype(int)
    runs = [slice(int(a), int(b)) for a, b in pairwise(edges)]
    return [runs[first::n_windows] for first in range(n_windows)]


def _narrowed(problem: Problem, spans: list[slice], run: Runner[Any]) -> Problem:
    """The problem for some of the images alone."""
    blocks = problem.blocks
    weights = None if blocks.weights is None else _gathered(blocks.weights, spans)
    some = replace(blocks.of(_gathered(blocks.data, spans)), weights=weights)
    share = some.shape[1] / blocks.shape[1]
    return replace(
        problem,
        blocks=some,
        energy=energy_of(some, run),
        reference=problem.reference * share,
        penalty_W=problem.penalty_W.in_unit(np.log2(share), 0),
    )


def _gathered(data: Any, spans: list[slice]) -> Any:
    if is_elsewhere(data):
        return data.some(spans)
    if is_sparse(data):
        return data[:, np.concatenate([np.arange(span.start, span.stop) for span in spans])]
    return np.concatenate([data[:, span].T for span in spans]).T


def _after(window: Problem, W: Array, iterations: int, run: Runner[Any]) -> Array:
    begin = first_iterate(window, W, coefficients_in(window, W, run))
    return deque(islice(iterate(window, begin, run), iterations), maxlen=1)[0].W
