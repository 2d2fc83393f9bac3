"""The figures of the studies: the one module here that knows `imgnmf.viz`, and imports it only to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imgnmf.studies.choice import RankChoice
    from imgnmf.studies.generalisation import Generalisation

__all__ = ["figure_of_choice", "figure_of_generalisation"]


def figure_of_choice(choice: RankChoice) -> Figure:
    """The scores against the rank, the choice marked, the advice below."""
    from imgnmf.viz import score_curves

    return score_curves(
        choice.ranks,
        {choice.method: choice.scores},
        chosen=choice.rank,
        score=choice.meaning,
        note=choice.advice,
        title="Which k?",
    )


def figure_of_generalisation(found: Generalisation) -> Figure:
    """Training and test error against the rank."""
    from imgnmf.viz import score_curves

    return score_curves(
        found.ranks,
        {"fitted images": found.train, f"unseen {found.unseen}": found.test},
        score="loss / that of the mean image",
        note=found.verdict,
        title="Does it generalise?",
    )
