"""The commands around what there is to read: info, datasets, pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imgnmf.cli.advice import in_options, options_of
from imgnmf.cli.shell import COLOR_OPTION, READING_OPTIONS, answering, force_option, reading, say, tell_report

if TYPE_CHECKING:
    from imgnmf.commands.source import Reading

__all__ = ["datasets", "info", "pack"]


@click.command()
@click.argument("source", metavar="SOURCE|MODEL")
@answering
def info(source: str) -> None:
    """Say what would be read from SOURCE, from its headers alone, or what is in a model file."""
    from imgnmf.archive_topics import is_topics
    from imgnmf.commands import model, topics
    from imgnmf.commands.compress import describe_compressed, is_compressed
    from imgnmf.commands.source import describe, is_model

    if is_compressed(source):
        say(describe_compressed(source))
    elif is_model(source):
        say((topics.describe_topics if is_topics(source) else model.describe)(source))
    else:
        # Advice on what to pass is for the commands that read it.
        say(in_options(describe(source), options_of(pack)))


@click.command()
@click.argument("name", required=False)
@click.option("--download", is_flag=True, help="Get the set NAME, into $IMGNMF_DATA or the cache of the user.")
@click.option("--offline", is_flag=True, help="Never download; list only what can be used without the net.")
@answering
def datasets(name: str | None, download: bool, offline: bool) -> None:
    """List the named sets of images, or say all about one; --download gets it."""
    from imgnmf.commands.catalogue import all_datasets, get_dataset, one_dataset

    if name is None and download:
        raise click.UsageError("--download gets one set: say which, imgnmf datasets NAME --download")
    if name is not None and download:
        say(get_dataset(name, offline=offline))
    say(all_datasets(offline=offline) if name is None else one_dataset(name))


@click.command()
@click.argument("source")
@click.option("-o", "--output", metavar="FILE", required=True, help="Ends in .zarr, .npy or .h5.")
@reading(*READING_OPTIONS, COLOR_OPTION)
@force_option
@answering
def pack(source: str, output: str, reading: Reading, force: bool) -> None:
    """Write the images of SOURCE as one array that `imgnmf fit` reads from disk, a few images at a time."""
    from imgnmf.commands.pack import pack_images
    from imgnmf.commands.source import size_of

    packed = pack_images(source, output, reading=reading, force=force)
    tell_report(packed)
    say(f"wrote {output}: {packed.n_images} images of {size_of(packed.image_shape)}, {packed.dtype}")
