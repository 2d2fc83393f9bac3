"""`inpaint`: hide some seen pixels, see what fills them best, and fill the unseen ones so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgnmf.core.check import checked_count
from imgnmf.core.interrupts import interruptible
from imgnmf.core.result import Factorization
from imgnmf.errors import DataWarning, IncompatibleError, ShapeMismatchError, tell
from imgnmf.inpainting.extend import biharmonic
from imgnmf.inpainting.hide import hidden_pixels
from imgnmf.inpainting.mix import PARTS_ALONE, Mix, guesses, learned_mix
from imgnmf.inpainting.pictures import Array, Images, Pictures, as_pictures, in_form_of
from imgnmf.inpainting.predict import Cut, GivenParts, LearnedParts, Parts, Patches, WholeImages
from imgnmf.validation import checked_pair, checked_rng

__all__ = ["Inpainted", "inpaint"]

PATCH_SIZE = (8, 8)
RANK, PATCH_RANK = 64, 25
TRIAL_ITERATIONS = 100
DEFAULT_STRENGTH = 0.003


@dataclass(frozen=True, eq=False)
class Inpainted:
    """Images without holes, and how far they can be trusted.

    Attributes
    ----------
    images : as they came in
        An ImageSet, an array or a list of arrays; dtype and shape as given, and what was seen is untouched.
    filled : tuple of bool arrays, each of the shape of its image
        Which pixels were filled.
    fit : Factorization or None
        The parts that were used, in the unit of the images; None if nothing was missing.
    patch_size : (height, width) or None
        None if whole images were the columns.
    strength : float
        Of the ridge on the factors, relative to V: the one that predicts hidden pixels best.
    mix : Mix
        How much the parts count at which distance from a seen pixel.
    hidden_error : float
        ``|filled - true| / |true|`` on seen pixels that were hidden for the choice; NaN if none could be.
    smooth_error : float
        The same for biharmonic inpainting, without parts.
    """

    images: Any
    filled: tuple[Array, ...]
    fit: Factorization | None
    patch_size: tuple[int, int] | None
    strength: float
    mix: Mix
    hidden_error: float
    smooth_error: float


@dataclass(frozen=True)
class Choice:
    """What predicted hidden pixels best."""

    strength: float = DEFAULT_STRENGTH
    mix: Mix = PARTS_ALONE
    error: float = np.nan
    smooth_error: float = np.nan


@dataclass(frozen=True)
class Filler:
    """Columns, parts, and the pictures they make."""

    cut: Cut
    parts: Parts

    def model(self, pictures: Pictures, strength: float, max_iter: int) -> tuple[list[Array], Factorization]:
        """What the parts make of every picture."""
        V, weights = self.cut.columns(pictures.values), self.cut.columns(pictures.weights)
        predicted = self.parts.predict(V, weights, strength, max_iter)
        return self.cut.pictures(predicted.V, weights, pictures.values), predicted.fit


@interruptible()
def inpaint(
    images: Images,
    weights: Any = None,
    rank: int | None = None,
    *,
    model: Factorization | None = None,
    patch_size: tuple[int, int] | None = None,
    max_iter: int = 300,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
) -> Inpainted:
    """Fill pixels that were not seen, from the parts that the images share and from what lies next to the hole.

    The parts are fitted to the seen pixels, with a ridge on both factors, and say what is in the hole. What they miss
    on its rim is carried on into it, so that there is no seam: as a membrane (harmonic), and as a bent plate
    (biharmonic, Damelin & Hoang 2018, the method of scikit-image). The ridge, and how much each guess and plain
    biharmonic inpainting count at each distance from a seen pixel, are those that predict seen pixels best which
    are hidden for that: under the holes of other images, moved to a random place.

    Parameters
    ----------
    images : ImageSet, array of shape (n, h, w[, c]), or sequence of arrays of shape (h, w[, c]), non-negative
        NaN in floats is unknown. Those of a sequence may differ in size. What stands in an unknown pixel is ignored.
    weights : array or sequence of arrays, non-negative, optional
        0 or False = not seen, to be filled; larger weights count more in the fit. Of the shape of the images, without
        their channels, (h, w) for all of them, or (n_pixels, n_images) as for `factorize`.
    rank : int, optional
        k; None for 64, for patches 25, or as many as the data allow.
    model : Factorization, optional
        Parts learned before, from whole images of this kind or from patches; `rank` is then theirs.
    patch_size : (height, width), optional
        Take patches as columns. None for whole images, which must show the same thing at the same place; a
        single image, or images of several sizes, are always cut, by default into 8 x 8. A patch should be larger
        than the holes.
    max_iter : int
        Of the fit.
    rng : int, Generator or None
        Decides which pixels are hidden.
    threads : int, optional
        None for one per processor; the result does not depend on it.

    Returns
    -------
    Inpainted
        ``.images`` in the form that came in.

    Raises
    ------
    DataError
        If an image, or a channel of it, has no seen pixel; if seen pixels are negative or infinite.
    ShapeMismatchError
        If weights or model do not fit the images.
    ParameterError
        If an option is out of bounds; IncompatibleError if both `rank` and `model` are given.
    Interrupted
        At Ctrl-C; its `best` is None.

    Warns
    -----
    DataWarning
        If a pixel was seen in no image at all: parts learned from these images cannot know it.

    Examples
    --------
    >>> import numpy as np, imgnmf
    >>> faces = imgnmf.load_dataset("lfw-faces").pixels
    >>> seen = np.ones(faces.shape, bool)
    >>> seen[:10, 8:16, 8:16] = False
    >>> done = imgnmf.inpaint(faces, seen, rank=16)
    >>> np.array_equal(done.images[seen], faces[seen]), done.hidden_error < done.smooth_error
    (True, True)
    """
    pictures = as_pictures(images, weights)
    checked_count("max_iter", max_iter, 1)
    hiding, starting = checked_rng(rng).spawn(2)
    filler = _filler(pictures, rank, model, patch_size, starting, threads)
    size = filler.cut.size if isinstance(filler.cut, Patches) else None
    filled = _shaped([~seen for seen in pictures.seen], images)
    if not any(mask.any() for mask in filled):
        whole = in_form_of(images, pictures.values, pictures)
        return Inpainted(whole, filled, None, size, 0.0, PARTS_ALONE, np.nan, np.nan)
    hidden = hidden_pixels(pictures, hiding)
    choice = _best(filler, pictures, hidden, min(max_iter, TRIAL_ITERATIONS))
    made, fit = filler.model(pictures, choice.strength, max_iter)
    values = _filled(pictures, made, choice.mix)
    return Inpainted(
        in_form_of(images, values, pictures),
        filled,
        fit,
        size,
        choice.strength,
        choice.mix,
        choice.error,
        choice.smooth_error,
    )


def _best(filler: Filler, pictures: Pictures, hidden: tuple[Array, ...], max_iter: int) -> Choice:
    """Try each strength with more pixels hidden, and keep what predicts those best."""
    tested = [number for number, mask in enumerate(hidden) if mask.any()]
    if not tested:
        return Choice()
    harder = pictures.without(hidden)
    trials = (_trial(filler, pictures, harder, tested, strength, max_iter) for strength in filler.parts.strengths)
    return min(trials, key=lambda choice: choice.error)


def _trial(
    filler: Filler, pictures: Pictures, harder: Pictures, tested: list[int], strength: float, max_iter: int
) -> Choice:
    made, _fit = filler.model(harder, strength, max_iter)
    found = list(guesses(_chosen(harder, tested), [made[number] for number in tested]))
    truth = [pictures.values[number] for number in tested]
    hidden = [pictures.seen[number] & ~harder.seen[number] for number in tested]
    mix = learned_mix(found, truth, hidden)
    mixed = [_or_smooth(mix.applied(guess), guess.smooth) for guess in found]
    smooth = [guess.smooth for guess in found]
    return Choice(strength, mix, _error(mixed, truth, hidden), _error(smooth, truth, hidden))


def _filled(pictures: Pictures, made: list[Array], mix: Mix) -> list[Array]:
    """The pictures with their holes filled; what no part knows is carried on from what was filled around it."""
    brightest = max(float(value.max()) for value in pictures.values)
    values = list(pictures.values)
    holed = [number for number, seen in enumerate(pictures.seen) if not seen.all()]
    for number, guess in zip(holed, guesses(_chosen(pictures, holed), [made[number] for number in holed]), strict=True):
        mixed = np.where(pictures.seen[number], pictures.values[number], mix.applied(guess))
        unknown = np.isnan(mixed)
        values[number] = biharmonic(np.where(unknown, 0, mixed), unknown).clip(0, brightest)
    return values


def _or_smooth(mixed: Array, smooth: Array) -> Array:
    return np.where(np.isnan(mixed), smooth, mixed)


def _chosen(pictures: Pictures, numbers: Sequence[int]) -> Pictures:
    return Pictures(
        tuple(pictures.values[number] for number in numbers),
        tuple(pictures.weights[number] for number in numbers),
        tuple(pictures.names[number] for number in numbers),
        pictures.unit,
    )


def _error(filled: list[Array], truth: list[Array], hidden: list[Array]) -> float:
    new, true = (
        np.concatenate([one[mask] for one, mask in zip(values, hidden, strict=True)]) for values in (filled, truth)
    )
    length = float(np.linalg.norm(true))
    return float(np.linalg.norm(new - true)) / length if length else 0.0


def _shaped(masks: list[Array], images: Images) -> tuple[Array, ...]:
    originals = images if isinstance(images, Sequence | np.ndarray) else images.pixels
    return tuple(mask.reshape(np.shape(image)) for mask, image in zip(masks, originals, strict=True))


def _filler(
    pictures: Pictures,
    rank: int | None,
    model: Factorization | None,
    patch_size: tuple[int, int] | None,
    rng: np.random.Generator,
    threads: int | None,
) -> Filler:
    cut = _cut(pictures, patch_size)
    shape = cut.columns(pictures.values).shape
    if model is None:
        _warn_of_unseen(cut, pictures)
        k = min(PATCH_RANK if isinstance(cut, Patches) else RANK, *shape) if rank is None else rank
        return Filler(cut, LearnedParts(k, pictures.unit, rng, threads))
    if rank is not None:
        raise IncompatibleError(
            f"the parts of a model are given, so rank={rank!r} has no meaning: leave one of them out"
        )
    if model.W.shape[0] != shape[0]:
        raise ShapeMismatchError(
            f"the parts of the model have {model.W.shape[0]} pixels, what is to be filled {shape[0]}; "
            "give images of the model's size, or the patch_size that the model was learned with"
        )
    return Filler(cut, GivenParts(model, pictures.unit, threads))


def _cut(pictures: Pictures, patch_size: tuple[int, int] | None) -> Cut:
    patch_size = checked_pair("patch_size", patch_size)
    if patch_size is None and pictures.one_size and len(pictures.values) > 1:
        return WholeImages()
    smallest = (min(value.shape[axis] for value in pictures.values) for axis in (0, 1))
    height, width = map(min, PATCH_SIZE, smallest)
    return Patches((height, width) if patch_size is None else patch_size)


def _warn_of_unseen(cut: Cut, pictures: Pictures) -> None:
    unseen = int((~(cut.columns(pictures.weights) > 0).any(axis=1)).sum())
    if unseen:
        tell(
            f"{unseen} pixel(s) of {len(pictures.values[0].ravel())} were seen in no image, so that parts of these "
            "images cannot know them: filled smoothly from around. Give a model of whole images, or cut patches "
            "that are larger than the hole (patch_size)",
            DataWarning,
        )
