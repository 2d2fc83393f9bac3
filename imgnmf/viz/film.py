"""Frames with a caption each, and how long they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.font_manager import FontProperties, findfont

from imgnmf.errors import ParameterError
from imgnmf.validation import checked_count
from imgnmf.viz.stack import Array
from imgnmf.viz.style import FONT, printable

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["Animation", "filmed", "times"]

MARGIN, TEXT = 8, 15
PAPER, INK = 255, 27


@dataclass(frozen=True)
class Animation:
    """A film in memory.

    Attributes
    ----------
    frames : array of uint8, shape (n, h, w) or (n, h, w, 3)
    milliseconds : tuple of int
        How long each frame is shown.

    Examples
    --------
    >>> Animation(np.zeros((2, 4, 4), np.uint8), (100, 500)).milliseconds
    (100, 500)
    """

    frames: Array
    milliseconds: tuple[int, ...]


def times(n_frames: int, frame_ms: int, hold_ms: int) -> tuple[int, ...]:
    """Return how long each frame is shown, the last one longer."""
    for name, value in (("frame_ms", frame_ms), ("hold_ms", hold_ms)):
        # GIF counts in hundredths of a second, and viewers slow down what is shorter than two.
        if checked_count(name, value, 20) % 10:
            raise ParameterError(f"{name} must be a multiple of 10, at least 20, got {value}; say 100")
    return (*(frame_ms,) * (n_frames - 1), hold_ms)


def filmed(
    pictures: Sequence[Array], captions: Sequence[str], milliseconds: tuple[int, ...], title: str | None
) -> Animation:
    """Set pictures of one size (values in 0..1) on paper, a title above and their captions below."""
    heading = " ".join((title or "").split())
    lines = [line for line in (heading, *captions) if line]
    width = max(pictures[0].shape[1], *(_width(line) for line in lines)) + 2 * MARGIN
    frames = [_frame(*pair, heading, _even(width)) for pair in zip(pictures, captions, strict=True)]
    return Animation(np.stack(frames), milliseconds)


def _frame(picture: Array, caption: str, heading: str, width: int) -> Array:
    from PIL import Image, ImageDraw

    levels = np.rint(picture * 255).astype(np.uint8)
    line = 2 * MARGIN + TEXT
    above = line if heading else MARGIN
    height = _even(above + levels.shape[0] + line)
    grey = levels.ndim == 2
    sheet = Image.new("L" if grey else "RGB", (width, height), PAPER if grey else (PAPER,) * 3)
    sheet.paste(Image.fromarray(levels), ((width - levels.shape[1]) // 2, above))
    draw, ink = ImageDraw.Draw(sheet), INK if grey else (INK,) * 3
    for words, middle, bold in ((heading, line / 2, True), (caption, above + levels.shape[0] + line / 2, False)):
        draw.text((MARGIN, middle), printable(words), fill=ink, font=_font(bold), anchor="lm")
    return np.asarray(sheet)


def _font(bold: bool = False) -> FreeTypeFont:
    from PIL import ImageFont

    weight = "bold" if bold else "normal"
    return ImageFont.truetype(findfont(FontProperties(family=FONT, weight=weight)), TEXT)


def _width(words: str) -> int:
    return round(_font(bold=True).getlength(printable(words)))


def _even(length: int) -> int:
    # Video halves the resolution of colour, so it needs even sides.
    return length + length % 2
