"""The command line: declares the commands, prints what they found, and turns errors into exit codes.

0 = done, 2 = bad usage or bad input, 74 = could not write, 130 = interrupted. What takes long to import is
imported inside the commands: help is there at once.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

import click

from imgnmf import __version__
from imgnmf.errors import ImgnmfError, ImgnmfWarning, OutputError

if TYPE_CHECKING:
    from imgnmf.commands.options import FitOptions

__all__ = ["main"]

Parameters = ParamSpec("Parameters")
Command = TypeVar("Command", bound=Callable[..., Any])

BAD_INPUT, CANNOT_WRITE, INTERRUPTED = 2, 74, 130

LOSSES = ("frobenius", "kullback-leibler", "itakura-saito")
SOLVERS = ("hals", "anls", "pg", "mu", "newton")
INITS = ("nndsvd", "random", "columns", "spa")


def answering(run: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Turn what goes wrong into one line on standard error and an exit code."""

    @functools.wraps(run)
    def answer(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", ImgnmfWarning)
                warnings.showwarning = _warn
                run(*args, **kwargs)
        except OutputError as error:
            _fail(str(error), CANNOT_WRITE)
        except ImgnmfError as error:
            _fail(str(error), BAD_INPUT)
        except MemoryError as error:
            _fail(f"not enough memory: {error or 'take smaller or fewer images'}", BAD_INPUT)
        except KeyboardInterrupt:
            _fail("interrupted before there was anything to keep; nothing was written", INTERRUPTED)

    return answer


def fit_options(command: Command) -> Command:
    """Declare how to fit, the same for every command that fits."""
    for option in reversed(
        (
            click.option("--loss", type=click.Choice(LOSSES), default="frobenius", show_default=True),
            click.option("--solver", type=click.Choice(SOLVERS), help="Default: the fastest for the loss."),
            click.option("--init", type=click.Choice(INITS), default="nndsvd", show_default=True),
            click.option("--max-iter", type=click.IntRange(min=1), default=500, show_default=True),
            click.option(
                "--time-limit",
                type=click.FloatRange(min=0, min_open=True),
                metavar="SECONDS",
                help="For each rank.",
            ),
            click.option("--rng", type=click.IntRange(min=0), default=0, show_default=True, help="Decides the start."),
            click.option("--threads", type=click.IntRange(min=1), help="Default: one a processor."),
        )
    ):
        command = option(command)
    return command


size_option = click.option("--size", metavar="HxW", help="Resize every image to this; for patches, what is cut.")
force_option = click.option("--force", is_flag=True, help="Replace an output of imgnmf that is there already.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="imgnmf")
def main() -> None:
    """Take a set of images apart into their parts by non-negative matrix factorization.

    SOURCE is a dataset's name (see `imgnmf datasets`), a folder, a quoted glob or a file; ./digits is a
    folder even though digits is a dataset.
    """


@main.command()
@click.argument("source")
@click.option(
    "-k",
    "--rank",
    "ranks",
    type=int,
    multiple=True,
    help="How many parts; repeatable. Default: 4 9 16 25 49, as far as there is data.",
)
@click.option("-o", "--output", metavar="DIR", help="Default: SOURCE's name and -gallery.")
@size_option
@fit_options
@force_option
@answering
def gallery(source: str, ranks: tuple[int, ...], output: str | None, size: str | None, force: bool, **fit: Any) -> None:
    """Fit every rank; draw the parts, reconstructions and curves; write a page that shows them."""
    from imgnmf.commands.gallery import make_gallery

    folder, made = make_gallery(
        source, ranks=ranks, folder=output, size=_size(size), force=force, options=_fit_options(fit)
    )
    _tell_report(made.images)
    for row in made.study.table():
        click.echo(
            f"k = {row.rank:<4} relative error {100 * row.relative_error:6.2f} %  "
            f"{row.iterations:5} iterations  {row.seconds:7.2f} s{'' if row.converged else '  ' + row.reason}"
        )
    click.echo(f"wrote {folder}: open {folder / 'index.html'}")
    _exit_if_interrupted(made.study.interrupted)


@main.command()
@click.argument("source")
@click.option("-k", "--rank", type=int, required=True, help="How many parts.")
@click.option("-o", "--output", metavar="FILE.imgnmf", required=True)
@size_option
@fit_options
@force_option
@answering
def fit(source: str, rank: int, output: str, size: str | None, force: bool, **fit: Any) -> None:
    """Fit one rank and save the model."""
    from imgnmf.commands.model import fit_model

    options = _fit_options(fit)
    made, images = fit_model(source, rank, output, size=_size(size), force=force, options=options)
    _tell_report(images)
    click.echo(
        f"wrote {output}: k = {made.rank}, relative error {100 * made.relative_error:.2f} %, "
        f"{made.n_iter} iterations; {made.reason}"
    )
    _exit_if_interrupted(made.reason == "interrupted")


@main.command()
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
    click.echo(f"wrote {path}")


@main.command()
@click.argument("model")
@click.argument("source", required=False)
@click.option("-o", "--output", metavar="DIR", required=True)
@size_option
@force_option
@answering
def reconstruct(model: str, source: str | None, output: str, size: str | None, force: bool) -> None:
    """Draw what the parts of a MODEL make of SOURCE, or of the images it was fitted to."""
    from imgnmf.commands.model import reconstruct_images

    folder, count = reconstruct_images(model, source, output, size=_size(size), force=force)
    click.echo(f"wrote {count} images to {folder}")


@main.command()
@click.argument("model")
@click.argument("source")
@click.option("-o", "--output", metavar="H.npy", required=True)
@size_option
@force_option
@answering
def encode(model: str, source: str, output: str, size: str | None, force: bool) -> None:
    """Write how much of each part of MODEL each image of SOURCE holds, as a NumPy array (k, n_images)."""
    from imgnmf.commands.model import encode_source

    shape = encode_source(model, source, output, size=_size(size), force=force)
    click.echo(f"wrote {output}: {shape[0]} coefficients for each of {shape[1]} images")


@main.command()
@click.argument("model")
@click.argument("source")
@click.option("-o", "--output", metavar="FILE", required=True, help="Ends in .png, .pdf or .svg.")
@click.option("--image", metavar="NAME|NUMBER", help="Which image of SOURCE; default: the first.")
@click.option("--parts", type=click.IntRange(min=1), default=8, show_default=True, help="How many to show.")
@size_option
@force_option
@answering
def buildup(
    model: str, source: str, output: str, *, image: str | None, parts: int, size: str | None, force: bool
) -> None:
    """Draw an image of SOURCE as the running sum of its strongest parts of MODEL."""
    from imgnmf.commands.animate import write_build_up

    path = write_build_up(model, source, output, image=image, n_parts=parts, size=_size(size), force=force)
    click.echo(f"wrote {path}")


@main.command()
@click.argument("source", metavar="SOURCE|MODEL")
@click.option("-k", "--rank", "ranks", type=int, multiple=True, help="How many parts; repeatable for a SOURCE.")
@click.option("-o", "--output", metavar="FILE", required=True, help="Ends in .gif, or .mp4 with imgnmf[video].")
@click.option("--frame-ms", type=click.IntRange(min=20), help="How long a frame is shown, in milliseconds.")
@size_option
@fit_options
@force_option
@answering
def animate(
    source: str,
    ranks: tuple[int, ...],
    output: str,
    frame_ms: int | None,
    size: str | None,
    force: bool,
    **fit: Any,
) -> None:
    """Film the parts of SOURCE while they are learnt.

    With several -k: some of its images, rebuilt at each. Of a MODEL: images, summed up part by part.
    """
    from imgnmf.commands.animate import animate_model, animate_source, is_model

    if is_model(source):
        film = animate_model(source, ranks, output, frame_ms=frame_ms, force=force)
    else:
        options = _fit_options(fit)
        film = animate_source(source, ranks, output, frame_ms=frame_ms, size=_size(size), force=force, options=options)
        _tell_report(film.images)
    click.echo(f"wrote {film.path}: {film.n_frames} frames")
    _exit_if_interrupted(film.interrupted)


@main.command()
@click.argument("model")
@answering
def info(model: str) -> None:
    """Say what is in a model file."""
    from imgnmf.commands.model import describe

    click.echo(describe(model))


@main.command()
@click.argument("name", required=False)
@answering
def datasets(name: str | None) -> None:
    """List the named sets of images, or say all about one."""
    from imgnmf.commands.catalogue import all_datasets, one_dataset

    click.echo(all_datasets() if name is None else one_dataset(name))


def _size(text: str | None) -> tuple[int, int] | None:
    from imgnmf.commands.source import parse_size

    return None if text is None else parse_size(text)


def _fit_options(given: dict[str, Any]) -> FitOptions:
    from imgnmf.commands.options import FitOptions

    return FitOptions(**given)


def _tell_report(images: Any) -> None:
    if images.report is not None and images.report.skipped:
        click.echo(str(images.report), err=True)


def _exit_if_interrupted(interrupted: bool) -> None:
    if interrupted:
        _fail("interrupted: the best factors so far were kept", INTERRUPTED)


def _warn(message: Warning | str, *_args: Any, **_kwargs: Any) -> None:
    click.echo(f"warning: {message}", err=True)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"imgnmf: {message}", err=True)
    sys.exit(code)
