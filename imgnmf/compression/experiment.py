"""Bytes against quality, the same for every codec: what is on disk, what comes back, image by image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from imgnmf.compression.bjontegaard import bd_rate
from imgnmf.compression.closed import quantised
from imgnmf.compression.codec import closed_bytes, fine_steps
from imgnmf.compression.layout import Layout, eight_bit
from imgnmf.compression.peers import Trial
from imgnmf.compression.ranks import fitted
from imgnmf.compression.targets import Attempt, Target, chosen, pooled_psnr
from imgnmf.core.check import checked_rank
from imgnmf.core.interrupts import interruptible, own_best
from imgnmf.core.parts import Array
from imgnmf.errors import ParameterError
from imgnmf.images import ImageSet
from imgnmf.validation import LARGEST, check_flag, checked_items, checked_number, is_instance

__all__ = ["Codec", "Curve", "RatePoint", "StorageRow", "rate_distortion", "storage"]

# The PSNR of an exact copy is infinite, which has no mean.
EXACT_DB = 100.0
# Above this, the factors are a copy, and half a dB more is of no use to anyone.
NEARLY_EXACT_DB = 50.0


@runtime_checkable
class Codec(Protocol):
    """What can be compared: a name, and what each setting makes of a set."""

    @property
    def name(self) -> str:
        """What the curve is called."""
        ...

    def trials(self, images: ImageSet) -> Iterator[Trial]:
        """Return the bytes and pixels of each setting."""
        ...


@dataclass(frozen=True)
class RatePoint:
    """One setting of a codec.

    Attributes
    ----------
    setting : str
    bits_per_pixel : float
        Of all files, the channels of a pixel together.
    psnr, ssim : float
        Means over the images, on uint8 with 255 for white; SSIM is NaN for images below 3 x 3.
    bytes_each, psnr_each, ssim_each : tuple of float
        One an image; bytes one a file.
    """

    setting: str
    bits_per_pixel: float
    psnr: float
    ssim: float
    bytes_each: tuple[int, ...]
    psnr_each: tuple[float, ...]
    ssim_each: tuple[float, ...]


@dataclass(frozen=True)
class Curve:
    """The points of a codec in rising rate; those that another setting beats are left out."""

    name: str
    points: tuple[RatePoint, ...]

    @property
    def rates(self) -> list[float]:
        """Bits per pixel."""
        return [point.bits_per_pixel for point in self.points]

    @property
    def psnrs(self) -> list[float]:
        """In dB."""
        return [point.psnr for point in self.points]

    def psnr_at(self, bits_per_pixel: float) -> float:
        """Return the PSNR at a rate, between points on the logarithm of the rate; NaN where the curve does not go."""
        if not self.rates[0] <= bits_per_pixel <= self.rates[-1]:
            return float("nan")
        return float(np.interp(np.log(bits_per_pixel), np.log(self.rates), self.psnrs))

    def bd_rate(self, anchor: Curve) -> float:
        """Percent more bytes than `anchor` for the same PSNR: see `imgnmf.compression.bd_rate`."""
        return bd_rate(anchor.rates, anchor.psnrs, self.rates, self.psnrs)

    def within(self, low: float, high: float) -> Curve:
        """Return the part of the curve between two rates."""
        return Curve(self.name, tuple(point for point in self.points if low <= point.bits_per_pixel <= high))


@dataclass(frozen=True)
class StorageRow:
    """What k parts are said to store, and what they need.

    Attributes
    ----------
    rank, numbers : int
        k, and ``k (m + n)`` in place of ``m n``.
    numbers_ratio, bytes_ratio : float
        The pixels over the numbers, which is no compression yet, and over the bytes of the file, which is.
    n_bytes : int
    psnr, psnr_exact : float
        Over all pixels: of the file, and of the factors before they were rounded, at most 50.
    """

    rank: int
    numbers: int
    numbers_ratio: float
    n_bytes: int
    bytes_ratio: float
    psnr: float
    psnr_exact: float


@interruptible(own_best)
def rate_distortion(images: Any, codecs: Sequence[Codec], *, ssim: bool = True) -> tuple[Curve, ...]:
    """Measure every setting of every codec on the same images.

    Bytes are those of whole files. Quality is measured on what the decoder gives, 8-bit, with 255 for white.

    Parameters
    ----------
    images : ImageSet or uint8 array, shape (n_images, height, width[, channels])
    codecs : sequence of Codec
        `PillowFormat`, `ClosedSet`, `Shared`, or anything with a name and trials.
    ssim : bool
        Whether to measure that too, which takes a while.

    Returns
    -------
    tuple of Curve

    Raises
    ------
    DataError
        If the images are not 8-bit.
    Interrupted
        At Ctrl-C, with the curves of the codecs that were done as its `best`, or None.

    Examples
    --------
    >>> from imgnmf.compression.peers import PillowFormat
    >>> rng = np.random.default_rng(0)
    >>> curve, = rate_distortion(rng.integers(0, 256, (2, 16, 16), dtype=np.uint8), [PillowFormat("JPEG")])
    >>> curve.name, curve.points[0].psnr < curve.points[-1].psnr
    ('JPEG per file', True)
    """
    found = eight_bit(images)
    check_flag("ssim", ssim)
    codecs = checked_items("codecs", codecs, "codecs=[Shared('faces', parts)]")
    for codec in codecs:
        if not is_instance(codec, Codec):
            raise ParameterError(f"codecs must have a name and trials(images), as Shared has; got {codec!r}")
    curves: list[Curve] = []
    with interruptible(lambda _unfinished: tuple(curves) or None):
        for codec in codecs:
            points = [_measured(found, trial, ssim) for trial in codec.trials(found)]
            curves.append(Curve(codec.name, _unbeaten(points)))
    return tuple(curves)


@interruptible(own_best)
def storage(images: Any, ranks: Sequence[int], *, allowed_db: float = 0.5) -> list[StorageRow]:
    """For each rank: the numbers that are kept, and the bytes that keep nearly all of their quality.

    Parameters
    ----------
    images : ImageSet or uint8 array, shape (n_images, height, width[, channels])
    ranks : sequence of int
    allowed_db : float
        What rounding may cost, in dB below the factors before they were rounded.

    Returns
    -------
    list of StorageRow

    Raises
    ------
    Interrupted
        At Ctrl-C, with the rows of the ranks that were done as its `best`, or None.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> row, = storage(rng.integers(0, 256, (20, 6, 6), dtype=np.uint8), [2])
    >>> row.numbers
    112
    """
    found = eight_bit(images)
    layout, V = Layout(found.image_shape), found.V
    checked_number("allowed_db", allowed_db, "a number of dB >= 0", least=0, most=LARGEST)
    ranks = [checked_rank(k, V.shape, beyond=False) for k in checked_items("ranks", ranks, "ranks=[4, 16]")]
    if not ranks:
        raise ParameterError("ranks is empty: give at least one")
    rows: list[StorageRow] = []
    with interruptible(lambda _unfinished: rows or None):
        for rank in ranks:
            W, H = fitted(V, rank, 0, None)
            exact = min(pooled_psnr(V, np.clip(np.rint(W @ H), 0, 255)), NEARLY_EXACT_DB)
            made = chosen(Target(target_psnr=exact - allowed_db), fine_steps(W, H), _rounding(V, W, H, layout))
            numbers, n_bytes = rank * sum(V.shape), len(made.data)
            rows.append(StorageRow(rank, numbers, V.size / numbers, n_bytes, V.size / n_bytes, made.psnr, exact))
    return rows


def _rounding(V: Array, W: Array, H: Array, layout: Layout) -> Callable[[float], Attempt]:
    def attempt(step: float) -> Attempt:
        coded = quantised(V, W, H, step)
        return Attempt(closed_bytes(coded, layout, V.shape[1]), pooled_psnr(V, coded.pixels()))

    return attempt


def _measured(images: ImageSet, trial: Trial, ssim: bool) -> RatePoint:
    pairs = list(zip(images.pixels, trial.pixels, strict=True))
    psnrs = tuple(min(pooled_psnr(one, other), EXACT_DB) for one, other in pairs)
    ssims = tuple(_ssim(one, other) for one, other in pairs) if ssim else (float("nan"),) * len(pairs)
    n_pixels = len(images) * images.image_shape[0] * images.image_shape[1]
    rate = 8 * sum(trial.n_bytes) / n_pixels
    return RatePoint(trial.setting, rate, float(np.mean(psnrs)), float(np.mean(ssims)), trial.n_bytes, psnrs, ssims)


def _ssim(one: Any, other: Any) -> float:
    from skimage.metrics import structural_similarity

    side = min(7, *one.shape[:2])
    window = side if side % 2 else side - 1
    if window < 3:
        return float("nan")
    channels = 2 if one.ndim == 3 else None
    return float(structural_similarity(one, other, win_size=window, data_range=255, channel_axis=channels))


def _unbeaten(points: list[RatePoint]) -> tuple[RatePoint, ...]:
    """Points in rising rate, each better than all before it."""
    kept: list[RatePoint] = []
    for point in sorted(points, key=lambda point: (point.bits_per_pixel, -point.psnr)):
        if not kept or point.psnr > kept[-1].psnr:
            kept.append(point)
    return tuple(kept)
