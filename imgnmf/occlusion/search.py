"""`find_occlusions`: leave out what the parts do not explain, learn the parts without it, look again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgnmf.core.check import checked_count, checked_rank
from imgnmf.core.encode import encode
from imgnmf.core.interrupts import interruptible
from imgnmf.core.result import Factorization
from imgnmf.core.robust import Huber
from imgnmf.errors import DataError, DataWarning, ShapeMismatchError, tell
from imgnmf.inpainting.hide import hidden_pixels
from imgnmf.inpainting.pictures import Array, Images, Pictures, as_pictures
from imgnmf.inpainting.predict import LearnedParts
from imgnmf.occlusion.expected import first_surprise, spread_of, surprise
from imgnmf.occlusion.rule import Rule
from imgnmf.validation import checked_rng

__all__ = ["Occlusions", "find_occlusions"]

LEAST_IMAGES = 10
RIDGES = (0.001, 0.003, 0.01)
ROUND_ITERATIONS, TRIAL_ITERATIONS = 40, 100
# Of faces with nothing in the way 16 to 23 % are marked, of ORL with a block over every third 40 %; of Extended Yale B,
# where shadows fall, 71 %, and 18 % of all pixels. More than this looks like light or background.
MOST_IMAGES, MOST_PIXELS = 1 / 2, 1 / 10
# Suspect too much at first, so that the parts are learned from clean pixels; they clear what they explain.
EASE = (0.75, 0.83, 0.92, 1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False, repr=False)
class Occlusions:
    """What stands in the way in a set of images, and the parts of the images without it.

    Attributes
    ----------
    masks : array of bool, shape (n_images, h, w)
        True where something stands in the way.
    seen : array of bool, shape (n_pixels, n_images)
        False there, and where a pixel was unknown from the start: the `weights` of `factorize` and `inpaint`.
    fit : Factorization
        Learned from what was seen, in the unit of the images, with a ridge on both factors: of three, the one by which
        parts predict best what lies under an area.
    spread : array, shape (n_pixels, 1)
        How far off the parts are as a rule at each pixel, in the unit of the images.
    rule : Rule
        When an area counts as in the way.
    scores : array, shape (n_images,)
        How clear each find is: the sum of ``min(r^2, 25) - cutoff`` over the area of an image, in units of
        ``cutoff side^2``. A square of the given side at twice the cutoff, the least that is found away from the rim,
        has 1. 0 where nothing is found.
    """

    masks: Array
    seen: Array
    fit: Factorization
    spread: Array
    rule: Rule
    scores: Array

    @property
    def doubts_most(self) -> bool:
        """Whether more is doubted than things in front of some of the images explain."""
        touched = self.masks.any(axis=(1, 2)).mean()
        return bool(touched > MOST_IMAGES or self.masks.mean() > MOST_PIXELS)

    def __repr__(self) -> str:
        touched = int(self.masks.any(axis=(1, 2)).sum())
        share = f"{self.masks.mean():.2%} of all pixels"
        return f"Occlusions(perhaps in {touched} of {len(self.masks)} images, {share}; {self.fit})"

    @interruptible()
    def find_in(self, images: Images, weights: Any = None) -> Array:
        """What is seen of images that were not in the set, from a single one on.

        Parameters
        ----------
        images, weights
            As for `find_occlusions`, of the same size and in the same unit.

        Returns
        -------
        array of bool, shape (n_pixels, n_images)
            False where something stands in the way or nothing was known: the `weights` of ``fit.encode`` and `inpaint`.

        Raises
        ------
        ShapeMismatchError
            If the images are of another size.
        """
        pictures = as_pictures(images, weights)
        task = _task(pictures, self.rule.side, self.rule.cutoff)
        if task.rule.image_shape != self.rule.image_shape:
            raise ShapeMismatchError(
                f"the parts are of images of shape {self.rule.image_shape} (h, w, channels), got "
                f"{task.rule.image_shape}; give images of that shape"
            )
        V = task.V * pictures.unit

        def look(H: Array) -> Array:
            return surprise(np.where(task.known, V - self.fit.W @ H, np.nan), self.spread)

        return task.narrowed(look(self._unmoved(V, task.known)), lambda seen: look(self._best(V, seen)))

    def _unmoved(self, V: Array, known: Array) -> Array:
        """Coefficients that nothing in the way can move far."""
        return encode(V, self.fit.W, loss=Huber(float(np.median(self.spread))), weights=known)

    def _best(self, V: Array, seen: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            return encode(V, self.fit.W, loss=self.fit.loss, weights=seen, penalty=self.fit.penalty_H)


@interruptible()
def find_occlusions(
    images: Images,
    rank: int,
    weights: Any = None,
    *,
    side: float | None = None,
    cutoff: float = 8.0,
    max_iter: int = 300,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
) -> Occlusions:
    """Find areas that stand in the way: a scarf, a hand, a label, a broken block.

    Looks for parts, and for one area S in each image, that make

    ``sum over what is seen of min(r^2, 25) + cutoff |S| + (cutoff side / 4) |border of S|``

    small, where r is the residual ``V - W H`` in units of what it is as a rule at its pixel. In turns: given the
    parts, S is a minimum cut and exact (a Markov random field as in Zhou et al. 2009); given S, the parts are fitted
    to what is seen. The first suspects are what neither the median image nor the five most similar images explain.
    An image of which more than half would be in the way is left as it is. Scattered wrong pixels are not found: see
    `Huber`.

    Parameters
    ----------
    images : ImageSet, array of shape (n, h, w[, c]), or sequence of arrays of one shape, non-negative
        At least ten, which show the same thing at the same place. NaN in floats is unknown.
    rank : int
        k, of the fit; as high as without occlusions.
    weights : array, optional
        0 = not seen; of a form that `inpaint` takes.
    side : float, optional
        Pixels: a square of this side is found if its squared residuals are twice `cutoff`. Default: a fifth of the
        image's shorter side. Smaller finds smaller things, and more that is nothing.
    cutoff : float
        Of the squared residual, in squared spreads; below 25.
    max_iter : int
        Of the last fit.
    rng : int, Generator or None
        Which pixels are hidden to choose the ridge; among more than a thousand images, in which of them similar ones
        are looked for.
    threads : int, optional
        Of the fits; None for one per processor; the result does not depend on it.

    Returns
    -------
    Occlusions

    Raises
    ------
    DataError
        If there are fewer than ten images; if seen pixels are negative or infinite.
    ShapeMismatchError
        If the images differ in size, or the weights do not fit them.
    ParameterError
        If an option is out of bounds.
    Interrupted
        At Ctrl-C; its `best` is None.

    Warns
    -----
    DataWarning
        If more than half of the images or a tenth of the pixels is doubted: that looks like light or background.

    Notes
    -----
    What one image alone shows, as the background of a portrait or the shadow of a lamp, cannot be told from a thing
    that stands in the way. Of faces with nothing in the way about one image in five has an area that is marked.

    Examples
    --------
    >>> import numpy as np, imgnmf
    >>> rng = np.random.default_rng(0)
    >>> V = rng.random((400, 3)) @ rng.random((3, 60)) + 0.01 * rng.random((400, 60))
    >>> images = V.T.reshape(60, 20, 20)
    >>> images[7, 4:14, 5:15] = 2.0
    >>> found = imgnmf.find_occlusions(images, rank=3)
    >>> found.masks.any(axis=(1, 2)).nonzero()[0], int(found.masks[7].sum())
    (array([7]), 100)
    """
    pictures = as_pictures(images, weights)
    task = _task(pictures, side, cutoff)
    if task.V.shape[1] < LEAST_IMAGES:
        raise DataError(
            f"expected at least {LEAST_IMAGES} images, got {task.V.shape[1]}: what is in the way of one is told by "
            "what the others show; add images that show the same thing at the same place"
        )
    checked_count("max_iter", max_iter, 1)
    checked_rank(rank, task.V.shape, beyond=False)
    searching, hiding, starting = checked_rng(rng).spawn(3)
    parts = LearnedParts(rank, pictures.unit, starting, threads)

    def look(seen: Array) -> Array:
        residual = np.where(task.known, task.V - parts.predict(task.V, seen, RIDGES[0], ROUND_ITERATIONS).V, np.nan)
        return surprise(residual, spread_of(np.where(seen, residual, np.nan)))

    seen = task.narrowed(first_surprise(task.V, task.known, searching), look)
    ridge = _best_ridge(task, seen, parts, pictures, hiding)
    model, fit = parts.predict(task.V, seen, ridge, max_iter)
    residual = np.where(task.known, task.V - model, np.nan)
    spread = spread_of(np.where(seen, residual, np.nan))
    hidden = task.known & ~seen
    scores = task.rule.scores(surprise(residual, spread), hidden)
    found = Occlusions(task.rule.masks(hidden), seen, fit, pictures.unit * spread, task.rule, scores)
    if found.doubts_most:
        touched = int(found.masks.any(axis=(1, 2)).sum())
        tell(
            f"very much is doubted, {touched} of {len(found.masks)} images and {found.masks.mean():.1%} of all pixels: "
            "this looks like light, shadows or background, not like things in the way; look at the masks before you "
            "use them",
            DataWarning,
        )
    return found


@dataclass(frozen=True, eq=False)
class _Task:
    """Images as columns, what is known of them, and when an area counts as in the way."""

    V: Array
    known: Array
    rule: Rule

    def narrowed(self, suspect: Array, look: Callable[[Array], Array]) -> Array:
        """What is seen, after looking again and again at what is learned from what is seen."""
        seen = self.known & self.rule.clear(suspect, self.known, EASE[0])
        for ease in EASE[1:]:
            seen = self.known & self.rule.clear(look(seen), self.known, ease)
        return seen


def _task(pictures: Pictures, side: float | None, cutoff: float) -> _Task:
    if not pictures.one_size:
        raise ShapeMismatchError("expected images of one size, which show the same thing at the same place")
    shape = pictures.values[0].shape
    return _Task(_columns(pictures.values), _columns(pictures.seen), Rule.of(shape, side, cutoff))


def _columns(pictures: Sequence[Array]) -> Array:
    return np.stack([picture.ravel() for picture in pictures], axis=1)


def _best_ridge(task: _Task, seen: Array, parts: LearnedParts, pictures: Pictures, rng: np.random.Generator) -> float:
    """By which parts predict seen pixels best that are hidden under the areas of other images, as for `inpaint`."""
    areas = tuple((task.known & ~seen).T.reshape(-1, *task.rule.image_shape))
    hidden = _columns(hidden_pixels(pictures.without(areas), rng))
    if not hidden.any():
        return RIDGES[0]
    errors = [parts.predict(task.V, seen & ~hidden, ridge, TRIAL_ITERATIONS).V - task.V for ridge in RIDGES]
    return RIDGES[int(np.argmin([np.nansum(error[hidden] ** 2) for error in errors]))]
