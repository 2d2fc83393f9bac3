"""Images cut into patches, and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from imgnmf.errors import DataError, IncompatibleError, ParameterError, ShapeMismatchError
from imgnmf.images.imageset import UNKNOWN_PIXELS, ImageSet, chosen_rows, is_one_color_picture
from imgnmf.images.options import check_choice
from imgnmf.intensity import white_level
from imgnmf.validation import as_array, checked_count, checked_rng

__all__ = ["PatchSet", "extract_patches"]

Aside = Literal["mean", "norm"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PatchSet(ImageSet):
    """Patches as images, that know where they were cut out.

    Attributes
    ----------
    origins : int array, shape (n_patches, 3)
        The number of the image, and the row and column of the upper left pixel in it.
    source_shapes : tuple of tuples
        The shape of each image.
    source_names : tuple of str
        The name of each image.
    scale : float array, shape (n_patches,), or None
        What each patch was divided by: its mean or its norm, if that was set aside. `assemble` multiplies by it.
    source_white : float, or None
        The value of white in the images, which `assemble` gives to those that it makes.
    """

    origins: NDArray[np.intp]
    source_shapes: tuple[tuple[int, ...], ...]
    source_names: tuple[str, ...]
    scale: NDArray[np.floating[Any]] | None = None
    source_white: float | None = None

    def __getitem__(self, index: int | slice | ArrayLike) -> Self:
        """Return the patches at `index` as a set that still assembles into the same images."""
        rows = chosen_rows(index, len(self))
        scale = None if self.scale is None else self.scale[rows]
        return replace(super().__getitem__(index), origins=self.origins[rows], scale=scale)

    def assemble(self, V_hat: NDArray[Any], *, weights: NDArray[Any] | None = None) -> ImageSet:
        """Put patches back where they were cut out; where they overlap, average.

        Parameters
        ----------
        V_hat : array, shape (n_pixels, n_patches)
            One patch a column: `V`, or a reconstruction of it.
        weights : array, shape (patch_height, patch_width), optional
            How much each pixel of a patch counts in the average; positive. By default all count alike.

        Returns
        -------
        ImageSet
            The images as floats (float32 if `V_hat` is), NaN where no patch was cut out, with the value of white of
            those that were cut.

        Raises
        ------
        ShapeMismatchError
            If `V_hat` or `weights` has another size, or the images differ in size: then use `assemble_each`.
        """
        if len(set(self.source_shapes)) > 1:
            raise ShapeMismatchError(
                f"expected images of one size for an ImageSet, found {sorted(set(self.source_shapes))}; "
                "assemble_each(V_hat) gives a list of arrays"
            )
        pictures = np.stack(self.assemble_each(V_hat, weights=weights))
        return ImageSet(pictures, self.source_names, white=self.source_white)

    def assemble_each(self, V_hat: NDArray[Any], *, weights: NDArray[Any] | None = None) -> list[NDArray[Any]]:
        """Do as `assemble` does, for images of any sizes: a list of arrays, one an image."""
        patches = self._patches_of(V_hat)
        weight = self._checked_weights(weights)
        dtype = np.result_type(patches.dtype, np.float32)
        return [
            _overlap_average(patches[here], self.origins[here, 1:], shape, weight).astype(dtype, copy=False)
            for shape, here in zip(self.source_shapes, self._rows_by_image(), strict=True)
        ]

    def _patches_of(self, V_hat: NDArray[Any]) -> NDArray[Any]:
        patches = self.stack(V_hat)
        if len(patches) != len(self):
            raise ShapeMismatchError(f"expected {len(self)} columns, one each patch, got {len(patches)}")
        return patches if self.scale is None else patches * _to_each(self.scale, patches)

    def _checked_weights(self, weights: NDArray[Any] | None) -> NDArray[Any]:
        patch_size = self.image_shape[:2]
        weight = np.ones(patch_size) if weights is None else np.asarray(weights, dtype=float)
        if weight.shape != patch_size or not (weight > 0).all():
            raise ShapeMismatchError(f"expected positive weights of shape {patch_size}, got {weight.shape}")
        return weight

    def _rows_by_image(self) -> list[NDArray[np.intp]]:
        return _rows_by_image(self.origins, len(self.source_shapes))


def extract_patches(
    images: ImageSet | NDArray[Any] | Sequence[NDArray[Any]],
    patch_size: tuple[int, int],
    *,
    n_patches: int | None = None,
    stride: int | tuple[int, int] | None = None,
    aside: Aside | None = None,
    rng: int | np.random.Generator | None = 0,
) -> PatchSet:
    """Cut patches out of images: at random places, or on a grid.

    Parameters
    ----------
    images : ImageSet, array of shape (n, h, w[, c]), or sequence of arrays of shape (h, w[, c])
        Those of a sequence may differ in height and width. One picture will do too, as an array of shape (h, w), or in
        color (h, w, 3 or 4), if it is at least 16 x 16; a smaller one is ``image[None]``.
    patch_size : (height, width)
        The size of a patch, at most that of the smallest image.
    n_patches : int, optional
        Cut this many at random places, no place twice, each place as likely as any other.
    stride : int or (down, right), optional
        Cut on a grid with this step; 1 takes all patches. The last row and column of the grid are moved to
        the edge of the image, so that no pixel is lost. By default the patches lie side by side.
    aside : {"mean", "norm"}, optional
        Divide each patch by its mean or by its Euclidean norm, so that bright patches do not rule the parts, and
        keep that number in `PatchSet.scale`. Divided and not subtracted: `V` stays non-negative.
    rng : int, numpy.random.Generator or None
        Where randomness comes from.

    Returns
    -------
    PatchSet
        An ImageSet of the patches in the dtype of the images; floats if something is set aside. A name tells the
        origin: ``"camera@120,64"`` has its upper left pixel in row 120, column 64. Labels are those of the images.

    Raises
    ------
    IncompatibleError
        If both `n_patches` and `stride` are given, or the images have a mask.
    ParameterError
        If `patch_size`, `n_patches` or `stride` is out of bounds.
    ShapeMismatchError, DataError
        If the images differ in channels or in dtype; if the mean of patches with negative pixels is set aside.

    Examples
    --------
    >>> image = np.arange(20).reshape(1, 4, 5)
    >>> patches = extract_patches(image, (2, 3), stride=2)
    >>> patches.pixels[0].tolist(), patches.names
    ([[0, 1, 2], [5, 6, 7]], ('0@0,0', '0@0,2', '0@2,0', '0@2,2'))
    >>> np.array_equal(patches.assemble(patches.V).pixels, image)
    True
    """
    if aside is not None:
        check_choice("aside", aside, get_args(Aside))
    source = images if isinstance(images, ImageSet) else None
    if source and source.mask is not None:
        raise IncompatibleError("a mask has the size of the images, not of patches: crop to what it keeps instead")
    pictures = _checked_pictures(images.pixels if isinstance(images, ImageSet) else images)
    size = _checked_patch_size(patch_size, pictures)
    if n_patches is not None and stride is not None:
        raise IncompatibleError("n_patches cuts at random places and stride on a grid; pass one of them")
    generator = checked_rng(rng)
    if n_patches is None:
        step = _pair("stride", size if stride is None else stride)
        origins = np.concatenate([_grid(i, picture, size, step) for i, picture in enumerate(pictures)])
    else:
        origins = _random_places(pictures, size, n_patches, generator)
    names = tuple(source.names) if source else tuple(map(str, range(len(pictures))))
    labels = source.labels if source else None
    pixels, scale = _without(_cut(pictures, origins, size), aside)
    white = source.white_level if source else max(map(white_level, pictures))
    return PatchSet(
        pixels,
        tuple(f"{names[image]}@{row},{column}" for image, row, column in origins.tolist()),
        None if labels is None else labels[origins[:, 0]],
        origins=origins,
        source_shapes=tuple(picture.shape for picture in pictures),
        source_names=names,
        scale=scale,
        source_white=white,
        white=white if scale is None else None,
    )


def _cut(pictures: list[NDArray[Any]], origins: NDArray[np.intp], size: tuple[int, int]) -> NDArray[Any]:
    pixels = np.empty((len(origins), *size, *pictures[0].shape[2:]), pictures[0].dtype)
    for picture, here in zip(pictures, _rows_by_image(origins, len(pictures)), strict=True):
        windows = sliding_window_view(picture, size, axis=(0, 1))
        cut = windows[origins[here, 1], origins[here, 2]]
        pixels[here] = np.moveaxis(cut, 1, -1) if cut.ndim == 4 else cut
    return pixels


def _without(pixels: NDArray[Any], aside: Aside | None) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return patches divided by their mean or norm, and that; a black patch stays black, its number is 0."""
    if aside is None:
        return pixels, None
    if aside == "mean" and pixels.min() < 0:
        raise DataError('expected pixels of at least 0 for aside="mean", found negative ones; take aside="norm"')
    flat = pixels.reshape(len(pixels), -1).astype(np.float64 if pixels.dtype.itemsize > 4 else np.float32)
    scale: NDArray[Any] = flat.mean(axis=1) if aside == "mean" else np.linalg.norm(flat, axis=1)
    divisor = np.where(scale > 0, scale, 1)[:, None]
    return np.divide(flat, divisor, out=flat).reshape(pixels.shape), scale


def _to_each(numbers: NDArray[Any], patches: NDArray[Any]) -> NDArray[Any]:
    return numbers.reshape(-1, *[1] * (patches.ndim - 1))


def _grid(image: int, picture: NDArray[Any], size: tuple[int, int], step: tuple[int, int]) -> NDArray[np.intp]:
    down, right = (
        np.append(np.arange(0, length - patch, stride), length - patch)
        for length, patch, stride in zip(picture.shape[:2], size, step, strict=True)
    )
    rows, columns = np.meshgrid(down, right, indexing="ij")
    return np.stack([np.full(rows.size, image), rows.ravel(), columns.ravel()], axis=1)


def _random_places(
    pictures: list[NDArray[Any]], size: tuple[int, int], n_patches: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    across = np.array([picture.shape[1] - size[1] + 1 for picture in pictures])
    places = across * [picture.shape[0] - size[0] + 1 for picture in pictures]
    if not 1 <= checked_count("n_patches", n_patches, 0) <= places.sum():
        raise ParameterError(f"expected n_patches in 1..{places.sum()}, the places there are, got {n_patches}")
    place = rng.choice(int(places.sum()), n_patches, replace=False)
    image = np.searchsorted(places.cumsum(), place, side="right")
    row, column = np.divmod(place - (places.cumsum() - places)[image], across[image])
    return np.stack([image, row, column], axis=1)


def _rows_by_image(origins: NDArray[np.intp], n_images: int) -> list[NDArray[np.intp]]:
    """Return for each image the indices of its patches."""
    order = np.argsort(origins[:, 0], kind="stable")
    return np.split(order, np.searchsorted(origins[order, 0], np.arange(1, n_images)))


def _overlap_average(
    patches: NDArray[Any], origins: NDArray[np.intp], shape: tuple[int, ...], weight: NDArray[Any]
) -> NDArray[Any]:
    """Sum one pixel of all patches at a time: as many steps as a patch has pixels, whatever their number."""
    height, width = shape[:2]
    channels = patches if patches.ndim == 4 else patches[..., None]
    total = np.zeros((channels.shape[3], height * width))
    share = np.zeros(height * width)
    first = origins[:, 0] * width + origins[:, 1]
    for (down, right), factor in np.ndenumerate(weight):
        place = first + down * width + right
        share += factor * np.bincount(place, minlength=share.size)
        for channel in range(len(total)):
            total[channel] += factor * np.bincount(place, channels[:, down, right, channel], share.size)
    average = np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0)
    return average.T.reshape(shape)


def _checked_pictures(images: Any) -> list[NDArray[Any]]:
    if not isinstance(images, (list, tuple)):
        array = as_array(images, "images", remedy=UNKNOWN_PIXELS)
        images = [array] if array.ndim < 3 or is_one_color_picture(array) else array
    pictures = [as_array(image, "an image", remedy=UNKNOWN_PIXELS) for image in images]
    if not pictures or any(picture.ndim not in (2, 3) for picture in pictures):
        raise ShapeMismatchError(
            "expected images of shape (height, width) or (height, width, channels), at least one, got "
            f"{[picture.shape for picture in pictures[:5]]}; a single image is image[None]"
        )
    if len({picture.shape[2:] for picture in pictures}) > 1:
        raise ShapeMismatchError("expected images with the same channels, found grey and colour")
    if len({picture.dtype for picture in pictures}) > 1:
        raise DataError("expected images of one dtype, found several; convert them to one scale first")
    return pictures


def _checked_patch_size(patch_size: tuple[int, int], pictures: list[NDArray[Any]]) -> tuple[int, int]:
    size = _pair("patch_size", patch_size)
    smallest = tuple(min(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    if size[0] > smallest[0] or size[1] > smallest[1]:
        raise ParameterError(f"expected a patch_size of at most {smallest}, the smallest image, got {size}")
    return size


def _pair(option: str, value: int | tuple[int, int]) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, (int, np.integer)) else value
    try:
        height, width = (checked_count(option, length, 1) for length in pair)
    except (TypeError, ValueError):
        raise ParameterError(f"expected {option} to be (height, width), both at least 1, got {value!r}") from None
    return height, width
