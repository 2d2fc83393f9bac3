"""The checkpoint of a fit on a cluster: written from what came to the client."""

from __future__ import annotations

import os
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from imgnmf.core.iterate import Iterate
from imgnmf.core.losses import Loss
from imgnmf.core.progress import Keeping
from imgnmf.core.result import History

__all__ = ["Notes"]


@dataclass
class Notes:
    """What is at hand for the checkpoint: the last iterate whose H came, and how the fit went up to there."""

    keeping: Keeping
    history: History
    loss: Loss
    keep_every: int
    place: Any = None
    taken: tuple[Iterate, History] | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is a checkpoint."""
        return self.keeping.session is not None

    def take(self, iterate: Iterate) -> None:
        """Note an iterate, and write it if it is time, or was while H did not come."""
        if self.keeping.session is None:
            return
        self.taken = iterate, _copied(self.history, iterate.iteration)
        since = range(max(iterate.iteration - self.keep_every, 0) + 1, iterate.iteration + 1)
        if any(self.keeping.session.due(iteration) for iteration in since):
            self.write()

    def write(self) -> None:
        """Write what is at hand, once."""
        if self.taken is not None:
            iterate, history = self.taken
            self.keeping.after(iterate, history, self.loss, last=True)
            self.taken = None

    def how_to_go_on(self, something_came: bool) -> str:
        """What to do once the cluster is lost."""
        if self.wanted:
            return (
                f"its progress is kept in {os.fspath(self.place)!r}: fit again with resume=True, on another cluster or "
                "by imgnmf.factorize"
            )
        if something_came:
            return "the best factors that had come back are its `best`: begin from there by init=GivenFactors(W, H)"
        return "nothing had come back yet: begin again, with checkpoint= to be able to go on"


def _copied(history: History, length: int) -> History:
    same = deepcopy(history)
    same.cut(length)
    return same
