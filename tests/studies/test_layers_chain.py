"""Layers: the chain is consistent, the tuning never raises its objective, and bad ranks are refused."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.core.measures import relative_error
from imgnmf.errors import DataError, ParameterError
from tests.signals import best_of


@pytest.fixture(scope="module")
def V():
    return imgnmf.load_dataset("digits").V[:, :200]


@pytest.mark.parametrize("split", ["H", "W"])
def test_tuning_is_monotone_and_never_worse_than_greedy(V, split):
    deep = imgnmf.factorize_layers(V, (16, 8, 4), split=split, max_iter=3000)
    assert len(deep.objective) > 2
    assert (np.diff(deep.objective) <= 1e-12).all()
    assert deep.relative_error < deep.greedy_error
    for layer in range(3):
        assert deep.layers[layer].relative_error == pytest.approx(relative_error(V, deep.reconstruct(layer)))
        assert min(deep.basis(layer).min(), deep.coefficients(layer).min()) >= 0
        if layer:
            np.testing.assert_allclose(deep.shares(layer).sum(axis=0), 1)


def test_encoding_the_fitted_images_gives_their_coefficients(V):
    deep = imgnmf.factorize_layers(V, (16, 4), max_iter=3000)
    np.testing.assert_allclose(deep.encode(V), deep.coefficients(), atol=1e-6 * deep.coefficients().max())
    upper, lower = deep.encode_through(V)
    np.testing.assert_allclose(deep.basis(0) @ upper, deep.basis(1) @ lower, atol=1e-9 * V.max())


@pytest.mark.parametrize("ranks", [(4, 4), (4, 9), (), (9, 0), (65,)])
def test_ranks_that_do_not_fall_are_refused(V, ranks):
    with pytest.raises(ParameterError, match="rank"):
        imgnmf.factorize_layers(V, ranks)


def test_a_last_layer_of_rank_one_and_a_matrix_of_zeros(V):
    assert imgnmf.factorize_layers(V, (4, 1), max_iter=3000).basis().shape == (64, 1)
    with pytest.raises(DataError, match="zero everywhere"):
        imgnmf.factorize_layers(np.zeros((4, 3)), (2, 1))


def interrupted_at(layer, iteration):
    def interrupt(place, state):
        if (place, state.iteration) == (layer, iteration):
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("split", ["H", "W"])
def test_ctrl_c_keeps_the_layers_that_were_begun(V, split):
    given = {"split": split, "max_iter": 3000, "callback": interrupted_at(1, 5)}
    deep = best_of(imgnmf.factorize_layers, V, (16, 8, 4), **given)
    assert deep.interrupted
    assert deep.ranks == (16, 8)
    whole = imgnmf.factorize_layers(V, (16, 8, 4), split=split, max_iter=3000, tune=0)
    assert not whole.interrupted
    np.testing.assert_array_equal(deep.basis(0), whole.basis(0))
    for layer in range(2):
        assert deep.layers[layer].relative_error == pytest.approx(relative_error(V, deep.reconstruct(layer)))


def test_ctrl_c_in_the_start_of_a_layer_keeps_those_before_and_in_the_first_is_passed_on(V, monkeypatch):
    from imgnmf.studies import layers

    def interrupted_start(W_or_V, rank, **options):
        if rank == 8:
            raise imgnmf.Interrupted  # as `factorize` does while it prepares a start
        return imgnmf.factorize(W_or_V, rank, **options)

    monkeypatch.setattr(layers, "factorize", interrupted_start)
    deep = best_of(imgnmf.factorize_layers, V, (16, 8, 4), max_iter=3000)
    assert (deep.ranks, deep.interrupted) == ((16,), True)
    assert best_of(imgnmf.factorize_layers, V, (8, 4), max_iter=3000) is None
