"""The command that finds what stands in the way: occlusions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imgnmf.cli.shell import READING_OPTIONS, answering, force_option, reading, tell_report

if TYPE_CHECKING:
    from imgnmf.commands.source import Reading

__all__ = ["occlusions"]


@click.command()
@click.argument("source")
@click.option("-k", "--rank", type=int, default=25, show_default=True, help="How many parts.")
@click.option("-o", "--output", metavar="DIR", required=True)
@click.option(
    "--side",
    type=click.FloatRange(min=0, min_open=True),
    metavar="PIXELS",
    help="Smaller finds smaller things, and more that is nothing. Default: a fifth of the image's shorter side.",
)
@click.option(
    "--cutoff",
    type=click.FloatRange(min=0, max=25, min_open=True, max_open=True),
    default=8.0,
    show_default=True,
    help="How far off an area must be: squared residual over what it is as a rule at that pixel.",
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
    """Find what stands in the way in the images of SOURCE: areas that neither its parts nor its other images explain.

    Writes a mask for each image, white where something is in the way, which `imgnmf inpaint --mask` takes; the parts
    learned without it; and a figure. The images must show the same thing at the same place.
    """
    from imgnmf.commands.occlusions import OcclusionOptions, search_source

    grow = given.pop("grow")
    searched = search_source(source, output, reading=reading, grow=grow, force=force, options=OcclusionOptions(**given))
    tell_report(searched.images)
    masks = searched.masks
    touched = int(masks.any(axis=(1, 2)).sum())
    click.echo(f"something is in the way in {touched} of {len(masks)} images, {100 * masks.mean():.1f} % of all pixels")
    click.echo(f"wrote masks and parts to {searched.folder}")
