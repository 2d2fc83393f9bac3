"""V as the cross-validations need it: every entry in memory, in a unit whose squares are numbers."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgnmf.core.loading import in_words, machine_memory
from imgnmf.core.losses import Loss
from imgnmf.core.robust import Huber
from imgnmf.core.sparse import is_sparse
from imgnmf.errors import MemoryBudgetError

__all__ = ["in_full", "in_good_unit"]

Array: TypeAlias = NDArray[Any]

# Of an entry: V itself, and what a study makes of it.
BYTES = 56
# As in the core: within these powers of two, squares are far from both ends of the range.
NEAR = 16


def in_full(V: Any, method: str) -> Array:
    """A sparse V with its zeros, refused where they would not fit in memory.

    >>> from scipy.sparse import csc_array
    >>> in_full(csc_array(np.eye(2)), "held-out").tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if not is_sparse(V):
        return np.asarray(V)
    needed, room = float(V.shape[0]) * V.shape[1] * BYTES, machine_memory()
    if needed > room:
        raise MemoryBudgetError(
            f"method={method!r} hides entries of V, zeros too, and needs all {V.shape[0]} x {V.shape[1]} of them in "
            f"memory, about {in_words(needed)}; this machine has {in_words(room)}; ask some of the images, "
            "or take method='elbow', which keeps V sparse"
        )
    return np.asarray(V.toarray())


def in_good_unit(V: Array, loss: Loss, largest: float) -> tuple[Array, Loss]:
    """V and its loss by a power of two nearer to 1, where squares of V would leave the range of a float.

    >>> in_good_unit(np.full((1, 1), 2.0**-600), Huber(2.0**-600), 2.0**-600)
    (array([[0.5]]), Huber(delta=0.5, share=1.0))
    """
    exponent = int(np.frexp(largest)[1])
    if abs(exponent) <= NEAR:
        return V, loss
    return np.ldexp(V, -exponent), loss.in_unit(-exponent) if isinstance(loss, Huber) else loss
