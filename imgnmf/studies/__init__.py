"""Several fits of the same images, to be looked at side by side."""

from __future__ import annotations

from imgnmf.studies.choice import RankChoice, choose_rank
from imgnmf.studies.floor import svd_errors
from imgnmf.studies.generalisation import Generalisation, generalisation
from imgnmf.studies.ranks import RankRow, RankStudy, factorize_ranks
from imgnmf.studies.stability import Consensus, consensus

__all__ = [
    "Consensus",
    "Generalisation",
    "RankChoice",
    "RankRow",
    "RankStudy",
    "choose_rank",
    "consensus",
    "factorize_ranks",
    "generalisation",
    "svd_errors",
]
