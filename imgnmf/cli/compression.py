"""The commands that make images small: compress, decompress, train-parts, compare-codecs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imgnmf.cli.shell import READING_OPTIONS, Size, answering, force_option, reading, say, tell_report

if TYPE_CHECKING:
    from imgnmf.commands.source import Reading

__all__ = ["compare_codecs", "compress", "decompress", "train_parts"]

patch_option = click.option(
    "--patch", type=Size(), metavar="HxW", help="Parts of patches of this size, for large pictures."
)
rng_option = click.option("--rng", type=click.IntRange(min=0), default=0, show_default=True, help="Decides the start.")
above_zero = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("source")
@click.option("-o", "--output", metavar="FILE.nmf", required=True)
@click.option("--bits-per-pixel", type=above_zero, help="The best picture in so many bits.")
@click.option("--psnr", type=above_zero, metavar="DB", help="The smallest file of this quality.")
@click.option("-k", "--rank", type=click.IntRange(min=1), help="How many parts. Default: the best for the target.")
@click.option("--parts", metavar="FILE.parts", help="Shared parts; they are then not in the file.")
@click.option("--names", is_flag=True, help="Keep the images' names in the file.")
@click.option("--coder", type=click.Choice(("auto", "range", "lzma")), default="auto", show_default=True)
@patch_option
@rng_option
@reading(*READING_OPTIONS)
@force_option
@answering
def compress(
    source: str,
    output: str,
    *,
    bits_per_pixel: float | None,
    psnr: float | None,
    rank: int | None,
    parts: str | None,
    names: bool,
    coder: str,
    patch: tuple[int, int] | None,
    rng: int,
    reading: Reading,
    force: bool,
) -> None:
    """Write the 8-bit images of SOURCE as one small file."""
    from imgnmf.commands.compress import compress_source

    made = compress_source(
        source, output, parts=parts, bits_per_pixel=bits_per_pixel, psnr=psnr, rank=rank, patch=patch,
        reading=reading, names=names, coder=coder, rng=rng, force=force,
    )  # fmt: skip
    tell_report(made.images)
    say(
        f"wrote {output}: {made.n_bytes} bytes for {len(made.images)} images, {made.bits_per_pixel:.3f} bits per "
        f"pixel, {made.psnr:.2f} dB"
    )


@click.command()
@click.argument("file")
@click.option("-o", "--output", metavar="DIR", required=True)
@click.option("--parts", metavar="FILE.parts", help="The shared parts that it was written with.")
@force_option
@answering
def decompress(file: str, output: str, parts: str | None, force: bool) -> None:
    """Write the images of a FILE of compress as PNGs."""
    from imgnmf.commands.compress import decompress_file

    folder, count = decompress_file(file, output, parts=parts, force=force)
    say(f"wrote {count} images to {folder}")


@click.command(name="train-parts")
@click.argument("source")
@click.option("-k", "--rank", type=click.IntRange(min=1), required=True, help="How many parts.")
@click.option("-o", "--output", metavar="FILE.parts", required=True)
@patch_option
@rng_option
@reading(*READING_OPTIONS)
@force_option
@answering
def train_parts(
    source: str, rank: int, output: str, *, patch: tuple[int, int] | None, rng: int, reading: Reading, force: bool
) -> None:
    """Learn from SOURCE the parts that compress --parts shares between files."""
    from imgnmf.commands.compress import train_source

    parts, n_bytes = train_source(source, output, rank, patch=patch, reading=reading, rng=rng, force=force)
    fewer = f" ({rank} were asked for, and no image needs more)" if parts.rank < rank else ""
    say(f"wrote {output}: {parts.rank} parts in {n_bytes} bytes{fewer}")


@click.command(name="compare-codecs")
@click.argument("source")
@click.option("-o", "--output", metavar="DIR", required=True)
@patch_option
@reading(*READING_OPTIONS)
@force_option
@answering
def compare_codecs(source: str, output: str, patch: tuple[int, int] | None, reading: Reading, force: bool) -> None:
    """Measure NMF on SOURCE beside PCA, JPEG, JPEG 2000, WebP and AVIF: figures, tables and BD-rates."""
    from imgnmf.commands.compare import bd_lines, compare_source

    folder, made = compare_source(source, output, patch=patch, reading=reading, force=force)
    lines = bd_lines(made)
    compared = [line for line in lines if line["percent"] is not None]
    for line in compared:
        say(f"{line['codec']} against {line['anchor']}: {line['percent']:+7.1f} % bytes")
    if len(compared) < len(lines):
        say(f"{len(lines) - len(compared)} pairs of curves do not overlap and have no BD-rate: see summary.json")
    say(f"wrote {folder}")
