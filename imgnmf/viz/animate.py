"""Moving pictures: a basis while it learns, reconstructions that grow with the rank or part by part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from imgnmf.errors import NoImagesError, ShapeMismatchError
from imgnmf.validation import checked_choice, checked_count
from imgnmf.viz.film import Animation, filmed, times
from imgnmf.viz.montage import Scale, montage
from imgnmf.viz.quality import full_range, relative_error
from imgnmf.viz.stack import Array, as_pictures, check_finite, per_tile, refuse_negative, shrunk

__all__ = ["Animation", "animate_basis", "animate_build_up", "animate_reconstructions"]

# Pixels of the longer side: small parts are magnified towards the first, none is shown beyond the second.
WANTED, MOST = 480, 960


def animate_basis(
    stacks: Sequence[ArrayLike],
    *,
    iterations: Sequence[int] | None = None,
    errors: Sequence[float] | None = None,
    scale: Scale = "per-tile",
    columns: int | None = None,
    magnify: int | None = None,
    frame_ms: int = 150,
    hold_ms: int = 2000,
    title: str | None = None,
) -> Animation:
    """Show the parts while they are learnt, a frame a stack; the last frame stays for a while.

    A grey means the same in all frames: every part is divided by its largest value in any of them, or all
    parts by the largest of all. Grey parts are drawn as on paper, white for 0; colour parts as light.

    Parameters
    ----------
    stacks : sequence of array, shape (k, h, w) or (k, h, w, c), >= 0
        The parts after some of the iterations, say ``images.stack(state.W)`` from a callback. Scale moves
        between W and H as a fit goes on: divide each part by its length first.
    iterations : sequence of int, optional
        Which iterations they are after, for the caption; by default 1, 2, 3, ...
    errors : sequence of float, optional
        The relative error of each, for the caption.
    scale : {"per-tile", "shared"}
        Each part on its own scale, or all on one.
    columns : int, optional
        Parts in a row.
    magnify : int, optional
        Each pixel becomes a square of this side; by default what makes the picture about 480 pixels high.
        Larger ones are averaged down to 960.
    frame_ms, hold_ms : int
        How long each frame and the last one are shown, in milliseconds: multiples of 10, at least 20.
    title : str, optional
        Written above.

    Returns
    -------
    Animation
        For `save_animation`.

    Raises
    ------
    NoImagesError, ShapeMismatchError
        There are no stacks, they differ in shape, or there is not one iteration or error a stack.
    DataError
        Values are NaN, infinite or negative.
    ParameterError
        An option is out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> first, last = np.ones((4, 2, 2)), np.eye(4).reshape(4, 2, 2)
    >>> film = animate_basis([first, last], iterations=[1, 50], errors=[0.4, 0.1])
    >>> len(film.frames), film.milliseconds
    (2, (150, 2000))
    """
    parts = _same_shape(stacks)
    numbers = range(1, len(parts) + 1) if iterations is None else _one_each(iterations, parts, "iterations")
    captions = [f"iteration {number}" for number in numbers]
    if errors is not None:
        given = _one_each(errors, parts, "errors")
        captions = [f"{words} · error {_percent(error)}" for words, error in zip(captions, given, strict=True)]
    small = [shrunk(stack, _side(len(stack), stack.shape[1:3])) for stack in _common_scale(parts, scale)]
    factor = _magnification(small[0], columns) if magnify is None else magnify
    paper = small[0].ndim == 3
    pictures = [montage(s, columns=columns, scale=None, magnify=factor, white_is_zero=paper) for s in small]
    return filmed(pictures, captions, times(len(pictures), frame_ms, hold_ms), title)


def animate_reconstructions(
    originals: ArrayLike,
    by_rank: Mapping[int, ArrayLike],
    *,
    errors: Mapping[int, float] | None = None,
    data_range: float | None = None,
    magnify: int | None = None,
    frame_ms: int = 800,
    hold_ms: int = 2400,
    title: str | None = None,
) -> Animation:
    """Show images, and under them what they are rebuilt to at every rank, a frame a rank.

    Parameters
    ----------
    originals : array, shape (n, h, w) or (n, h, w, c)
        The images, a few of them.
    by_rank : mapping of int to array, shape (n, h, w[, c])
        The reconstructions of the same images, shown by increasing rank.
    errors : mapping of int to float, optional
        The relative error of each fit, for the caption; by default that of the images shown.
    data_range : float, optional
        The value of white, as in `reconstructions`.
    magnify, frame_ms, hold_ms, title
        As in `animate_basis`.

    Returns
    -------
    Animation

    Raises
    ------
    NoImagesError, ShapeMismatchError, DataError, ParameterError
        As in `animate_basis`.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1, 64).reshape(1, 8, 8)
    >>> film = animate_reconstructions(image, {1: image * 0.5, 4: image * 0.9})
    >>> film.milliseconds
    (800, 2400)
    """
    images = as_pictures(originals, "originals")
    if not by_rank:
        raise NoImagesError("by_rank is empty: give at least one rank, {rank: reconstructions}")
    ranks = sorted(by_rank)
    rebuilt = [as_pictures(by_rank[rank], f"by_rank[{rank}]") for rank in ranks]
    for rank, pictures in zip(ranks, rebuilt, strict=True):
        _check_shape(pictures, images, f"by_rank[{rank}]")
    known = _errors(images, dict(zip(ranks, rebuilt, strict=True))) if errors is None else errors
    if missing := [rank for rank in ranks if rank not in known]:
        raise ShapeMismatchError(f"errors must hold one number a rank, those of {missing} are missing")
    captions = [f"below: k = {rank} · error {_percent(known[rank])}" for rank in ranks]
    white = full_range(np.asarray(originals), data_range)
    rows = [_two_rows(images, now, white, magnify) for now in rebuilt]
    return filmed(rows, captions, times(len(rows), frame_ms, hold_ms), title)


def animate_build_up(
    parts_stack: ArrayLike,
    coefficients: ArrayLike,
    *,
    n_parts: int | None = None,
    data_range: float | None = None,
    magnify: int | None = None,
    frame_ms: int = 250,
    hold_ms: int = 2400,
    title: str | None = None,
) -> Animation:
    """Show images as they are summed up from their strongest parts, each image in its own order.

    Parameters
    ----------
    parts_stack : array, shape (k, h, w[, c]), >= 0
        The parts.
    coefficients : array, shape (k, n), >= 0
        How much of each part each image holds: a few columns of H.
    n_parts : int, optional
        With how many parts to end; by default with all.
    data_range : float, optional
        The value of white; by default 1 for sums within 0..1, else the largest value.
    magnify, frame_ms, hold_ms, title
        As in `animate_basis`.

    Returns
    -------
    Animation
        A frame for each number of parts, from 1.

    Raises
    ------
    NoImagesError, ShapeMismatchError, DataError, ParameterError
        As in `animate_basis`.

    Examples
    --------
    >>> import numpy as np
    >>> film = animate_build_up(np.eye(4).reshape(4, 2, 2), np.ones((4, 1)))
    >>> len(film.frames)
    4
    """
    parts = as_pictures(parts_stack, "parts_stack")
    H = np.asarray(coefficients, dtype=np.float64)
    if H.ndim != 2 or len(H) != len(parts) or not H.size:
        raise ShapeMismatchError(f"coefficients must have shape ({len(parts)}, n), a column an image, got {H.shape}")
    check_finite(H, "coefficients")
    for values, name in ((H, "coefficients"), (parts, "parts_stack")):
        refuse_negative(values, name)
    if n_parts is not None:
        checked_count("n_parts", n_parts, 1)
    sums = _running_sums(parts.astype(np.float64), H)
    white = full_range(sums[-1], data_range)
    pictures = [_row(now / white, magnify) for now in sums[:n_parts]]
    captions = [f"{count} of {len(parts)} parts" for count in range(1, len(pictures) + 1)]
    return filmed(pictures, captions, times(len(pictures), frame_ms, hold_ms), title)


def _same_shape(stacks: Sequence[ArrayLike]) -> list[Array]:
    if not len(stacks):
        raise NoImagesError("stacks is empty: give the parts after at least one iteration")
    parts = [as_pictures(stack, f"stacks[{i}]") for i, stack in enumerate(stacks)]
    for i, stack in enumerate(parts):
        _check_shape(stack, parts[0], f"stacks[{i}]")
        refuse_negative(stack, f"stacks[{i}]")
    return parts


def _check_shape(stack: Array, wanted: Array, name: str) -> None:
    if stack.shape != wanted.shape:
        raise ShapeMismatchError(f"{name} must have the shape {wanted.shape} like the others, got {stack.shape}")


def _one_each(values: Sequence[float], parts: Sequence[Array], name: str) -> Sequence[float]:
    if len(values) != len(parts):
        raise ShapeMismatchError(f"{name} must hold one number a stack, {len(parts)}, got {len(values)}")
    return values


def _common_scale(parts: Sequence[Array], scale: Scale) -> list[Array]:
    checked_choice("scale", scale, ("per-tile", "shared"))
    axes = tuple(range(1, parts[0].ndim))
    peaks = np.max([stack.max(axis=axes) for stack in parts], axis=0).astype(np.float64)
    if scale == "shared":
        peaks[:] = peaks.max()
    peaks[peaks == 0] = 1
    # Rounding may lift the quotient of two equal numbers above 1.
    return [(stack / per_tile(peaks, stack)).clip(0, 1) for stack in parts]


def _running_sums(parts: Array, H: Array) -> Array:
    light = parts.reshape(len(parts), -1).sum(axis=1)
    order = np.argsort(-H * light[:, None], axis=0, kind="stable")
    steps = np.take_along_axis(H, order, axis=0)
    return np.cumsum(parts[order] * steps.reshape(*steps.shape, *(1,) * (parts.ndim - 1)), axis=0)


def _errors(images: Array, by_rank: Mapping[int, Array]) -> dict[int, float]:
    return {rank: relative_error(images, rebuilt) for rank, rebuilt in by_rank.items()}


def _two_rows(images: Array, rebuilt: Array, white: float, magnify: int | None) -> Array:
    both = np.concatenate([images, rebuilt]) / white
    return _row(both, magnify, columns=len(images))


def _row(tiles: Array, magnify: int | None, columns: int | None = None) -> Array:
    small = shrunk(tiles.clip(0, 1), _side(len(tiles), tiles.shape[1:3]))
    across = columns or len(tiles)
    factor = _magnification(small, across) if magnify is None else magnify
    return montage(small, columns=across, scale=None, magnify=factor, gap=1.0)


def _side(n_tiles: int, shape: tuple[int, ...]) -> int:
    """Return how long the longer side of a tile may be."""
    return max(1, MOST // max(1, math.isqrt(n_tiles)))


def _magnification(tiles: Array, columns: int | None) -> int:
    side = max(montage(tiles, columns=columns, scale=None, padding=0).shape[:2], default=1)
    return max(1, int(WANTED / side + 0.5))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
