"""Fit on a dask cluster, with a bar on a terminal, and the bytes that went over the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imgnmf.checkpoint import Checkpoint
from imgnmf.cluster import Passed, connected, factorize
from imgnmf.commands.interrupted import or_best
from imgnmf.commands.options import FitOptions
from imgnmf.commands.progress import following
from imgnmf.core.result import Factorization
from imgnmf.errors import ClusterError, IncompatibleError
from imgnmf.images import ImageSet

__all__ = ["fit_there", "traffic"]


def fit_there(
    scheduler: str,
    images: ImageSet,
    rank: int,
    options: FitOptions,
    keep: Callable[[Factorization], None],
    *,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
) -> tuple[Factorization, Passed | None]:
    """Fit on the cluster, or as far as Ctrl-C let it; return the last pass too. If it is lost, `keep` what had come.

    Raises
    ------
    ClusterError
        As `imgnmf.cluster.factorize`.
    """
    chosen = options.given(images.image_shape)
    chosen.pop("threads")  # the workers have their own
    if chosen.pop("memory") is not None:
        raise IncompatibleError("--memory is for one machine; the workers of a cluster have limits of their own")
    passes: list[Passed] = []
    try:
        with connected(scheduler) as client, following([rank]) as show:
            fit, _ = or_best(
                factorize,
                images.V,
                rank,
                client=client,
                callback=lambda state: show(rank, state),
                watch=lambda passed: passes.__setitem__(slice(None), [passed]),
                checkpoint=checkpoint,
                resume=resume,
                **chosen,
            )
    except ClusterError as error:
        if error.best is None:
            raise
        keep(error.best)
        raise ClusterError(f"{error}; the best factors that had come back were written") from None
    return fit, passes[0] if passes else None


def traffic(passed: Any) -> str:
    """Say what each iteration sent.

    >>> traffic(Passed(1, 0.1, 2, 8192, 9216, 0))
    'each iteration sent 4,096 bytes to and 4,608 bytes from each of 2 worker(s)'
    """
    down, up = passed.bytes_down // passed.workers, passed.bytes_up // passed.workers
    return f"each iteration sent {down:,} bytes to and {up:,} bytes from each of {passed.workers} worker(s)"
