"""Decompose again: the coefficients of parts are a non-negative matrix too, and so are the parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, energy_of, running, useful_threads
from imgnmf.core.check import as_data, checked_choice, checked_count, checked_rank
from imgnmf.core.choices import InitLike
from imgnmf.core.encode import encode, exact_coefficients
from imgnmf.core.factorize import factorize
from imgnmf.core.interrupts import INTERRUPTED, concluded, interruptible, own_best
from imgnmf.core.loading import loaded
from imgnmf.core.losses import Frobenius
from imgnmf.core.parts import Array
from imgnmf.core.penalties import NO_PENALTY
from imgnmf.core.progress import Shelf, opened_shelf
from imgnmf.core.units import as_blocks
from imgnmf.errors import DataError, ParameterError
from imgnmf.studies.greedy import Greedy, LayerCallback
from imgnmf.studies.joint import ChainProblem, Rounds, chain_product
from imgnmf.validation import checked_callback, checked_items, checked_rng

__all__ = ["Layer", "LayeredFactorization", "Split", "factorize_layers"]

Split: TypeAlias = Literal["H", "W"]


@dataclass(frozen=True, eq=False)
class Layer:
    """One factorization of the chain.

    Attributes
    ----------
    W, H : array
        ``H_above ~ W H`` where coefficients are split, ``W_above ~ W H`` where parts are; of V in the first layer.
    relative_error : float
        ``|V - basis coefficients| / |V|``, seen from the pixels.
    """

    W: Array
    H: Array
    relative_error: float

    @property
    def rank(self) -> int:
        """The number of parts of this layer."""
        return int(self.W.shape[1])


@dataclass(frozen=True, eq=False)
class LayeredFactorization:
    """``V ~ W_1 W_2 ... W_L H_L``, or ``V ~ W_L H_L ... H_2 H_1`` where the parts were split.

    Attributes
    ----------
    layers : tuple of Layer
        The first has the most parts.
    split : {"H", "W"}
        What each further layer takes apart.
    greedy_error : float
        Relative error of the whole chain before all layers were tuned together.
    objective : array
        ``|V - product of the chain|^2 / 2`` in units of ``|V|^2``: greedy first, then after each round.
    reason : str
        Why the tuning ended; "interrupted" after Ctrl-C, also where it came before: this is then the `best` of an
        `Interrupted`.

    Examples
    --------
    >>> import imgnmf
    >>> deep = imgnmf.factorize_layers(imgnmf.load_dataset("swimmer").V, ranks=(16, 4))
    >>> deep.ranks, deep.basis(1).shape, deep.relative_error <= deep.greedy_error
    ((16, 4), (1024, 4), True)
    """

    layers: tuple[Layer, ...]
    split: Split
    greedy_error: float
    objective: Array
    reason: str

    @property
    def ranks(self) -> tuple[int, ...]:
        """The number of parts of every layer, falling."""
        return tuple(layer.rank for layer in self.layers)

    @property
    def relative_error(self) -> float:
        """Of the last layer."""
        return self.layers[-1].relative_error

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it: there may be fewer layers then than were asked for, and they may be less tuned."""
        return self.reason == INTERRUPTED

    def basis(self, layer: int = -1) -> Array:
        """The parts of a layer in pixel space, shape (n_pixels, rank); numbered as in `layers`."""
        place = self._place(layer)
        if self.split == "W":
            return self.layers[place].W
        return chain_product([above.W for above in self.layers[: place + 1]])

    def coefficients(self, layer: int = -1) -> Array:
        """How much of each part of a layer each image holds, shape (rank, n_images)."""
        place = self._place(layer)
        if self.split == "H":
            return self.layers[place].H
        return chain_product([above.H for above in reversed(self.layers[: place + 1])])

    def reconstruct(self, layer: int = -1) -> Array:
        """The images from the parts of one layer, shape (n_pixels, n_images)."""
        return np.asarray(self.basis(layer) @ self.coefficients(layer))

    def encode(self, V_new: Any, layer: int = -1) -> Array:
        """Exact non-negative least squares of new images on the parts of one layer, shape (rank, n_new)."""
        return encode(V_new, self.basis(layer), loss=Frobenius())

    def encode_through(self, V_new: Any) -> tuple[Array, ...]:
        """Coefficients of new images in every layer of one and the same model.

        Where coefficients are split, exact ones in the last layer, those above as what they stand for,
        ``W_(l+1) H_(l+1)``: every layer then gives the same picture. Where parts are split, exact ones in the first
        layer, those below as what they need, ``H_(l+1) H_l``.
        """
        if self.split == "H":
            found = [self.encode(V_new)]
            for layer in reversed(self.layers[1:]):
                found.append(layer.W @ found[-1])
            return tuple(reversed(found))
        found = [self.encode(V_new, 0)]
        for layer in self.layers[1:]:
            found.append(layer.H @ found[-1])
        return tuple(found)

    def shares(self, layer: int) -> Array:
        """Which parts of the layer before make which part of this one, as shares of its light.

        Where parts are split, which parts of this layer make which part of the layer before.

        Returns
        -------
        array, shape (n_small, n_large)
            Columns sum to 1, or to 0 for a part that is dark.
        """
        place = self._place(layer)
        if place == 0:
            raise ParameterError("the first layer is made of pixels; ask for layer 1 or a later one")
        small = self.basis(place - 1 if self.split == "H" else place)
        link = self.layers[place].W if self.split == "H" else self.layers[place].H
        light = small.sum(axis=0, dtype=np.float64)[:, None] * link
        total = light.sum(axis=0)
        return np.asarray(light / np.where(total > 0, total, 1))

    def _place(self, layer: int) -> int:
        n = len(self.layers)
        if isinstance(layer, bool) or not isinstance(layer, (int, np.integer)) or not -n <= layer < n:
            raise ParameterError(f"layer must be a whole number within {-n} .. {n - 1}, got {layer!r}")
        return int(layer) % n


@interruptible(own_best)
def factorize_layers(
    V: Any,
    ranks: Iterable[int],
    *,
    split: Split = "H",
    init: InitLike = "nndsvd",
    max_iter: int = 500,
    tune: int = 200,
    tol: float = 1e-3,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
    callback: LayerCallback | None = None,
    checkpoint: Shelf | None = None,
    resume: bool = False,
) -> LayeredFactorization:
    """Take images apart, then what was found again: small parts, larger parts made of them, and so on.

    Greedy first, ``V ~ W_1 H_1``, ``H_1 ~ W_2 H_2``, ... (Cichocki & Zdunek 2006), each ``W`` with columns of length 1
    so that an error in the coefficients weighs what it weighs in the pixels. Then all layers together by coordinate
    descent on one objective, ``|V - W_1 ... W_L H_L|^2`` (De Handschutter & Gillis 2022): never worse than greedy.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        Read by blocks where it lies in a store, unless parts are split.
    ranks : iterable of int
        One a layer, falling: ``(100, 49, 16)``.
    split : {"H", "W"}
        "H" takes the coefficients apart again: small parts join into larger ones. "W" takes the parts apart:
        ``W_1 ~ W_2 H_2``, each part a sum of fewer, shared ones.
    init, max_iter, threads
        As for `imgnmf.factorize`, for each greedy layer.
    tune : int
        At most so many rounds over all layers together; 0 leaves the greedy layers.
    tol : float
        The tuning ends when 10 rounds lowered the objective by less than `tol` of itself.
    time_limit : float, optional
        In seconds, for each greedy layer and for the tuning.
    rng : int, Generator or None
    callback : callable, optional
        Called with the layer's number and a `State` after each greedy iteration; True ends that layer.
    checkpoint, resume
        As for `imgnmf.factorize_ranks`, of the greedy layers; the tuning begins anew.

    Returns
    -------
    LayeredFactorization

    Raises
    ------
    Interrupted
        At Ctrl-C, with the layers that were begun until then as its `best`, or None.
    ParameterError
        If ranks do not fall, or one is out of bounds.
    DataError
        If V is no non-negative matrix, or zero everywhere.

    Examples
    --------
    >>> import imgnmf
    >>> V = imgnmf.load_dataset("digits").V[:, :100]
    >>> deep = imgnmf.factorize_layers(V, ranks=(16, 4), max_iter=2000)
    >>> [layer.W.shape for layer in deep.layers], deep.shares(1).sum(axis=0).round(6)
    ([(64, 16), (16, 4)], array([1., 1., 1., 1.]))
    """
    # The coefficients of a layer are split in passes over V; its parts are found from the images' side, as V'.
    if checked_choice("split", split, ("H", "W")) == "H":
        data = as_data(V)
    else:
        data = loaded(V, "split='W'", 8, "take split='H', which reads V by blocks, or some of the images").T
    wanted = _checked_ranks(ranks, data.shape)
    checked_rng(rng)
    checked_callback(callback)
    rounds = Rounds(checked_count("tune", tune, 0), tol, time_limit)
    blocks = _wide(data)
    fit = partial(factorize, init=init, max_iter=max_iter, time_limit=time_limit, rng=rng, threads=threads)
    greedily = Greedy(fit, callback, opened_shelf(checkpoint, resume, rng))
    chain, stopped = greedily.chain(data, wanted, blocks.exponent)
    with running(useful_threads(threads, data.shape, wanted[0])) as run:
        problem = ChainProblem(blocks, run, energy_of(blocks, run))
        greedy = problem.relative_error(chain_product(chain[:-1]), chain[-1])
        tuned, objective, ended = (chain, [], INTERRUPTED) if stopped else rounds.tune(problem, chain)

        def measured(reason: str, _converged: bool) -> LayeredFactorization:
            layers = tuple(_layers(problem, tuned))
            history = np.array([greedy**2 / 2, *(value / problem.energy for value in objective)])
            if split == "W":
                layers = tuple(replace(layer, W=layer.H.T, H=layer.W.T) for layer in layers)
            return LayeredFactorization(layers, split, greedy, history, reason)

        return concluded(measured, ended, False)


def _checked_ranks(ranks: Iterable[int], shape: tuple[int, int]) -> tuple[int, ...]:
    given = checked_items("ranks", ranks, "ranks=(49, 16)")
    wanted = tuple(checked_rank(rank, shape, beyond=False) for rank in given)
    if not wanted:
        raise ParameterError("ranks is empty: give at least one layer, say ranks=(49, 16)")
    if any(after >= before for before, after in pairwise(wanted)):
        raise ParameterError(
            f"ranks must fall from layer to layer, got {wanted}: a layer with as many parts as the one above it "
            "would only repeat it; say ranks=(100, 49, 16)"
        )
    return wanted


def _wide(V: Any) -> ColumnBlocks:
    blocks = as_blocks(V, Frobenius())
    if not blocks.largest:
        raise DataError(
            "V is zero everywhere, so there is nothing to take apart twice; give images that show something"
        )
    return replace(blocks, dtype=np.dtype(np.float64))


def _layers(problem: ChainProblem, chain: Sequence[Array]) -> Iterator[Layer]:
    """Each layer with the coefficients that are the best for its own parts."""
    basis = None
    exponent = problem.blocks.exponent
    for W in chain[:-1]:
        basis = W if basis is None else basis @ W
        H = exact_coefficients(basis.T, problem.blocks, Frobenius(), NO_PENALTY, problem.run)
        yield Layer(W, np.ldexp(H, exponent), problem.relative_error(basis, H))
