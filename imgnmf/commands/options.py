"""How to fit, as the user chose it on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from imgnmf.checkpoint import Checkpoint, CheckpointFolder
from imgnmf.commands.interrupted import or_best
from imgnmf.commands.progress import following
from imgnmf.core.factorize import factorize
from imgnmf.core.presets import preset
from imgnmf.core.result import Factorization
from imgnmf.studies.ranks import RankStudy, factorize_ranks

__all__ = ["FitOptions"]


@dataclass(frozen=True)
class FitOptions:
    """The options that `gallery` and `fit` share; None leaves a choice to the library.

    Examples
    --------
    >>> import numpy as np
    >>> FitOptions(max_iter=50).fit(np.eye(3) + 1, [1, 2]).ranks
    (1, 2)
    """

    loss: Any = "frobenius"
    solver: Any = None
    init: Any = "nndsvd"
    max_iter: int = 500
    time_limit: float | None = None
    rng: int = 0
    threads: int | None = None
    memory: str | None = None
    parts: str = "global"

    def fit(
        self,
        V: Any,
        ranks: Iterable[int],
        image_shape: tuple[int, ...] | None = None,
        kept: CheckpointFolder | None = None,
    ) -> RankStudy:
        """Fit every rank, or go on with those that are kept; after Ctrl-C, the study says so.

        How far it is shows on a terminal.
        """
        wanted = list(ranks)
        with following(wanted) as callback:
            given = self.given(image_shape or (V.shape[0], 1))
            given |= {"callback": callback, "checkpoint": kept, "resume": kept is not None}
            return or_best(factorize_ranks, V, wanted, **given)[0]

    def fit_one(
        self, V: Any, rank: int, image_shape: tuple[int, ...] | None, checkpoint: Checkpoint | None, resume: bool
    ) -> Factorization:
        """Fit one rank, and keep its progress; after Ctrl-C, the best so far, and its reason says so."""
        with following([rank]) as callback:
            shown, given = partial(callback, rank), self.given(image_shape or (V.shape[0], 1))
            return or_best(factorize, V, rank, callback=shown, checkpoint=checkpoint, resume=resume, **given)[0]

    def given(self, image_shape: tuple[int, ...]) -> dict[str, Any]:
        """Return what `factorize` is to be given, the kind of parts spelled out.

        >>> FitOptions(parts="local").given((8, 8))["constraint_W"]
        Sparseness(value=0.75)
        """
        plain = {name: value for name, value in vars(self).items() if name != "parts"}
        return plain | vars(preset(self.parts, image_shape))
