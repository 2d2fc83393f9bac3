"""What the page says in words of the images kept aside, where no curve can."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgnmf.viz.page_records import UnseenLike

__all__ = ["mean_errors", "missing_ranks", "single_rank"]


def mean_errors(unseen: UnseenLike) -> tuple[list[float], list[float]]:
    """Return the mean error of fitted images and of those kept aside, one a rank."""
    fitted, beyond = (np.asarray(curve, np.float64).mean(axis=0) for curve in (unseen.train, unseen.test))
    return fitted.tolist(), beyond.tolist()


def single_rank(ranks: Sequence[int], unseen: UnseenLike | None) -> str:
    """Return in words the errors that were measured at one rank alone; otherwise nothing."""
    if unseen is None or len(unseen.ranks) != 1:
        return ""
    (fitted,), (beyond,) = mean_errors(unseen)
    return (
        f"At k = {unseen.ranks[0]}, the error on images kept aside is {100 * beyond:.1f} % of the mean image's, "
        f"that on the fitted ones {100 * fitted:.1f} %{missing_ranks(ranks, unseen)}."
    )


def missing_ranks(ranks: Sequence[int], unseen: UnseenLike) -> str:
    """Return at which ranks there is no error on images kept aside, and why; nothing where there is one at all."""
    missing = [str(rank) for rank in ranks if rank > unseen.largest_rank]
    if not missing:
        return ""
    return f"; none at k = {', '.join(missing)}: what is left to fit can have {unseen.largest_rank} parts at most"
