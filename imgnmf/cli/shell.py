"""What all commands share: their common options, how they report, and how errors become exit codes."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

import click

from imgnmf.atomic import recorded
from imgnmf.cli.advice import in_options, options_of
from imgnmf.errors import ImgnmfError, ImgnmfWarning, Interrupted, OutputError, ParameterError, escaped

if TYPE_CHECKING:
    from imgnmf.commands.keeping import KeptProgress
    from imgnmf.commands.options import FitOptions

__all__ = [
    "ARRAY_OPTIONS",
    "COLOR_OPTION",
    "READING_OPTIONS",
    "Commands",
    "Size",
    "answering",
    "chosen_fit",
    "exit_if_interrupted",
    "fit_options",
    "force_option",
    "keeping_options",
    "kept_progress",
    "reading",
    "say",
    "tell_report",
]

Parameters = ParamSpec("Parameters")
Command = TypeVar("Command", bound=Callable[..., Any])

BAD_INPUT, CANNOT_WRITE = 2, 74
ENDING = (signal.SIGINT, signal.SIGTERM)
SOON = 0.1  # seconds, by when the callback is over

LOSSES = ("frobenius", "kullback-leibler", "itakura-saito", "huber", "l21")
SOLVERS = ("hals", "anls", "pg", "mu", "newton")
PARTS = ("global", "local", "sparse", "smooth", "orthogonal")
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

    return answer


class Commands(click.Group):
    """Commands that Ctrl-C and SIGTERM end with what there is, from their first import on."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run; where click prints help or version itself, a standard output that is full ends with one line too."""
        try:
            return super().main(*args, **options)
        except OSError as reason:
            if reason.filename is not None:  # it is about that file
                raise
            _silence_output()
            _fail(f"cannot write to standard output: {reason.strerror}; choose another place", CANNOT_WRITE)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for; exit with 128 and the number of the signal that ended it."""
        signals, written = _Signals(), list[Path]()
        try:
            with recorded(written), signals.handled():
                return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            _fail(_what_is_left(interrupt, written), 128 + signals.last)


def _what_is_left(interrupt: KeyboardInterrupt, written: list[Path]) -> str:
    """What a command that was interrupted says: its own words, or what it had written by then."""
    if str(interrupt) and not isinstance(interrupt, Interrupted):  # the library speaks of its `best`
        return str(interrupt)
    there = [str(path) for path in dict.fromkeys(written) if path.exists()]
    if there:
        return f"interrupted; what was written before is whole: {', '.join(there)}"
    return "interrupted before there was anything to keep; nothing was written"


class _Signals:
    """Ctrl-C, and SIGTERM which ends a command as Ctrl-C does, with everything written.

    A signal that is ignored stays so: a shell starts background jobs with SIGINT ignored, `nohup` those that are to
    outlive it.
    """

    def __init__(self) -> None:
        self.last: int = signal.SIGINT
        self.waiting: list[threading.Timer] = []

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Raise KeyboardInterrupt at either signal; in the main thread, the only one that may handle signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        hook, former = sys.unraisablehook, {number: signal.getsignal(number) for number in ENDING}
        try:
            sys.unraisablehook = functools.partial(self._again, hook)
            for number, handler in former.items():
                if handler not in (signal.SIG_IGN, None):
                    signal.signal(number, self._end)
            yield
        finally:
            for number, handler in former.items():
                if handler is not None:  # one that was not set from Python was left alone
                    signal.signal(number, handler)
            sys.unraisablehook = hook
            for timer in self.waiting:  # it would end the process without a word
                timer.cancel()

    def _end(self, number: int, _frame: object) -> None:
        if number == self.last == signal.SIGTERM:  # a second one must not disturb the writing
            return
        self.last = number
        raise KeyboardInterrupt

    def _again(self, hook: Callable[[sys.UnraisableHookArgs], object], dropped: sys.UnraisableHookArgs) -> None:
        """Send a signal again that Python dropped: it cannot raise where the compiler calls back."""
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            hook(dropped)
            return
        number, self.last = self.last, signal.SIGINT
        self.waiting.append(threading.Timer(SOON, _send_to_main_thread, [number]))
        self.waiting[-1].start()


def _send_to_main_thread(number: int) -> None:
    if hasattr(signal, "pthread_kill"):  # which wakes it if it waits for something
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


def fit_options(command: Command) -> Command:
    """Declare how to fit, the same for every command that fits."""
    for option in reversed(
        (
            click.option("--loss", type=click.Choice(LOSSES), default="frobenius", show_default=True),
            click.option("--solver", type=click.Choice(SOLVERS), help="Default: the fastest for the loss."),
            click.option("--init", type=click.Choice(INITS), default="nndsvd", show_default=True),
            click.option("--parts", type=click.Choice(PARTS), default="global", show_default=True, help="Which kind."),
            click.option("--max-iter", type=click.IntRange(min=1), default=500, show_default=True),
            click.option(
                "--time-limit",
                type=click.FloatRange(min=0, min_open=True),
                metavar="SECONDS",
                help="For each rank.",
            ),
            click.option("--rng", type=click.IntRange(min=0), default=0, show_default=True, help="Decides the start."),
            click.option("--threads", type=click.IntRange(min=1), help="Default: one a processor."),
            click.option("--memory", metavar="SIZE", help="What a fit may take, say 2GB; more is refused at once."),
        )
    ):
        command = option(command)
    return command


def keeping_options(metavar: str) -> Callable[[Command], Command]:
    """Declare where progress is kept, the same for every command that can be gone on with."""

    def declare(command: Command) -> Command:
        for option in reversed(
            (
                click.option("--checkpoint", metavar=metavar, help="Keep progress here, to go on if interrupted."),
                click.option("--checkpoint-every", metavar="N|Ns", help="Iterations, or seconds: 60s.  [default: 30s]"),
                click.option(
                    "--resume",
                    is_flag=True,
                    help="Go on where the checkpoint is, by default OUTPUT's name and .ckpt.",
                ),
            )
        ):
            command = option(command)
        return command

    return declare


def kept_progress(given: dict[str, Any]) -> KeptProgress:
    """Take out what `keeping_options` gathered."""
    from imgnmf.commands.keeping import KeptProgress

    return KeptProgress(*(given.pop(name) for name in ("checkpoint", "checkpoint_every", "resume")))


force_option = click.option(
    "--force", is_flag=True, help="Replace a file of the same format, or a folder of imgnmf; never through a link."
)


class Size(click.ParamType):  # type: ignore[type-arg]
    """HEIGHTxWIDTH, and where it is an image's shape its channels too."""

    name = "HxW"

    def __init__(self, *, channels: bool = False) -> None:
        self.channels = channels

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the numbers, or let click refuse the text."""
        from imgnmf.commands.source import parse_size

        try:
            return value if isinstance(value, tuple) else parse_size(value, channels=self.channels)
        except ParameterError as refusal:
            self.fail(str(refusal), param, ctx)


ARRAY_OPTIONS = (
    click.option(
        "--image-shape", type=Size(channels=True), metavar="HxW", help="What an image is, in a file of flat ones."
    ),
    click.option("--key", metavar="NAME", help="Which array holds the images, in a file of several."),
)
READING_OPTIONS = (
    click.option("--size", type=Size(), metavar="HxW", help="Resize every image to this; for patches, what is cut."),
    *ARRAY_OPTIONS,
    click.option("--frames", type=click.Choice(("first", "all")), help="Of a film or a file of many pages."),
)


def reading(*options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare how SOURCE is read, the same for every command that reads one; it gets a `Reading`."""

    def declared(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_reading(*args: Any, **given: Any) -> None:
            from imgnmf.commands.source import Reading

            told = {name: given.pop(name, None) for name in ("size", "image_shape", "key", "frames")}
            told = {name: value for name, value in told.items() if value is not None}
            colored = given.pop("color", False)
            command(*args, reading=Reading(**told, color="any" if colored else "grey"), **given)

        return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), with_reading)

    return declared


COLOR_OPTION = click.option("--color", is_flag=True, help="Keep colours; without it pictures are read as grey.")


def chosen_fit(given: dict[str, Any]) -> FitOptions:
    """Return what `fit_options` gathered."""
    from imgnmf.commands.options import FitOptions

    return FitOptions(**given)


def say(text: str, *, err: bool = False) -> None:
    """Print, on standard error if `err`; whatever came from a file cannot steer the terminal.

    Raises
    ------
    OutputError
        Standard output cannot be written to.
    """
    try:
        click.echo(escaped(text, keep="\n"), err=err)
    except BrokenPipeError:
        raise  # whoever read it has seen enough: click ends quietly
    except OSError as reason:
        if err:
            return  # there is nowhere left to say so
        _silence_output()
        words = f"cannot write to standard output: {reason.strerror}; choose another place"
        raise OutputError(words) from reason


def _silence_output() -> None:
    """Let what is still in the buffer of standard output not fail once more when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell_report(images: Any) -> None:
    """Say which files were left out."""
    if images.report is not None and images.report.skipped:
        say(in_its_options(str(images.report)), err=True)


def exit_if_interrupted(interrupted: bool) -> None:
    """End the command as interrupted, after everything was written."""
    if interrupted:
        raise KeyboardInterrupt("interrupted: the best factors so far were kept")


def _warn(message: Warning | str, *_args: Any, **_kwargs: Any) -> None:
    say(f"warning: {in_its_options(str(message))}", err=True)


def _fail(message: str, code: int) -> NoReturn:
    say(f"imgnmf: {in_its_options(message)}", err=True)
    sys.exit(code)


def in_its_options(message: str) -> str:
    """Say it in the options of the command that runs."""
    context = click.get_current_context(silent=True)
    return message if context is None else in_options(message, options_of(context.command))
