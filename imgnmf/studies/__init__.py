"""Several fits of the same images, to be looked at side by side."""

from __future__ import annotations

from imgnmf.studies.floor import svd_errors
from imgnmf.studies.ranks import RankRow, RankStudy, factorize_ranks

__all__ = ["RankRow", "RankStudy", "factorize_ranks", "svd_errors"]
