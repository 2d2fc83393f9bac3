"""Generated images whose parts are known: what a decomposition finds can be held against them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import ParameterError
from imgnmf.images.imageset import ImageSet
from imgnmf.validation import checked_rng

__all__ = ["SwimmerVariant", "bars", "swimmer"]

SwimmerVariant = Literal["32x32", "20x11"]

WHITE = 255
# Two bars that cross must still fit into 8 bits.
BAR = 127

UP, DOWN, LEVEL, RISING, FALLING = (-1, 0), (1, 0), (0, -1), (-1, -1), (1, -1)
ARM_DIRECTIONS = (UP, RISING, LEVEL, FALLING)
LEG_DIRECTIONS = (RISING, LEVEL, FALLING, DOWN)


@dataclass(frozen=True)
class _Body:
    """Where the torso of a swimmer is, and how long its limbs are; the right side mirrors the left."""

    shape: tuple[int, int]
    column: int
    shoulder: int
    hip: int
    limb_length: int


BODIES = {
    "32x32": _Body(shape=(32, 32), column=15, shoulder=9, hip=21, limb_length=5),
    "20x11": _Body(shape=(20, 11), column=5, shoulder=5, hip=14, limb_length=3),
}


def swimmer(variant: SwimmerVariant = "32x32") -> tuple[ImageSet, NDArray[np.bool_]]:
    """Draw all poses of the Swimmer: a torso that never moves, and four limbs in four positions each.

    Every image is the sum of 5 of the 17 parts, so ``V = W H`` holds exactly with the parts as columns of
    `W`. The matrix has rank 13 only, and each limb with a quarter of the torso is an exact non-negative
    factorization too, at rank 16: an error of zero does not prove that the parts were found. Compare with
    the masks.

    Parameters
    ----------
    variant : {"32x32", "20x11"}
        The two figures in circulation: of the first, the torso has 17 pixels and a limb 5; of the second,
        14 and 3. The joints belong to the torso.

    Returns
    -------
    images : ImageSet
        256 images of uint8, 0 or 255, named by the four positions: ``"0132"`` is left arm, left leg, right
        arm, right leg.
    masks : bool array, shape (17, height, width)
        The torso, then the limbs in the order of the names, four positions each. No two overlap.

    Raises
    ------
    ParameterError
        If there is no such variant.

    References
    ----------
    Donoho and Stodden, "When does non-negative matrix factorization give a correct decomposition into
    parts?", NIPS 2003. The 20x11 figure: Gillis, "Nonnegative Matrix Factorization", SIAM 2020.

    Examples
    --------
    >>> images, masks = swimmer("20x11")
    >>> images, masks.shape
    (ImageSet(256 images of 20 x 11, uint8), (17, 20, 11))
    >>> int(np.linalg.matrix_rank(images.V.astype(float)))
    13
    """
    if variant not in BODIES:
        known = ", ".join(map(repr, get_args(SwimmerVariant)))
        raise ParameterError(f"expected variant to be one of {known}, got {variant!r}")
    masks = _swimmer_parts(BODIES[variant])
    poses = np.array(list(itertools.product(range(4), repeat=4)))
    limbs = masks[1:].reshape(4, 4, *masks.shape[1:])
    lit = masks[0] | limbs[np.arange(4), poses].any(axis=1)
    names = ["".join(map(str, pose)) for pose in poses]
    return ImageSet(lit.astype(np.uint8) * WHITE, names), masks


def bars(
    size: int = 8, n_images: int = 500, rng: int | np.random.Generator | None = 0
) -> tuple[ImageSet, NDArray[np.bool_]]:
    """Draw random sums of bars: each of the `size` rows and `size` columns is one part.

    Each bar is in an image with probability ``1 / size``, and at least one is. Brightness adds up where two
    cross, so that ``V = W H`` holds exactly with the bars as columns of `W`.

    Parameters
    ----------
    size : int
        Height and width of an image, at least 2.
    n_images : int
        How many images to draw, at least 1.
    rng : int, numpy.random.Generator or None
        Where randomness comes from.

    Returns
    -------
    images : ImageSet
        Images of uint8: 0, 127 on a bar, 254 where two cross.
    masks : bool array, shape (2 * size, size, size)
        The rows from the top, then the columns from the left.

    Raises
    ------
    ParameterError
        If `size` or `n_images` is too small.

    References
    ----------
    After Foldiak, "Forming sparse representations by local anti-Hebbian learning", Biol. Cybern. 1990.

    Examples
    --------
    >>> images, masks = bars(size=4, n_images=100)
    >>> images, masks.shape, np.unique(images.pixels)
    (ImageSet(100 images of 4 x 4, uint8), (8, 4, 4), array([  0, 127, 254], dtype=uint8))
    """
    if size < 2 or n_images < 1:
        raise ParameterError(f"expected size >= 2 and n_images >= 1, got {size} and {n_images}")
    random = checked_rng(rng)
    present = random.random((n_images, 2 * size)) < 1 / size
    present[np.arange(n_images), random.integers(2 * size, size=n_images)] = True
    across, down = np.uint8(BAR) * present[:, :size, None], np.uint8(BAR) * present[:, None, size:]
    rows, columns = np.eye(size, dtype=bool)[:, :, None], np.eye(size, dtype=bool)[:, None, :]
    square = (size, size, size)
    masks = np.concatenate([np.broadcast_to(rows, square), np.broadcast_to(columns, square)])
    return ImageSet(across + down), masks


def _swimmer_parts(body: _Body) -> NDArray[np.bool_]:
    arms = [_limb(body, body.shoulder, direction) for direction in ARM_DIRECTIONS]
    legs = [_limb(body, body.hip, direction) for direction in LEG_DIRECTIONS]
    left = np.array([*arms, *legs])
    return np.concatenate([_torso(body)[None], left, _mirrored(left, body)])


def _torso(body: _Body) -> NDArray[np.bool_]:
    mask = np.zeros(body.shape, dtype=bool)
    mask[body.shoulder : body.hip + 1, body.column] = True
    for joint in (body.shoulder, body.hip):
        mask[joint, [body.column - 1, body.column + 1]] = True
    return mask


def _limb(body: _Body, joint: int, direction: tuple[int, int]) -> NDArray[np.bool_]:
    steps = np.arange(1, body.limb_length + 1)
    mask = np.zeros(body.shape, dtype=bool)
    mask[joint + steps * direction[0], body.column - 1 + steps * direction[1]] = True
    return mask


def _mirrored(masks: NDArray[Any], body: _Body) -> NDArray[Any]:
    mirrored = np.zeros_like(masks)
    width = 2 * body.column + 1
    mirrored[:, :, :width] = masks[:, :, width - 1 :: -1]
    return mirrored
