"""The command that finds what stands in the way: occlusions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imgnmf.cli.shell import READING_OPTIONS, answering, force_option, reading, say, tell_report
from imgnmf.errors import escaped

if TYPE_CHECKING:
    from imgnmf.commands.source import Reading

__all__ = ["occlusions"]

MOST_TOLD = 10
# docs/occlusions.md: 62 of 400 ORL faces at 56 x 46, 23 of 100 of lfw-faces; k = 25.
FALSE_ALARMS = (
    "a score near 1 is just enough to be found; at the default cutoff 16 to 23 % of faces with nothing in the way are "
    "marked too"
)


@click.command()
@click.argument("source")
@click.option("-k", "--rank", type=int, default=25, show_default=True, help="How many parts.")
@click.option("-o", "--output", metavar="DIR", required=True)
@click.option(
    "--side",
    type=click.FloatRange(min=0, min_open=True),
    metavar="PIXELS",
    help="Smallest occlusion to look for. Smaller finds more, with more false alarms. Default: a fifth of the image's "
    "shorter side.",
)
@click.option(
    "--cutoff",
    type=click.FloatRange(min=0, max=25, min_open=True, max_open=True),
    default=8.0,
    show_default=True,
    help="Threshold on the squared residual, in units of that pixel's robust variance; 12 has fewer false alarms.",
)
@click.option(
    "--grow",
    type=click.IntRange(min=0),
    metavar="PIXELS",
    default=1,
    show_default=True,
    help="Masks are so much wider than what was found: edges are blurred.",
)
@click.option("--max-iter", type=click.IntRange(min=1), default=300, show_default=True)
@click.option(
    "--rng", type=click.IntRange(min=0), default=0, show_default=True, help="Decides which pixels a trial hides."
)
@click.option("--threads", type=click.IntRange(min=1), help="Default: one a processor.")
@reading(*READING_OPTIONS)
@force_option
@answering
def occlusions(source: str, output: str, *, reading: Reading, force: bool, **given: Any) -> None:
    """Find what may be in the way in the images of SOURCE: areas that neither its parts nor its other images explain.

    Writes a mask for each image, white where something may be in the way, which `imgnmf inpaint --mask` takes; the
    parts learned without it; and a figure. The images must show the same thing at the same place.
    """
    from imgnmf.commands.occlusions import OcclusionOptions, search_source

    grow = given.pop("grow")
    searched = search_source(source, output, reading=reading, grow=grow, force=force, options=OcclusionOptions(**given))
    tell_report(searched.images)
    masks, finds = searched.masks, searched.ranked()
    say(f"something may be in the way in {len(finds)} of {len(masks)} images, {100 * masks.mean():.1f} % of all pixels")
    for name, score, share in finds[:MOST_TOLD]:
        say(f"  score {score:6.1f}  {100 * share:5.1f} % of the image  {escaped(name)}")
    if len(finds) > MOST_TOLD:
        say(f"  and {len(finds) - MOST_TOLD} more with lower scores: summary.json")
    if finds:
        say(FALSE_ALARMS)
    say(f"wrote masks and parts to {searched.folder}")
