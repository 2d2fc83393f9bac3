"""The command line: declares the commands, prints what they found, and turns errors into exit codes.

0 = done, 2 = bad usage or bad input, 74 = could not write, 130 = interrupted, 143 = by SIGTERM. What takes
long to import is imported inside the commands: help is there at once. To add one: a function in a module of this
folder, what it does in `imgnmf.commands`, and its name in the list below.
"""

from __future__ import annotations

import click

from imgnmf import __version__
from imgnmf.cli.compression import compare_codecs, compress, decompress, train_parts
from imgnmf.cli.fitting import animate, fit, gallery
from imgnmf.cli.inpaint import inpaint
from imgnmf.cli.models import buildup, encode, montage, reconstruct
from imgnmf.cli.occlusions import occlusions
from imgnmf.cli.ranks import ranks
from imgnmf.cli.shell import Commands
from imgnmf.cli.sources import datasets, info, pack
from imgnmf.cli.topics import topics

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="imgnmf")
def main() -> None:
    """Take a set of images apart into their parts by non-negative matrix factorization.

    SOURCE is a dataset's name (see `imgnmf datasets`), a folder, a quoted glob or a file; ./digits is a
    folder even though digits is a dataset.
    """


for command in (
    gallery,
    fit,
    ranks,
    montage,
    reconstruct,
    encode,
    inpaint,
    occlusions,
    buildup,
    animate,
    info,
    datasets,
    pack,
    compress,
    decompress,
    train_parts,
    compare_codecs,
    topics,
):
    main.add_command(command)
