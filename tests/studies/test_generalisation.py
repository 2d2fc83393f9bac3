"""Errors on images that were not fitted."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.errors import DataError, ParameterError, ShapeMismatchError
from imgnmf.studies.generalisation import Generalisation, _test_images


@pytest.fixture(scope="module")
def V():
    rng = np.random.default_rng(0)
    return rng.gamma(1, 1, (30, 4)) @ rng.gamma(1, 1, (4, 60))


def test_enough_parts_of_a_world_rebuild_what_was_not_seen(V):
    found = imgnmf.generalisation(V, [4, 1, 2], max_iter=2000, threads=1)
    assert found.ranks == (1, 2, 4)
    assert found.train.shape == found.test.shape == (3, 3)
    assert (np.diff(found.test.mean(axis=0)) < 0).all()
    assert found.test[:, -1].max() < 1e-3


def test_noise_is_not_rebuilt_in_images_that_were_not_seen():
    V = np.random.default_rng(1).random((30, 40))
    found = imgnmf.generalisation(V, [2, 15], threads=1)
    assert (found.gap > 0).all()
    assert found.gap[1] > found.gap[0]


def test_a_person_is_on_one_side_only():
    groups = np.repeat(["ann", "bob", "cleo", "dee"], 5)
    for seed in range(5):
        test = _test_images(20, groups, 0.25, np.random.default_rng(seed))
        assert test.sum() == 5
        assert not set(groups[test]) & set(groups[~test])


def test_groups_are_harder_than_images_where_persons_differ():
    rng = np.random.default_rng(0)
    persons = rng.random((40, 8)) ** 4
    V = np.repeat(persons, 10, axis=1) * rng.uniform(0.5, 1, 80) + 0.02 * rng.random((40, 80))
    by_image = imgnmf.generalisation(V, [6], threads=1)
    by_person = imgnmf.generalisation(V, [6], groups=np.arange(80) // 10, threads=1)
    assert by_person.test.mean() > 1.5 * by_image.test.mean()
    assert "unseen groups" in by_person.verdict


@pytest.mark.parametrize("loss", ["kullback-leibler", "itakura-saito"])
def test_any_loss_and_pixels_that_are_black(V, loss):
    V = np.where(np.arange(60) == 3, 0, V)
    found = imgnmf.generalisation(V, [1, 4], loss=loss, repeats=1, threads=1)
    assert np.isfinite(found.test).all()
    assert found.test[0, 1] < found.test[0, 0]


def test_the_largest_rank_is_what_can_be_fitted_to_the_rest(V):
    found = imgnmf.generalisation(V, [1], share=0.9, repeats=2, max_iter=2, threads=1)
    assert found.largest_rank == 6
    with pytest.raises(ParameterError):
        imgnmf.generalisation(V, [7], share=0.9, repeats=2, max_iter=2, threads=1)


def test_the_figure_has_both_curves():
    found = Generalisation((1, 2), np.array([[0.5, 0.2]]), np.array([[0.6, 0.3]]), "images", 30)
    labels = found.figure().axes[0].get_legend_handles_labels()[1]
    assert labels == ["fitted images", "unseen images"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"ranks": []}, ParameterError),
        ({"ranks": [46]}, ParameterError),
        ({"ranks": [2], "share": 1.0}, ParameterError),
        ({"ranks": [2], "groups": [1] * 60}, ParameterError),
        ({"ranks": [2], "groups": [1, 2]}, ShapeMismatchError),
    ],
)
def test_bad_options_are_refused(V, options, error):
    with pytest.raises(error):
        imgnmf.generalisation(V, **options)


def test_bad_numbers_are_refused(V):
    with pytest.raises(DataError, match="negative"):
        imgnmf.generalisation(V - 5, [2])
