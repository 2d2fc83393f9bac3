"""V in memory, for the few that cannot go by blocks of images."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from imgnmf.core.check import as_data, as_matrix
from imgnmf.core.columns import is_elsewhere
from imgnmf.core.parts import Array
from imgnmf.errors import MemoryBudgetError

__all__ = ["in_words", "loaded", "machine_memory"]


def in_words(n_bytes: float) -> str:
    """A size to two digits.

    >>> in_words(1_230_000_000), in_words(999)
    ('1.2 GB', '999 bytes')
    """
    for name, unit in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.2g} {name}" if n_bytes < 100 * unit else f"{n_bytes / unit:.0f} {name}"
    return f"{n_bytes:.0f} bytes"


def loaded(V: Any, what: str, bytes_an_entry: int, instead: str) -> Array:
    """V in memory, for what cannot go by blocks of images; refused before it is read where it would not fit.

    Parameters
    ----------
    V : array, sparse matrix or source of columns
    what : str
        What asks for it.
    bytes_an_entry : int
        What it holds for each entry of V beside V.
    instead : str
        What to do where it does not fit.
    """
    data = as_data(V)
    if not is_elsewhere(data):
        return as_matrix(data)
    needed, room = data.size * (data.dtype.itemsize + bytes_an_entry), machine_memory()
    if needed > room:
        raise MemoryBudgetError(
            f"{what} needs all of V in memory: {data.shape[0]} pixels of {data.shape[1]} images in {data.dtype}, about "
            f"{in_words(needed)} with what it makes of them, and this machine has {in_words(room)}; {instead}"
        )
    return np.asarray(data)


def machine_memory() -> float:
    """How many bytes of memory there are; infinity where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return float("inf")
