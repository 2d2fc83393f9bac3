"""What the page is made from: plain records, and what a study and an image set must have to become them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from imgnmf.errors import DataError, NoImagesError, ShapeMismatchError
from imgnmf.viz.figures.curves import TraceLike
from imgnmf.viz.stack import Array, as_stack, check_finite, refuse_negative

__all__ = [
    "FitLike",
    "ImagesLike",
    "PageFit",
    "PageImages",
    "PageSection",
    "StudyLike",
    "UnseenLike",
    "check",
    "page_fit",
]


class FitLike(Protocol):
    """What the page shows of a fit; `imgnmf.Factorization` has it all."""

    @property
    def W(self) -> Array:
        """Parts, (n_pixels, k)."""

    @property
    def H(self) -> Array:
        """Coefficients, (k, n_images)."""

    @property
    def relative_error(self) -> float:
        """Relative error of the fit."""

    @property
    def n_iter(self) -> int:
        """Iterations done."""

    @property
    def reason(self) -> str:
        """Why the fit ended."""

    @property
    def trace(self) -> TraceLike:
        """How the error fell."""


class StudyLike(Protocol):
    """Fits at several ranks."""

    @property
    def ranks(self) -> Sequence[int]:
        """The ranks that were fitted."""

    def __getitem__(self, rank: int, /) -> FitLike:
        """Return the fit at this rank."""


class UnseenLike(Protocol):
    """The errors of images kept aside, as `imgnmf.studies.Generalisation` holds them."""

    @property
    def ranks(self) -> Sequence[int]:
        """In rising order."""
        ...

    @property
    def train(self) -> Array:
        """Of the fitted images, shape (repeats, n_ranks)."""
        ...

    @property
    def test(self) -> Array:
        """Of the images kept aside, shape (repeats, n_ranks)."""
        ...

    @property
    def largest_rank(self) -> int:
        """No more parts can be fitted to the images that are left."""
        ...


class ImagesLike(Protocol):
    """The images that were fitted; `imgnmf.ImageSet` is one."""

    @property
    def pixels(self) -> Array:
        """Images, (n, h, w[, c])."""

    @property
    def names(self) -> Sequence[str]:
        """One name an image."""

    def stack(self, columns: Any, /) -> Array:
        """Turn columns (n_pixels, j) into images (j, h, w[, c])."""


@dataclass(frozen=True)
class PageFit:
    """One fit as the page needs it.

    Examples
    --------
    >>> import numpy as np
    >>> from imgnmf.viz import Curve
    >>> flat = Curve(np.arange(2), np.arange(2.0), np.array([0.5, 0.2]))
    >>> PageFit(1, np.ones((1, 2, 2)), np.ones((1, 3)), 0.2, 1, 1.0, "enough", flat).rank
    1
    """

    rank: int
    basis: Array
    coefficients: Array
    relative_error: float
    n_iter: int
    seconds: float
    reason: str
    trace: TraceLike


@dataclass(frozen=True)
class PageImages:
    """The images as the page needs them: a stack (n, h, w[, c]) and a name for each.

    Examples
    --------
    >>> import numpy as np
    >>> PageImages(np.zeros((1, 2, 2), np.uint8), ("a.png",)).names
    ('a.png',)
    """

    stack: Array
    names: tuple[str, ...]


@dataclass(frozen=True)
class PageSection:
    """One more section of the page: a picture, words, and a table of words; text throughout, never markup.

    Attributes
    ----------
    heading, words : str
    picture : bytes
        Of a PNG file.
    alt : str
        What the picture shows, for those who do not see it.
    columns : tuple of str
        The heads of the table; none for no table.
    rows : tuple of tuple of str
        As many words in each as there are columns.

    Examples
    --------
    >>> PageSection("Layers", "Parts of parts.", b"PNG", "A tree").rows
    ()
    """

    heading: str
    words: str
    picture: bytes
    alt: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def uri(self) -> str:
        """The picture as an address that holds it."""
        return f"data:image/png;base64,{base64.b64encode(self.picture).decode('ascii')}"


def page_fit(rank: int, fit: FitLike, images: ImagesLike) -> PageFit:
    """Take from a fit what the page needs."""
    seconds = np.asarray(fit.trace.seconds, dtype=np.float64)
    return PageFit(
        rank=rank,
        basis=images.stack(fit.W),
        coefficients=np.asarray(fit.H),
        relative_error=float(fit.relative_error),
        n_iter=int(fit.n_iter),
        seconds=float(seconds[-1]) if seconds.size else float("nan"),
        reason=str(fit.reason),
        trace=fit.trace,
    )


def check(fits: Sequence[PageFit], images: PageImages) -> None:
    """Raise unless there are images and fits, and every fit is one of these images."""
    stack = as_stack(images.stack, "images")
    refuse_negative(stack, "images")
    if len(images.names) != len(stack):
        raise ShapeMismatchError(f"names must hold one name an image, {len(stack)}, got {len(images.names)}")
    if not fits:
        raise NoImagesError("the study holds no fit: give at least one rank")
    for fit in fits:
        _check_fit(fit, stack)


def _check_fit(fit: PageFit, stack: Array) -> None:
    expected = (fit.rank, *stack.shape[1:]), (fit.rank, len(stack))
    found = fit.basis.shape, fit.coefficients.shape
    if found != expected:
        raise ShapeMismatchError(
            f"the fit at rank {fit.rank} must hold parts {expected[0]} and coefficients {expected[1]} "
            f"for these images, got {found[0]} and {found[1]}; give the images that were fitted"
        )
    for values, name in ((fit.basis, "W"), (fit.coefficients, "H")):
        check_finite(values, f"{name} at rank {fit.rank}")
        refuse_negative(values, f"{name} at rank {fit.rank}")
    if not np.isfinite(fit.relative_error):
        raise DataError(f"the relative error at rank {fit.rank} must be finite, got {fit.relative_error}")
