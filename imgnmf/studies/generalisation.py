"""How good the parts are for images that the fit has not seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgnmf.core.check import checked_count, checked_values
from imgnmf.core.choices import LossLike, as_loss
from imgnmf.core.encode import encode
from imgnmf.core.interrupts import interruptible, own_best
from imgnmf.core.loading import loaded
from imgnmf.core.progress import Shelf, opened_shelf
from imgnmf.errors import ParameterError, ShapeMismatchError
from imgnmf.studies.prediction import EachFit, losses, quiet_fit
from imgnmf.studies.ranks import checked_ranks
from imgnmf.validation import checked_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Generalisation", "generalisation", "n_kept"]

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Generalisation:
    """Training and test error of each rank, several splits.

    Attributes
    ----------
    ranks : tuple of int
    train, test : array, shape (repeats, n_ranks)
        The loss, divided by that of the mean of the training images: 1 is no better than the mean image.
    unseen : {"images", "groups"}
        What the test images have in common with none of the training images.
    largest_rank : int
        No more parts can be fitted: there are as many training images, or pixels.

    Examples
    --------
    >>> found = Generalisation((1, 2), np.array([[0.5, 0.2]]), np.array([[0.6, 0.3]]), "images", 30)
    >>> found.gap.round(2).tolist()
    [0.1, 0.1]
    """

    ranks: tuple[int, ...]
    train: Array
    test: Array
    unseen: str
    largest_rank: int

    @property
    def gap(self) -> Array:
        """Test minus training error of each rank, the mean over the splits."""
        return np.asarray((self.test - self.train).mean(axis=0))

    @property
    def verdict(self) -> str:
        """What the curves say, in one sentence."""
        last, mean = self.ranks[-1], self.test.mean(axis=0)
        best = self.ranks[int(mean.argmin())]
        times = float(mean[-1] / max(self.train.mean(axis=0)[-1], np.finfo(float).tiny))
        ending = "still falls there" if best == last else f"is lowest at k = {best}"
        return (
            f"At k = {last} the error on unseen {self.unseen} is {times:.2g} times that on fitted images, and {ending}."
        )

    def figure(self) -> Figure:
        """Draw both errors against the rank, with their standard errors."""
        from imgnmf.studies.drawn import figure_of_generalisation

        return figure_of_generalisation(self)


@interruptible(own_best)
def generalisation(
    V: Any,
    ranks: Iterable[int],
    *,
    groups: Sequence[Any] | Array | None = None,
    share: float = 0.25,
    loss: LossLike = "frobenius",
    repeats: int = 3,
    max_iter: int = 300,
    rng: int = 0,
    threads: int | None = None,
    checkpoint: Shelf | None = None,
    resume: bool = False,
) -> Generalisation:
    """Fit some images and encode the others: the error of both against the rank.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        One image a column.
    ranks : iterable of int
        At most as many as there are pixels, and training images.
    groups : sequence, length n_images, optional
        Say who is on each image (``images.labels``): a person is then in the training or in the test images,
        never in both. None splits by image.
    share : float, above 0 and below 1
        Of the images, or groups, that are kept for the test.
    loss : "frobenius", "kullback-leibler", "itakura-saito" or Loss
    repeats : int
        So many random splits.
    max_iter : int
        Of each fit.
    rng : int
        Decides the splits and the starts.
    threads : int, optional
        None for one a processor.
    checkpoint : `imgnmf.CheckpointFolder`, optional
        A folder to keep the progress of every fit in.
    resume : bool
        Go on with the fits that are there: those that ended are kept, one that was interrupted is gone on with, and
        the result is the same to the last bit.

    Returns
    -------
    Generalisation

    Raises
    ------
    ParameterError
        A rank or an option is out of bounds, or there are fewer than two groups.
    ShapeMismatchError
        There is not one group an image.
    DataError
        V holds NaN, infinite or negative values.
    Interrupted
        At Ctrl-C, with the errors of the splits that were done as its `best`, or None.

    Examples
    --------
    >>> import imgnmf
    >>> found = generalisation(imgnmf.load_dataset("digits").V[:, :200], [2, 8], repeats=2)
    >>> bool((found.gap > 0).all())
    True
    """
    data = loaded(V, "generalisation", 32, "ask some of the images: images[:5000].V, say")
    checked_values(data)
    generator = np.random.default_rng(checked_count("rng", rng, 0))
    splits = [
        _test_images(data.shape[1], groups, share, generator) for _ in range(checked_count("repeats", repeats, 1))
    ]
    bounds = data.shape[0], min(int((~test).sum()) for test in splits)
    wanted = checked_ranks(ranks, bounds)
    shelf = opened_shelf(checkpoint, resume)
    options = EachFit(as_loss(loss), max_iter=checked_count("max_iter", max_iter, 1), threads=threads, shelf=shelf)
    errors: list[list[tuple[float, float]]] = []

    def found() -> Generalisation:
        train, test = np.moveaxis(np.array(errors), 2, 0)
        return Generalisation(wanted, train, test, "images" if groups is None else "groups", min(bounds))

    with interruptible(lambda _unfinished: found() if errors else None):
        for i, test in enumerate(splits):
            errors.append([_errors(data, test, rank, options, rng, run=f"-{i}") for rank in wanted])
    return found()


def n_kept(n: int, share: float = 0.25) -> int:
    """Return how many of `n` images, or groups, are kept for the test: one at least, and never all.

    >>> n_kept(100), n_kept(2)
    (25, 1)
    """
    return min(max(round(share * n), 1), n - 1)


def _test_images(n_images: int, groups: Any, share: float, rng: np.random.Generator) -> Array:
    """Which images are kept for the test, bool."""
    checked_number("share", share, "a number above 0 and below 1", above=0, most=float(np.nextafter(1, 0)))
    member = np.arange(n_images) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    if member.shape != (n_images,):
        raise ShapeMismatchError(f"expected one group for each of {n_images} images, got shape {np.shape(groups)}")
    n_groups = int(member.max()) + 1
    if n_groups < 2:
        raise ParameterError(f"a split needs at least two {'images' if groups is None else 'groups'}, got {n_groups}")
    kept = rng.permutation(n_groups)[: n_kept(n_groups, share)]
    return np.isin(member, kept)


def _errors(V: Array, test: Array, rank: int, options: EachFit, seed: int, *, run: str) -> tuple[float, float]:
    seen, unseen = V[:, ~test], V[:, test]
    fit = quiet_fit(seen, rank, options, seed, run=run)
    H = encode(unseen, fit.W, loss=fit.loss, floor=fit.floor, threads=options.threads)
    mean = seen.mean(axis=1, dtype=np.float64)[:, None]
    train, beyond = losses(fit, seen, fit.reconstruct(), mean), losses(fit, unseen, fit.W @ H, mean)
    return train[0] / train[1], beyond[0] / beyond[1]
