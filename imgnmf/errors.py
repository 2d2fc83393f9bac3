"""Every error and warning that imgnmf raises.

::

    ImgnmfError
    ├── ParameterError (ValueError)      an option's value is out of its bounds
    │   ├── IncompatibleError            two options that exclude each other
    │   └── MemoryBudgetError            a fit that would take more memory than it may
    ├── DataError (ValueError)           numbers that no factorization can use: NaN, negative, wrong scale
    │   ├── ShapeMismatchError           sizes that do not fit together
    │   └── NoImagesError                nothing to read where images were expected
    ├── ImageReadError (OSError)         one file that could not be decoded; always names the path
    ├── ArchiveError (ValueError)        a saved model that is damaged, foreign or from a newer format
    ├── CodecError (ValueError)          compressed images or shared parts that are damaged, foreign or do not belong
    ├── OutputError (OSError)            a result that could not be written; what was there before is whole
    └── ClusterError (ConnectionError)   a cluster that is not there, does not fit or was lost; knows the best so far

    Interrupted (KeyboardInterrupt)      Ctrl-C, in a function that takes long; knows the best so far. No ImgnmfError,
                                         and no Exception: what catches those must not go on after Ctrl-C

    ImgnmfWarning (UserWarning)
    ├── CheckpointWarning                the progress of a fit could not be kept; the fit itself goes on
    ├── ConvergenceWarning               the run ended at a limit before its stopping rule held
    └── DataWarning                      the data was usable, but not quite what one would expect

Each message says what was expected, what was found, and what to do.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

__all__ = [
    "ArchiveError",
    "CheckpointWarning",
    "ClusterError",
    "CodecError",
    "ConvergenceWarning",
    "DataError",
    "DataWarning",
    "ImageReadError",
    "ImgnmfError",
    "ImgnmfWarning",
    "IncompatibleError",
    "Interrupted",
    "MemoryBudgetError",
    "NoImagesError",
    "OutputError",
    "ParameterError",
    "ShapeMismatchError",
]


# scikit-learn wraps the methods of an estimator, and fits it within its own pipelines; contextlib wraps functions that
# can be interrupted.
WITHIN = ("imgnmf", "sklearn", "joblib", "contextlib")


def tell(message: str, kind: type[Warning]) -> None:
    """Warn, pointing at the line of the user's that led here, however many functions of imgnmf lie between."""
    frame, depth = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in WITHIN:
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, kind, stacklevel=depth)


def escaped(text: str, *, keep: str = "") -> str:
    r"""Return a text without control characters and marks that turn the direction of writing, but for `keep`.

    >>> escaped("\x1b[31mred")
    '\\x1b[31mred'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)


class ImgnmfError(Exception):
    """The root: catch this to catch everything that imgnmf raises on purpose."""


class ParameterError(ImgnmfError, ValueError):
    """An option has a value that it cannot have."""


class IncompatibleError(ParameterError):
    """Two options, each fine alone, exclude each other."""


class MemoryBudgetError(ParameterError):
    """A fit would take more memory than it was given; refused before it takes any."""


class DataError(ImgnmfError, ValueError):
    """The numbers cannot be factored as they are."""

    # The pixel and the image of the first value that is meant, where V was looked through.
    place: tuple[int, int] | None = None


class ShapeMismatchError(DataError):
    """Arrays or images whose sizes do not fit together."""


class NoImagesError(DataError):
    """No readable image where some were expected."""


class ImageReadError(ImgnmfError, OSError):
    """One image file could not be decoded; the message names its path."""


class ArchiveError(ImgnmfError, ValueError):
    """A saved model that is damaged, foreign, or of a newer format."""


class CodecError(ImgnmfError, ValueError):
    """Compressed images or shared parts that are damaged, foreign, or do not belong to each other."""


class OutputError(ImgnmfError, OSError):
    """A result could not be written; whatever was there before is untouched."""


class ClusterError(ImgnmfError, ConnectionError):
    """A cluster is not there, does not fit, or was lost in the middle.

    Attributes
    ----------
    best : Factorization, optional
        The best factors that had come back by then.
    """

    best: Any = None


class Interrupted(KeyboardInterrupt):
    """Ctrl-C came in a function that takes long.

    A `KeyboardInterrupt`, so that loops over fits, grid searches and scripts end as at any other Ctrl-C. Catch it to
    keep what there is.

    Attributes
    ----------
    best : object or None
        What was done until then, of the type that the function returns: a `Factorization` of `imgnmf.factorize` with
        the best factors so far, a `RankStudy` of `imgnmf.factorize_ranks` with the ranks so far. None where there was
        nothing to keep, or half of the work is worth nothing.

    Examples
    --------
    >>> import imgnmf
    >>> def ctrl_c(state):
    ...     if state.iteration == 5:
    ...         raise KeyboardInterrupt
    >>> try:
    ...     fit = imgnmf.factorize(imgnmf.load_dataset("swimmer").V, 16, callback=ctrl_c)
    ... except imgnmf.Interrupted as interrupt:
    ...     fit = interrupt.best
    >>> fit.n_iter, fit.reason
    (5, 'interrupted')
    """

    def __init__(self, message: str | None = None, *, best: Any = None) -> None:
        if message is None:
            message = f"interrupted; {'there was nothing to keep' if best is None else 'the best so far is in .best'}"
        super().__init__(message)
        self.best = best


class ImgnmfWarning(UserWarning):
    """The root of imgnmf's warnings."""


class CheckpointWarning(ImgnmfWarning):
    """The progress of a fit could not be kept; the fit itself goes on."""


class ConvergenceWarning(ImgnmfWarning):
    """A run reached a limit before its stopping rule held."""


class DataWarning(ImgnmfWarning):
    """Usable data that is not quite what one would expect."""
