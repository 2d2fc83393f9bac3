"""Parts that come back are told from parts that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import imgnmf
from imgnmf.core.measures import unit_columns
from imgnmf.errors import ParameterError, ShapeMismatchError
from imgnmf.studies.stability import silhouettes
from imgnmf.viz import reliability


@pytest.fixture(scope="module")
def fit():
    V = np.kron(np.eye(4), np.ones((3, 5))) + 0.01
    return imgnmf.factorize(V, 4)


def with_parts(fit, W):
    return replace(fit, W=W)


def test_the_order_and_scale_of_parts_do_not_matter(fit):
    order = [2, 0, 3, 1]
    found = imgnmf.consensus([fit, with_parts(fit, fit.W[:, order] * [1.0, 5.0, 0.2, 3.0])])
    assert found.held_by.tolist() == [2, 2, 2, 2]
    assert np.allclose(found.cosines, 1)
    assert np.allclose(np.linalg.norm(found.parts, axis=0), 1)


def test_a_part_that_one_run_lacks_is_held_by_the_others(fit):
    other = fit.W.copy()
    other[:, 1] = 1
    found = imgnmf.consensus([fit, fit, with_parts(fit, other), fit])
    assert found.held_by.tolist() == [4, 4, 4, 3]
    assert found.reliability.tolist() == [1, 1, 1, 0.75]
    assert found.reference != 2
    lost = found.parts[:, 3]
    assert np.argmax(lost) == np.argmax(fit.W[:, 1])


def test_a_part_of_zeros_is_held_by_no_run(fit):
    W = fit.W.copy()
    W[:, 0] = 0
    found = imgnmf.consensus([with_parts(fit, W), with_parts(fit, W)])
    assert found.held_by.tolist() == [2, 2, 2, 0]


def test_runs_that_cannot_be_compared_are_refused(fit):
    with pytest.raises(ParameterError, match="at least two"):
        imgnmf.consensus([fit])
    with pytest.raises(ParameterError, match=r"one rank, found \[3, 4\]"):
        imgnmf.consensus([fit, with_parts(fit, fit.W[:, :3])])
    with pytest.raises(ShapeMismatchError, match="one size"):
        imgnmf.consensus([fit, with_parts(fit, fit.W[:5])])
    with pytest.raises(ParameterError, match="alike"):
        imgnmf.consensus([fit, fit], alike=1.5)


def test_silhouettes_are_those_of_scikit_learn():
    silhouette_samples = pytest.importorskip("sklearn.metrics").silhouette_samples
    rng = np.random.default_rng(0)
    parts = np.stack([unit_columns(rng.random((9, 4)) + 3 * np.eye(9, 4)) for _ in range(5)])
    every = parts.transpose(0, 2, 1).reshape(20, 9)
    expected = silhouette_samples(every, np.tile(np.arange(4), 5), metric="cosine")
    assert np.allclose(silhouettes(parts), expected.reshape(5, 4))


def test_parts_alone_come_back_and_parts_of_zeros_or_twins_do_not():
    assert silhouettes(np.ones((3, 4, 1)) / 2).tolist() == [[1], [1], [1]]
    twins = np.stack([unit_columns(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))] * 3)
    assert np.allclose(silhouettes(twins), [0, 0, 1])
    twins[:, :, 2] = 0
    assert np.allclose(silhouettes(twins)[:, 2], 0)


def test_bars_are_as_long_as_the_share():
    figure = reliability(np.eye(4).reshape(4, 2, 2), [4, 3, 1, 0], 4)
    bars = [p for p in figure.axes[0].patches if p.get_linewidth() == 0]
    full, filled = bars[::2], bars[1::2]
    assert [b.get_width() / a.get_width() for a, b in zip(full, filled, strict=True)] == [1, 0.75, 0.25, 0]


@pytest.mark.parametrize("held_by", [[1, 2], [5, 0, 0, 0], [-1, 0, 0, 0], [0.5, 0, 0, 0]])
def test_counts_out_of_bounds_are_refused(held_by):
    with pytest.raises((ParameterError, ShapeMismatchError), match="held_by"):
        reliability(np.eye(4).reshape(4, 2, 2), held_by, 4)
