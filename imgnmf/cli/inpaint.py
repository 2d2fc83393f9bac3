"""The command that fills holes: inpaint."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from imgnmf.cli.shell import READING_OPTIONS, Size, answering, force_option, reading, say, tell_report

if TYPE_CHECKING:
    from imgnmf.commands.inpaint import Filled
    from imgnmf.commands.source import Reading

__all__ = ["inpaint"]


@click.command()
@click.argument("source")
@click.option("-o", "--output", metavar="DIR", required=True)
@click.option(
    "--mask",
    metavar="FILE|DIR",
    help="White = unknown. One for all images, or one each, called as they are; of their size, or with --size of that.",
)
@click.option(
    "--unknown", metavar="COLOUR", help="Pixels of exactly this colour are unknown, say '#ff00ff' or magenta."
)
@click.option("--originals", metavar="SOURCE", help="What was there before, read as SOURCE: shown, and measured.")
@click.option("-k", "--rank", type=int, help="How many parts. Default: 64, for patches 25, as far as there is data.")
@click.option("--model", metavar="FILE.imgnmf", help="Parts of whole images or of patches, instead of learning them.")
@click.option(
    "--patch", type=Size(), metavar="HxW", help="Cut patches: for images that are not aligned. Default for one: 8x8."
)
@click.option("--max-iter", type=click.IntRange(min=1), default=300, show_default=True)
@click.option("--rng", type=click.IntRange(min=0), default=0, show_default=True, help="Decides what is hidden.")
@click.option("--threads", type=click.IntRange(min=1), help="Default: one a processor.")
@reading(*READING_OPTIONS)
@force_option
@answering
def inpaint(
    source: str, output: str, patch: tuple[int, int] | None, *, reading: Reading, force: bool, **given: Any
) -> None:
    """Fill the unknown pixels of SOURCE, from the parts that its images share and from what lies around.

    Pixels are unknown by --mask, by --unknown, or as NaN in a file of floats. All others stay as they are.
    """
    from imgnmf.commands.inpaint import InpaintOptions, inpaint_source

    places = {name: given.pop(name) for name in ("mask", "unknown", "originals")}
    options = InpaintOptions(patch_size=patch, **given)
    filled = inpaint_source(source, output, reading=reading, force=force, options=options, **places)
    tell_report(filled.images)
    for line in _lines(filled):
        say(line)


def _lines(filled: Filled) -> list[str]:
    done = filled.done
    lines = [f"wrote {len(filled.images)} images to {filled.folder}: {filled.n_filled} pixels filled"]
    if math.isfinite(done.hidden_error):
        lines.append(
            f"relative error on seen pixels that were hidden to choose: {100 * done.hidden_error:.1f} %; "
            f"biharmonic inpainting {100 * done.smooth_error:.1f} %"
        )
    if filled.psnr is not None:
        lines.append(f"PSNR on the filled pixels: {filled.psnr:.2f} dB")
    return lines
