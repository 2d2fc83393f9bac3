"""Films as files: GIF, and MP4 where PyAV is installed."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from imgnmf.atomic import write_bytes
from imgnmf.errors import ParameterError
from imgnmf.viz.film import Animation
from imgnmf.viz.stack import Array

__all__ = ["FILM_SUFFIXES", "check_film_path", "save_animation"]

FILM_SUFFIXES = (".gif", ".mp4")


def save_animation(path: str | os.PathLike[str], animation: Animation) -> None:
    """Write a film as the name ends: GIF, or MP4.

    A GIF repeats for ever and shows grey frames to the very level; MP4 (H.264) is smaller and needs the extra
    ``video``.

    Parameters
    ----------
    path : str or path-like
        The file to write, ending in ``.gif`` or ``.mp4``; its folder must exist.
    animation : Animation
        What one of the ``animate_...`` functions returned.

    Raises
    ------
    ParameterError
        The name ends in neither, or MP4 is asked for without PyAV.
    OutputError
        The file could not be written; what was there before is whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from imgnmf.viz import animate_basis
    >>> film = animate_basis([np.eye(4).reshape(4, 2, 2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "parts.gif"
    ...     save_animation(target, film)
    ...     target.read_bytes()[:6]
    b'GIF89a'
    """
    kind = check_film_path(path)
    write_bytes(path, _gif(animation) if kind == ".gif" else _mp4(animation))


def check_film_path(path: str | os.PathLike[str]) -> str:
    """Return the ending of a film that can be written here and now, before the work that leads to it."""
    kind = Path(path).suffix.lower()
    if kind not in FILM_SUFFIXES:
        raise ParameterError(f"a film is written as .gif or .mp4, got {os.fspath(path)!r}; change the ending")
    if kind == ".mp4":
        try:
            import av  # noqa: F401 - imageio asks for it when it is too late for a clear word
        except ImportError as missing:
            raise ParameterError(
                "writing .mp4 needs PyAV, which is missing: install imgnmf[video], or choose .gif"
            ) from missing
    return kind


def _gif(animation: Animation) -> bytes:
    import imageio.v3 as iio

    times = animation.milliseconds
    data: bytes = iio.imwrite(
        "<bytes>",
        animation.frames,
        plugin="pillow",
        extension=".gif",
        duration=list(times) if len(times) > 1 else times[0],
        loop=0,
    )
    return data


def _mp4(animation: Animation) -> bytes:
    import imageio.v3 as iio

    # Players want an even pace: the longest that all times are multiples of, and frames that stay are repeated.
    pace = math.gcd(*animation.milliseconds)
    buffer = io.BytesIO()
    film: Any = iio.imopen(buffer, "w", plugin="pyav", extension=".mp4")
    with film:
        film.init_video_stream("libx264", fps=1000 / pace, pixel_format="yuv420p")
        for frame in _repeated(animation, pace):
            film.write_frame(frame)
    return buffer.getvalue()


def _repeated(animation: Animation, pace: int) -> Iterator[Array]:
    for frame, time in zip(animation.frames, animation.milliseconds, strict=True):
        colour = frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, axis=2)
        for _ in range(time // pace):
            yield np.ascontiguousarray(colour)
