"""An array in a file, before it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.images.report import shown

__all__ = ["REAL", "StoredArray"]

REAL = "buif"  # kinds of dtype that images have


@dataclass(frozen=True)
class StoredArray:
    """One array of a file, not read yet.

    Attributes
    ----------
    key : str
        What it is called in the file; empty if the file holds just one.
    images_first : bool
        The format counts images along the first axis. MATLAB and HDF5 do not say.
    own : bool
        What `read` returns belongs to us, and may be changed where it lies.
    names : tuple of str
        What its images are called, if the file says so.
    stored_bytes : int
        How many bytes it takes in its file; 0 if that is all of the file, or unknown.
    """

    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], NDArray[Any]]
    images_first: bool = False
    own: bool = True
    names: tuple[str, ...] = ()
    stored_bytes: int = 0

    def __str__(self) -> str:
        size = " x ".join(map(str, self.shape)) or "a single number"
        return f"{shown(self.key) + ': ' if self.key else ''}{size} of {self.dtype}"
