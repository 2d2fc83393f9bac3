"""The commands that say what there is: info, datasets."""

from __future__ import annotations

import click

from imgnmf.cli.shell import (
    answering,
)

__all__ = ["datasets", "info"]


@click.command()
@click.argument("model")
@answering
def info(model: str) -> None:
    """Say what is in a model file."""
    from imgnmf.commands.model import describe

    click.echo(describe(model))


@click.command()
@click.argument("name", required=False)
@answering
def datasets(name: str | None) -> None:
    """List the named sets of images, or say all about one."""
    from imgnmf.commands.catalogue import all_datasets, one_dataset

    click.echo(all_datasets() if name is None else one_dataset(name))
