"""What each part looks like, in numbers: how sparse, how large, in how many pieces, how spread, how much its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgnmf.core.parts import Array
from imgnmf.errors import ParameterError, ShapeMismatchError

__all__ = ["PartMeasures", "part_measures"]


@dataclass(frozen=True, eq=False)
class PartMeasures:
    """One number a part, shape (rank,), and two about all of them; a part of zeros has zeros, and sparseness 1.

    Attributes
    ----------
    sparseness : array
        Hoyer's, 0 flat to 1 a single pixel (Hoyer 2004, sec. 3.1).
    area : array
        Share of the pixels that belong to the part's support.
    pieces : array of int
        Connected regions of the support; pixels touch at edges and corners.
    spread : array
        Root mean square distance, in pixels, of the part's mass from its centre.
    overlap : array
        Largest cosine with any other part.
    energy_share : array
        ``|w|^2 |h|^2`` over the sum of all; NaN without `H`.
    coverage : float
        Share of the pixels that are in the support of some part.
    mean_overlap : float
        Mean cosine of all pairs; 0 for a single part.
    """

    sparseness: Array
    area: Array
    pieces: Array
    spread: Array
    overlap: Array
    energy_share: Array
    coverage: float
    mean_overlap: float

    def means(self) -> dict[str, float]:
        """Each measure's mean over the parts, and the two about all."""
        each = ("sparseness", "area", "pieces", "spread", "overlap")
        largest = {"largest_energy_share": float(self.energy_share.max())}
        whole = {"coverage": self.coverage, "mean_overlap": self.mean_overlap}
        return {name: float(getattr(self, name).mean()) for name in each} | whole | largest


def part_measures(
    W: Array, image_shape: tuple[int, ...], H: Array | None = None, *, level: float = 0.1
) -> PartMeasures:
    """Measure the columns of `W` as pictures.

    Parameters
    ----------
    W : array, shape (n_pixels, rank), non-negative
    image_shape : (height, width) or (height, width, channels)
        A pixel is in a part's support if any channel is.
    H : array, shape (rank, n_images), optional
        For the share of the energy.
    level : float
        The support is where a part is above this share of its maximum; 0 to 1.

    Returns
    -------
    PartMeasures

    Raises
    ------
    ShapeMismatchError
        If `W`, `H` and `image_shape` do not fit together.
    ParameterError
        If `level` is not within 0 and 1.

    Examples
    --------
    >>> W = np.array([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]]).T
    >>> found = part_measures(W, (1, 4))
    >>> found.pieces.tolist(), found.area.tolist(), found.coverage, found.mean_overlap
    ([2, 1], [0.5, 0.5], 1.0, 0.0)
    """
    from imgnmf.core.measures import sparseness

    _check(W, image_shape, H, level)
    pictures = np.asarray(W, np.float64).T.reshape(W.shape[1], *image_shape[:2], -1)
    peak = pictures.max(axis=(1, 2, 3), keepdims=True)
    support = ((pictures > level * peak) & (pictures > 0)).any(axis=3)
    largest, mean = _overlaps(W)
    return PartMeasures(
        sparseness=sparseness(W),
        area=support.mean(axis=(1, 2)),
        pieces=_pieces(support),
        spread=_spread(pictures.sum(axis=3)),
        overlap=largest,
        energy_share=_energy_share(W, H),
        coverage=float(support.any(axis=0).mean()),
        mean_overlap=mean,
    )


def _pieces(support: Array) -> Array:
    from scipy.ndimage import label

    return np.array([label(one, np.ones((3, 3)))[1] for one in support])


def _spread(mass: Array) -> Array:
    total = mass.sum(axis=(1, 2))
    share = mass / np.where(total > 0, total, 1)[:, None, None]
    variance = np.zeros(len(mass))
    for axis in (1, 2):
        place = np.arange(mass.shape[axis])
        along = share.sum(axis=3 - axis)
        variance += along @ place**2 - (along @ place) ** 2
    return np.sqrt(np.maximum(variance, 0))


def _overlaps(W: Array) -> tuple[Array, float]:
    length = np.linalg.norm(np.asarray(W, np.float64), axis=0)
    unit = W / np.where(length > 0, length, 1)
    cosines = unit.T @ unit
    np.fill_diagonal(cosines, 0)
    pairs = max(W.shape[1] * (W.shape[1] - 1), 1)
    return np.asarray(cosines.max(axis=0)), float(cosines.sum() / pairs)


def _energy_share(W: Array, H: Array | None) -> Array:
    if H is None:
        return np.full(W.shape[1], np.nan)
    energy = np.square(W, dtype=np.float64).sum(axis=0) * np.square(H, dtype=np.float64).sum(axis=1)
    return np.asarray(energy / (energy.sum() or 1.0))


def _check(W: Array, image_shape: tuple[int, ...], H: Array | None, level: float) -> None:
    if len(image_shape) not in (2, 3) or np.ndim(W) != 2 or np.prod(image_shape) != W.shape[0]:
        raise ShapeMismatchError(
            f"W must be (n_pixels, rank) of images of {image_shape}, (height, width) or (height, width, channels); "
            f"got {np.shape(W)}"
        )
    if H is not None and (np.ndim(H) != 2 or H.shape[0] != W.shape[1]):
        raise ShapeMismatchError(f"H must be (rank, n_images) = ({W.shape[1]}, n_images), got {np.shape(H)}")
    if not 0 <= level <= 1:
        raise ParameterError(f"level must be a share from 0 to 1, got {level!r}")
