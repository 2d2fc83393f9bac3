"""The commands around a model file: montage, reconstruct, encode, buildup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imgnmf.cli.shell import READING_OPTIONS, answering, force_option, reading, say
from imgnmf.errors import escaped

if TYPE_CHECKING:
    from imgnmf.commands.source import Reading

__all__ = ["buildup", "encode", "montage", "reconstruct"]


@click.command()
@click.argument("model")
@click.option("-o", "--output", metavar="FILE.png", required=True)
@click.option("--columns", type=click.IntRange(min=1), help="Parts in a row.")
@click.option("--shared-scale", is_flag=True, help="All parts on one scale of grey.")
@force_option
@answering
def montage(model: str, output: str, columns: int | None, shared_scale: bool, force: bool) -> None:
    """Draw the parts of a MODEL."""
    from imgnmf.commands.model import write_montage

    path = write_montage(model, output, columns=columns, shared=shared_scale, force=force)
    say(f"wrote {path}")


@click.command()
@click.argument("model")
@click.argument("source", required=False)
@click.option("-o", "--output", metavar="DIR", required=True)
@reading(*READING_OPTIONS)
@force_option
@answering
def reconstruct(model: str, source: str | None, output: str, reading: Reading, force: bool) -> None:
    """Draw what the parts of a MODEL make of SOURCE, or of the images it was fitted to."""
    from imgnmf.commands.model import reconstruct_images

    folder, count = reconstruct_images(model, source, output, reading=reading, force=force)
    say(f"wrote {count} images to {folder}")


@click.command()
@click.argument("model")
@click.argument("source")
@click.option("-o", "--output", metavar="H.npy", required=True)
@click.option("--report", is_flag=True, help="Print each image's relative error, the largest first.")
@reading(*READING_OPTIONS)
@force_option
@answering
def encode(model: str, source: str, output: str, *, report: bool, reading: Reading, force: bool) -> None:
    """Write how much of each part of MODEL each image of SOURCE holds, as a NumPy array (k, n_images).

    An image whose error is far above the others' is not made of these parts.
    """
    from imgnmf.commands.model import encode_source

    shape, errors = encode_source(model, source, output, reading=reading, force=force)
    for name, error in sorted(errors, key=lambda row: -row[1]) if report else ():
        say(f"{100 * error:6.2f} %  {escaped(name)}")
    say(f"wrote {output}: {shape[0]} coefficients for each of {shape[1]} images")


@click.command()
@click.argument("model")
@click.argument("source")
@click.option("-o", "--output", metavar="FILE", required=True, help="Ends in .png, .pdf or .svg.")
@click.option("--image", metavar="NAME|NUMBER", help="Which image of SOURCE; default: the first.")
@click.option("--parts", type=click.IntRange(min=1), default=8, show_default=True, help="How many to show.")
@reading(*READING_OPTIONS)
@force_option
@answering
def buildup(
    model: str, source: str, output: str, *, image: str | None, parts: int, reading: Reading, force: bool
) -> None:
    """Draw an image of SOURCE as the running sum of its strongest parts of MODEL."""
    from imgnmf.commands.animate import write_build_up

    path = write_build_up(model, source, output, image=image, n_parts=parts, reading=reading, force=force)
    say(f"wrote {path}")
