"""The commands that fit: gallery, fit, animate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imgnmf.cli.shell import (
    COLOR_OPTION,
    READING_OPTIONS,
    answering,
    chosen_fit,
    exit_if_interrupted,
    fit_options,
    force_option,
    keeping_options,
    kept_progress,
    reading,
    say,
    tell_report,
)

if TYPE_CHECKING:
    from imgnmf.commands.source import Reading

__all__ = ["animate", "fit", "gallery"]


@click.command()
@click.argument("source")
@click.option(
    "-k",
    "--rank",
    "ranks",
    type=int,
    multiple=True,
    help="How many parts; repeatable. Default: 4 9 16 25 49, as far as there is data.",
)
@click.option("--layers", metavar="K,K,...", help="Parts of parts too, say 49,16,4: a tree of them, and a model.")
@click.option("--kinds", is_flag=True, help="The five kinds of parts side by side too, at the middle k.")
@click.option("-o", "--output", metavar="DIR", help="Default: SOURCE's name and -gallery.")
@reading(*READING_OPTIONS, COLOR_OPTION)
@fit_options
@keeping_options("DIR.ckpt")
@force_option
@answering
def gallery(
    source: str,
    *,
    ranks: tuple[int, ...],
    layers: str | None,
    kinds: bool,
    output: str | None,
    reading: Reading,
    force: bool,
    **fit: Any,
) -> None:
    """Fit every rank; draw the parts, reconstructions and curves; write a page that shows them."""
    from imgnmf.commands.gallery import make_gallery

    kept = kept_progress(fit)
    folder, made = make_gallery(
        source,
        ranks=ranks,
        folder=output,
        reading=reading,
        force=force,
        kept=kept,
        options=chosen_fit(fit),
        layers=layers,
        kinds=kinds,
    )
    tell_report(made.images)
    for row in made.study.table():
        say(
            f"k = {row.rank:<4} relative error {100 * row.relative_error:6.2f} %  "
            f"{row.iterations:5} iterations  {row.seconds:7.2f} s{'' if row.converged else '  ' + row.reason}"
        )
    for place, layer in enumerate(made.layers.layers if made.layers else ()):
        say(f"layer {place + 1}: k = {layer.rank:<4} relative error {100 * layer.relative_error:6.2f} %")
    for kind, one in made.kinds.fits.items() if made.kinds else ():
        say(f"{kind:<11} k = {one.rank:<4} relative error {100 * one.relative_error:6.2f} %")
    say(f"wrote {folder}: open {folder / 'index.html'}")
    exit_if_interrupted(made.interrupted)


@click.command()
@click.argument("source")
@click.option("-k", "--rank", type=int, required=True, help="How many parts.")
@click.option("-o", "--output", metavar="FILE.imgnmf", required=True)
@click.option("--scheduler", metavar="ADDRESS", help="Fit on a dask cluster, say tcp://127.0.0.1:8786.")
@reading(*READING_OPTIONS, COLOR_OPTION)
@fit_options
@keeping_options("FILE.ckpt")
@force_option
@answering
def fit(
    source: str,
    rank: int,
    output: str,
    *,
    scheduler: str | None,
    reading: Reading,
    force: bool,
    **fit: Any,
) -> None:
    """Fit one rank and save the model.

    A .npy file, an HDF5 file or a zarr store is read from disk, a few images at a time, and never loaded.
    """
    from imgnmf.commands.model import fit_model, fit_model_there

    kept = kept_progress(fit)
    options, words = chosen_fit(fit), ""
    if scheduler is None:
        made, images = fit_model(
            source,
            rank,
            output,
            reading=reading,
            force=force,
            options=options,
            kept=kept,
        )
    else:
        made, images, words = fit_model_there(
            source, rank, output, scheduler=scheduler, reading=reading, force=force, options=options, kept=kept
        )
    tell_report(images)
    say(
        f"wrote {output}: k = {made.rank}, relative error {100 * made.relative_error:.2f} %, "
        f"{made.n_iter} iterations; {made.reason}"
    )
    if words:
        say(words)
    exit_if_interrupted(made.reason == "interrupted")


@click.command()
@click.argument("source", metavar="SOURCE|MODEL")
@click.option("-k", "--rank", "ranks", type=int, multiple=True, help="How many parts; repeatable for a SOURCE.")
@click.option("-o", "--output", metavar="FILE", required=True, help="Ends in .gif, or .mp4 with imgnmf[video].")
@click.option("--frame-ms", type=click.IntRange(min=20), help="How long a frame is shown, in milliseconds.")
@reading(*READING_OPTIONS, COLOR_OPTION)
@fit_options
@force_option
@answering
def animate(
    source: str,
    ranks: tuple[int, ...],
    output: str,
    frame_ms: int | None,
    reading: Reading,
    force: bool,
    **fit: Any,
) -> None:
    """Film the parts of SOURCE while they are learnt.

    With several -k: some of its images, rebuilt at each. Of a MODEL: images, summed up part by part.
    """
    from imgnmf.commands.animate import animate_model, animate_source
    from imgnmf.commands.source import is_model

    if is_model(source):
        film = animate_model(source, ranks, output, frame_ms=frame_ms, force=force)
    else:
        options = chosen_fit(fit)
        film = animate_source(source, ranks, output, frame_ms=frame_ms, reading=reading, force=force, options=options)
        tell_report(film.images)
    say(f"wrote {film.path}: {film.n_frames} frames")
    exit_if_interrupted(film.interrupted)
