"""The commands that say what there is: info, datasets."""

from __future__ import annotations

import click

from imgnmf.cli.shell import (
    answering,
)

__all__ = ["datasets", "info"]


@click.command()
@click.argument("source", metavar="SOURCE|MODEL")
@answering
def info(source: str) -> None:
    """Say what would be read from SOURCE, from its headers alone, or what is in a model file."""
    from imgnmf.archive_topics import is_topics
    from imgnmf.commands import model, topics
    from imgnmf.commands.source import describe, is_model

    if is_model(source):
        click.echo((topics.describe_topics if is_topics(source) else model.describe)(source))
    else:
        click.echo(describe(source))


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
        click.echo(get_dataset(name, offline=offline))
    click.echo(all_datasets(offline=offline) if name is None else one_dataset(name))
