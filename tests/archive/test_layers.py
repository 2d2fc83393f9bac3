"""A model of several layers comes back whole, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.archive_layers import load_layers, save_layers
from imgnmf.errors import ArchiveError, OutputError
from tests.damage import mutated


@pytest.fixture(scope="module")
def V():
    return np.random.default_rng(0).random((12, 15)) ** 3


@pytest.fixture(scope="module", params=["H", "W"])
def deep(request, V):
    return imgnmf.factorize_layers(V, (6, 4, 2), split=request.param, max_iter=5000, tune=5)


@pytest.fixture
def saved(deep, tmp_path):
    save_layers(tmp_path / "deep.imgnmf", deep)
    return tmp_path / "deep.imgnmf"


def same(a, b):
    facts = ("split", "greedy_error", "reason", "ranks")
    pairs = [(a.objective, b.objective)]
    pairs += [pair for x, y in zip(a.layers, b.layers, strict=True) for pair in ((x.W, y.W), (x.H, y.H))]
    errors = [[layer.relative_error for layer in x.layers] for x in (a, b)]
    return (
        all(getattr(a, name) == getattr(b, name) for name in facts)
        and errors[0] == errors[1]
        and all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in pairs)
    )


def test_every_number_comes_back(saved, deep, V):
    again = load_layers(saved)
    assert same(again, deep)
    for layer in range(3):
        np.testing.assert_array_equal(again.basis(layer), deep.basis(layer))
    np.testing.assert_array_equal(again.encode(V[:, :3]), deep.encode(V[:, :3]))


def test_equal_models_give_equal_files(saved, deep, tmp_path):
    save_layers(tmp_path / "again.imgnmf", load_layers(saved))
    assert (tmp_path / "again.imgnmf").read_bytes() == saved.read_bytes()


def test_no_damage_goes_unseen(saved, deep):
    whole = saved.read_bytes()
    rng, refused = np.random.default_rng(1), 0
    for _ in range(200):
        saved.write_bytes(mutated(whole, rng))
        try:
            assert same(load_layers(saved), deep)
        except ArchiveError:
            refused += 1
    assert refused > 150


def test_the_two_kinds_of_model_are_not_mixed_up(saved, V, tmp_path):
    with pytest.raises(ArchiveError, match="another kind"):
        imgnmf.load(saved)
    imgnmf.save(tmp_path / "flat.imgnmf", imgnmf.factorize(V, 2, max_iter=5000))
    with pytest.raises(ArchiveError, match="another kind"):
        load_layers(tmp_path / "flat.imgnmf")


def test_a_folder_that_is_not_there(deep, tmp_path):
    with pytest.raises(OutputError):
        save_layers(tmp_path / "none" / "deep.imgnmf", deep)
