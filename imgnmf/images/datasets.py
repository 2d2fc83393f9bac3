"""Named sets of images: what they are, under what terms, and how to get them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgnmf.errors import ParameterError
from imgnmf.images.imageset import ImageSet
from imgnmf.images.patches import extract_patches
from imgnmf.images.synthetic import SwimmerVariant, swimmer

__all__ = ["DatasetInfo", "describe_datasets", "load_dataset"]

CC0_PICTURES = ("camera", "grass", "gravel", "brick")


@dataclass(frozen=True)
class DatasetInfo:
    """What one should know about a set before using it.

    Attributes
    ----------
    name : str
        What `load_dataset` calls it.
    description : str
        What is on the images.
    shape : tuple of int
        (n_images, height, width), with the default options.
    licence : str
        The terms, as far as they are stated anywhere.
    citation : str
        What to cite.
    availability : str
        Where the images come from.
    options : tuple of str
        Which keywords of `load_dataset` apply.
    """

    name: str
    description: str
    shape: tuple[int, ...]
    licence: str
    citation: str
    availability: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Dataset:
    info: DatasetInfo
    load: Callable[..., ImageSet]


def load_dataset(
    name: str,
    *,
    patch_size: tuple[int, int] | None = None,
    n_patches: int | None = None,
    rng: int | np.random.Generator | None = None,
    variant: SwimmerVariant | None = None,
) -> ImageSet:
    """Load a named set of images; nothing is downloaded.

    Parameters
    ----------
    name : {"lfw-faces", "digits", "patches", "swimmer"}
        See `describe_datasets`.
    patch_size : (height, width), optional
        Of ``"patches"`` only; by default (8, 8).
    n_patches : int, optional
        Of ``"patches"`` only; by default 10,000.
    rng : int or numpy.random.Generator, optional
        Of ``"patches"`` only: where they are cut out; by default 0.
    variant : {"32x32", "20x11"}, optional
        Of ``"swimmer"`` only; by default ``"32x32"``.

    Returns
    -------
    ImageSet
        Pixels in the dtype and range of their source: floats 0..1 (lfw-faces), floats 0..16 (digits), uint8
        (patches, swimmer). Digits are labelled 0..9, patches with the picture they are cut out of.

    Raises
    ------
    ParameterError
        If there is no such set, an option does not apply to it, or it needs a package that is not installed.

    Examples
    --------
    >>> load_dataset("patches", patch_size=(6, 6), n_patches=50)
    PatchSet(50 images of 6 x 6, uint8)
    """
    wanted = next((dataset for dataset in DATASETS if dataset.info.name == name), None)
    if wanted is None:
        known = ", ".join(dataset.info.name for dataset in DATASETS)
        raise ParameterError(f"there is no dataset {name!r}; there are {known}")
    options = {"patch_size": patch_size, "n_patches": n_patches, "rng": rng, "variant": variant}
    given = {option: value for option, value in options.items() if value is not None}
    _check_options(wanted.info, given)
    return wanted.load(**given)


def describe_datasets() -> tuple[DatasetInfo, ...]:
    """Return what is known about every named set.

    Examples
    --------
    >>> [info.name for info in describe_datasets()]
    ['lfw-faces', 'digits', 'patches', 'swimmer']
    """
    return tuple(dataset.info for dataset in DATASETS)


def _check_options(info: DatasetInfo, given: dict[str, Any]) -> None:
    for option in given:
        if option not in info.options:
            takes = ", ".join(info.options) or "no options"
            raise ParameterError(f"{option} does not apply to the dataset {info.name!r}, which takes {takes}")


def _lfw_faces() -> ImageSet:
    from skimage.data import lfw_subset

    # The second hundred are no faces.
    return ImageSet(lfw_subset()[:100].copy(), [f"face-{i:03}" for i in range(100)])


def _digits() -> ImageSet:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ParameterError(
            "the dataset 'digits' comes with scikit-learn, which is missing: pip install imgnmf[sklearn]"
        ) from error
    digits = load_digits()
    names = [f"digit-{i:04}" for i in range(len(digits.images))]
    return ImageSet(digits.images, names, digits.target)


def _patches(
    patch_size: tuple[int, int] = (8, 8), n_patches: int = 10_000, rng: int | np.random.Generator = 0
) -> ImageSet:
    from skimage import data

    pictures = np.stack([getattr(data, name)() for name in CC0_PICTURES])
    images = ImageSet(pictures, CC0_PICTURES, np.array(CC0_PICTURES))
    return extract_patches(images, patch_size, n_patches=n_patches, rng=rng)


def _swimmer(variant: SwimmerVariant = "32x32") -> ImageSet:
    return swimmer(variant)[0]


DATASETS = (
    _Dataset(
        DatasetInfo(
            name="lfw-faces",
            description="100 grey faces, tightly cropped from Labeled Faces in the Wild; float64, 0..1",
            shape=(100, 25, 25),
            licence="stated nowhere; the photographs are press pictures: do not redistribute them",
            citation="Huang, Ramesh, Berg and Learned-Miller, Labeled Faces in the Wild, "
            "Univ. of Massachusetts Amherst, Technical Report 07-49, 2007",
            availability="in the scikit-image package (the first half of skimage.data.lfw_subset)",
        ),
        _lfw_faces,
    ),
    _Dataset(
        DatasetInfo(
            name="digits",
            description="1797 handwritten digits with labels 0..9; float64, 0..16",
            shape=(1797, 8, 8),
            licence="not stated by scikit-learn; CC BY 4.0 at the UCI repository, to our knowledge",
            citation="Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998",
            availability="in the scikit-learn package (pip install imgnmf[sklearn])",
        ),
        _digits,
    ),
    _Dataset(
        DatasetInfo(
            name="patches",
            description="random patches of four photographs (camera, grass, gravel, brick); uint8",
            shape=(10_000, 8, 8),
            licence="CC0 (public domain), as scikit-image states for each of the four",
            citation="van der Walt et al., scikit-image: image processing in Python, PeerJ 2:e453, 2014",
            availability="cut from pictures in the scikit-image package",
            options=("patch_size", "n_patches", "rng"),
        ),
        _patches,
    ),
    _Dataset(
        DatasetInfo(
            name="swimmer",
            description="all 256 poses of a figure whose 17 parts are known; uint8, 0 or 255",
            shape=(256, 32, 32),
            licence="generated by imgnmf: BSD-3-Clause, as the package",
            citation="Donoho and Stodden, When does non-negative matrix factorization give a correct "
            "decomposition into parts?, NIPS 2003",
            availability="generated",
            options=("variant",),
        ),
        _swimmer,
    ),
)
