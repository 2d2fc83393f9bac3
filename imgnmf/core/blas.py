"""One BLAS thread while a fit runs: our own threads go over blocks, and sums keep their order to the last bit.

The number of BLAS threads belongs to the whole process, so fits that overlap in threads share one limit: it holds until
the last of them ends, which gives the caller's setting back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from weakref import WeakSet

from threadpoolctl import OpenBLASController, ThreadpoolController

__all__ = ["one_blas_thread"]


class _Fit:
    """Stands for a fit that runs."""


class _Limit:
    """Which fits run, and what the caller had set for each BLAS library."""

    def __init__(self) -> None:
        self.former: dict[str, tuple[Any, int]] = {}
        self.forget_fits()

    def forget_fits(self) -> None:
        """None runs, as in a forked child; what the caller had set is given back when the next one ends."""
        self.lock = Lock()
        # Weak, so that a fit which Ctrl-C kept from leaving does not count for ever.
        self.fits: WeakSet[_Fit] = WeakSet()

    def enter(self, fit: _Fit) -> None:
        # SciPy brings a BLAS of its own. It would be loaded in the middle of the first fit of a process, and run there
        # with all its threads. NumPy's is loaded with NumPy; no other is used here.
        import scipy.linalg  # noqa: F401

        with self.lock:
            self.fits.add(fit)
            # Looked up by each fit anew: whatever was loaded since the last one began is limited too.
            for library in ThreadpoolController().select(user_api="blas").lib_controllers:
                self.former.setdefault(library.filepath, (library, library.num_threads))
                _set_threads(library, 1)

    def leave(self, fit: _Fit) -> None:
        with self.lock:
            self.fits.discard(fit)
            if self.fits:
                return
            for library, n_threads in self.former.values():
                _set_threads(library, n_threads)
            self.former.clear()


def _set_threads(library: Any, n_threads: int) -> None:
    if library.num_threads == n_threads:
        return
    # threadpoolctl lets only the thread that was the first to set a limit set another, and ignores all others, so that
    # threads do not overrule each other. Here the lock sees to that, and the last fit to end may run in any thread.
    OpenBLASController.clear_controlling_thread(force=True)
    library.set_num_threads(n_threads)
    OpenBLASController.clear_controlling_thread(force=True)


_LIMIT = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_LIMIT.forget_fits)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit every BLAS library of the process to one thread, until the last block that overlaps with this one ends."""
    fit = _Fit()
    try:
        _LIMIT.enter(fit)
        yield
    finally:
        try:
            _LIMIT.leave(fit)
        except KeyboardInterrupt:
            _LIMIT.leave(fit)
            raise
