"""Studies of V that lies in a store: read by blocks where the method allows it, else loaded, or refused by its size."""

from __future__ import annotations

import functools
import tracemalloc
import warnings

import numpy as np
import pytest

import imgnmf
from imgnmf.core import columns, loading
from imgnmf.errors import ConvergenceWarning, MemoryBudgetError
from tests.core.cases import low_rank
from tests.core.test_columns import WAY_NAMES, WAYS, Endless

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

V = low_rank(20, 340, 3, noise=0.2)
CHOICE = functools.partial(imgnmf.choose_rank, ranks=[1, 3], repeats=2, max_iter=15)
STUDIES = {
    "held-out": functools.partial(CHOICE, method="held-out"),
    "bi-cross-validation": functools.partial(CHOICE, method="bi-cross-validation"),
    "stability": functools.partial(CHOICE, method="stability"),
    "elbow": functools.partial(CHOICE, method="elbow"),
    "generalisation": functools.partial(imgnmf.generalisation, ranks=[2], repeats=2, max_iter=15),
    "layers": functools.partial(imgnmf.factorize_layers, ranks=(5, 2), max_iter=15, tune=4),
    "layers of parts": functools.partial(imgnmf.factorize_layers, ranks=(5, 2), split="W", max_iter=15, tune=4),
    "neighbours": lambda V: imgnmf.neighbour_graph(V, 3),
    "stream": lambda V: imgnmf.Stream(rank=3, images=100).partial_fit(V),
}
BY_BLOCKS = ("elbow", "layers", "stream")


def numbers_of(found):
    """All that a study came to, in one list of arrays."""
    if hasattr(found, "toarray"):
        return [found.toarray()]
    if isinstance(found, imgnmf.Stream):
        return [found.fit.W, found.fit.H, found.recent]
    if isinstance(found, imgnmf.LayeredFactorization):
        return [found.objective, *(array for layer in found.layers for array in (layer.W, layer.H))]
    return [getattr(found, name) for name in ("scores", "train", "test") if hasattr(found, name)]


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("elsewhere", WAYS, ids=WAY_NAMES)
def test_a_store_gives_what_v_in_memory_gives(name, elsewhere, tmp_path):
    here, there = STUDIES[name](V), STUDIES[name](elsewhere(V, tmp_path))
    assert numbers_of(here)
    for one, other in zip(numbers_of(here), numbers_of(there), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", sorted(set(STUDIES) - set(BY_BLOCKS)))
def test_what_would_not_fit_is_refused_by_its_size_before_it_is_read(name, monkeypatch):
    class Unread(Endless):
        def __getitem__(self, index):
            raise AssertionError("it was read")

    monkeypatch.setattr(loading, "machine_memory", lambda: 8e9)
    with pytest.raises(MemoryBudgetError, match=r"256 pixels of 1000000000 images in uint8, about .* TB .* 8 GB;"):
        STUDIES[name](Unread(10**9))


@pytest.mark.parametrize("name", BY_BLOCKS)
def test_what_goes_by_blocks_is_never_refused(name, monkeypatch):
    monkeypatch.setattr(loading, "machine_memory", lambda: 0.0)
    assert numbers_of(STUDIES[name](Endless(900)))


def peak_of(study, n):
    source = Endless(n)
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        study(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


PLAIN = imgnmf.RandomInit(lead_in=False)
PASSES = {
    # Numbers of 4 bytes that are held for each image: three buffers of H; layers are tuned in float64.
    "elbow": (lambda V: imgnmf.choose_rank(V, [3], method="elbow", repeats=2, max_iter=2, threads=1), 12),
    "layers": (
        lambda V: imgnmf.factorize_layers(V, (4, 2), init=PLAIN, max_iter=2, tune=1, threads=1),
        40,
    ),
    "stream": (lambda V: imgnmf.Stream(rank=3, images=500, iterations=2, threads=1).partial_fit(V), 0),
}


@pytest.mark.parametrize("name", PASSES)
def test_memory_does_not_grow_with_the_images_beyond_their_coefficients(name, monkeypatch):
    """T12: of ten times the images, a small part of what they take in memory, and next to nothing of a stream."""
    monkeypatch.setattr(columns, "RUN_BYTES", 1 << 18)
    study, numbers = PASSES[name]
    small, large = (peak_of(study, n) for n in (6_000, 60_000))
    assert large - small <= 4 * numbers * 54_000 + 0.1 * small
