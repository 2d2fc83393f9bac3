"""How well the parts of each rank predict numbers that the fit did not see: the two kinds of cross-validation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgnmf.core.encode import encode
from imgnmf.core.factorize import factorize
from imgnmf.core.losses import Frobenius, Loss
from imgnmf.core.progress import Shelf, kept_as
from imgnmf.core.result import Factorization
from imgnmf.errors import ConvergenceWarning, DataWarning

__all__ = ["EachFit", "bi_cross_validation", "held_out_entries", "losses", "quiet_fit"]

Array: TypeAlias = NDArray[Any]

# The 10 % of the entries that Wold (1978) hides; folds do not overlap, so at most ten.
HIDDEN_SHARE = 0.1
MOST_FOLDS = round(1 / HIDDEN_SHARE)
# Directions of a model that are fainter than this share of its strongest are rounding: they predict nothing.
CERTAIN = float(np.sqrt(np.finfo(np.float32).eps))
# Of the mean image: what a prediction is lifted to where a loss is infinite at 0.
FAINT = 1e-3


@dataclass(frozen=True)
class EachFit:
    """How each of the many fits of a study is made."""

    loss: Loss
    init: Any = "nndsvd"
    max_iter: int = 500
    threads: int | None = None
    shelf: Shelf | None = None


def quiet_fit(
    V: Array, rank: int, options: EachFit, rng: Any, weights: Array | None = None, *, run: str = ""
) -> Factorization:
    """One of many fits, whose limits are the study's own affair; `run` tells it from others of its rank."""
    given = {name: value for name, value in vars(options).items() if name != "shelf"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", DataWarning)
        return factorize(V, rank, weights=weights, rng=rng, **given, **kept_as(options.shelf, f"k{rank}{run}"))


def held_out_entries(V: Array, ranks: Sequence[int], scores: Array, options: EachFit, seed: int) -> None:
    """Fill in the scores (repeats, ranks) of hidden entries (Wold 1978).

    A tenth of all entries has the weight 0 in the fits of each repeat. A score is the loss on the hidden entries,
    divided by what the mean of each pixel over the images that show it loses there: 1 is no better than the mean image.
    """
    fold = _folds(V.shape, np.random.default_rng(seed))
    for number in range(len(scores)):
        hidden = (fold == number).astype(np.float32)
        mean = _pixel_means(V, 1 - hidden)
        for place, rank in enumerate(ranks):
            fit = quiet_fit(V, rank, options, seed, 1 - hidden, run=f"-{number}")
            scores[number, place] = np.divide(*losses(fit, V, fit.reconstruct(), mean, hidden))


def bi_cross_validation(V: Array, ranks: Sequence[int], scores: Array, options: EachFit, seed: int) -> None:
    """Fill in the scores (repeats, ranks) of hidden blocks (Owen & Perry 2009).

    For ``V = [A B; C D]``, parts and coefficients are learnt on D alone; C gives the coefficients of A's images,
    B the parts on A's pixels. Each repeat halves pixels and images anew and predicts each of the four quarters.
    """
    rng = np.random.default_rng(seed)
    for number in range(len(scores)):
        sums = np.zeros((len(ranks), 2))
        for quarter, (rows, columns) in enumerate(_quarters(V.shape, rng)):
            run = f"-{number}-{quarter}"
            sums += [_quarter_losses(V, (rows, columns), rank, options, seed, run=run) for rank in ranks]
        scores[number] = sums[:, 0] / sums[:, 1]


def losses(
    fit: Factorization, V: Array, model: Array, mean: Array, weights: Array | None = None
) -> tuple[float, float]:
    """What `model` loses on V, and what the mean image (n_pixels, 1) does; both lifted as the fit lifted its data."""
    lifted = np.maximum(V, fit.floor) if fit.floor else V
    flat = np.repeat(np.maximum(mean, fit.floor), V.shape[1], axis=1)
    # One pixel that was thought to be black and is not must not be infinitely bad.
    least = FAINT * float(mean.mean()) if fit.loss.beta <= 1 else -np.inf
    left, whole = (
        fit.loss.value(lifted, np.maximum(image, least, dtype=np.float64), weights) for image in (model, flat)
    )
    # Where the mean image is exact, nothing can be better.
    return (left, whole) if whole > 0 else (float(left > 0), 1.0)


def _folds(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """A fold's number for every entry, all folds of one size."""
    size = shape[0] * shape[1]
    return np.asarray(rng.permutation(np.arange(size) % MOST_FOLDS).reshape(shape))


def _pixel_means(V: Array, seen: Array) -> Array:
    total = (V * seen).sum(axis=1, keepdims=True, dtype=np.float64)
    return np.asarray(total / np.maximum(seen.sum(axis=1, keepdims=True), 1))


def _quarters(shape: tuple[int, int], rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    halves = [np.array_split(rng.permutation(size), 2) for size in shape]
    return ((rows, columns) for rows in halves[0] for columns in halves[1])


def _quarter_losses(
    V: Array, quarter: tuple[Array, Array], rank: int, options: EachFit, seed: int, *, run: str
) -> tuple[float, float]:
    """The loss of predicting ``V[rows, columns]`` from the rest, and that of its pixels' means elsewhere."""
    rows, columns = quarter
    other_rows, other_columns = np.setdiff1d(np.arange(V.shape[0]), rows), np.setdiff1d(np.arange(V.shape[1]), columns)
    A, B = V[np.ix_(rows, columns)], V[np.ix_(rows, other_columns)]
    C, D = V[np.ix_(other_rows, columns)], V[np.ix_(other_rows, other_columns)]
    fit = quiet_fit(D, rank, options, seed, run=run)
    return losses(fit, A, _predicted(fit, B, C, options), B.mean(axis=1, keepdims=True, dtype=np.float64))


def _predicted(fit: Factorization, B: Array, C: Array, options: EachFit) -> Array:
    """A, from what the parts of D are on its pixels and in its images."""
    if isinstance(fit.loss, Frobenius):
        # The cone of D's parts need not hold images that D has not seen, however right k is, and one more part then
        # seems to predict. Least squares of any sign asks for their span alone.
        left, W = np.linalg.qr(fit.W.astype(np.float64))
        right, H = np.linalg.qr(fit.H.T.astype(np.float64))
        return np.asarray((B @ right) @ np.linalg.pinv(W @ H.T, rcond=CERTAIN) @ (left.T @ C))
    W = encode(B.T, fit.H.T, loss=fit.loss, floor=fit.floor, threads=options.threads).T
    return W @ encode(C, fit.W, loss=fit.loss, floor=fit.floor, threads=options.threads)
