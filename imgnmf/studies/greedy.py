"""Layers one after the other: each takes apart what the one before it found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from imgnmf.core.parts import Array
from imgnmf.core.progress import Shelf, kept_as
from imgnmf.core.result import Factorization
from imgnmf.errors import Interrupted

__all__ = ["Greedy", "LayerCallback"]

LayerCallback: TypeAlias = Callable[[int, Any], object]


@dataclass(frozen=True)
class Greedy:
    """How one layer after the other is fitted."""

    fit: Callable[..., Factorization]
    callback: LayerCallback | None
    shelf: Shelf | None

    def chain(self, V: Any, ranks: Sequence[int], exponent: int) -> tuple[list[Array], bool]:
        """``[W_1, ..., W_L, H_L]`` in the unit of the blocks, and whether Ctrl-C ended it after the first was begun."""
        chain: list[Array] = []
        above, stopped = V, False
        for place, rank in enumerate(ranks):
            try:
                found = self._layer(place, above, rank)
            except Interrupted as interrupt:
                found, stopped = interrupt.best, True
                if found is None and not chain:
                    raise
            if found is None:  # its start was being prepared
                break
            found = found.normalized("unit")  # as it is already, unless max_iter was 0
            chain.append(found.W.astype(np.float64))
            above = found.H.astype(np.float64)
            if stopped:
                break
        return [*chain, np.ldexp(above, -exponent)], stopped

    def _layer(self, place: int, V: Any, rank: int) -> Factorization:
        shown = partial(self.callback, place) if self.callback else None
        return self.fit(V, rank, callback=shown, **kept_as(self.shelf, f"layer{place + 1}-k{rank}"))
