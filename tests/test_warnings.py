"""A warning points at the line of the user's that led to it, whichever public function that is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

import imgnmf
from imgnmf.core.constraints import Sparseness
from imgnmf.errors import ImgnmfWarning
from imgnmf.images import ImageSet

V = np.random.default_rng(0).random((20, 24))
UNSEEN = np.ones(V.shape)
UNSEEN[:, 3] = UNSEEN[2] = 0
FIT = imgnmf.factorize(V, 2)
SYMMETRIC = V.T @ V
IMAGES = ImageSet(V.T.reshape(24, 5, 4))
DARK = np.arange(20).reshape(5, 4) != 7


def topics_of_one_blank():
    return imgnmf.topics.find_topics(["cat dog", "dog cat", "7"], 1, max_df=1.0)


ENTRIES = {
    "factorize": lambda: imgnmf.factorize(V, 3, max_iter=1),
    "factorize, beyond": lambda: imgnmf.factorize(V, 21, init="random", max_iter=0),
    "factorize, zeros": lambda: imgnmf.factorize(V * 0, 2),
    "factorize, unseen": lambda: imgnmf.factorize(V, 2, weights=UNSEEN),
    "encode, unseen": lambda: FIT.encode(V, weights=UNSEEN),
    "factorize_ranks": lambda: imgnmf.factorize_ranks(V, [2, 3], max_iter=1),
    "factorize_layers": lambda: imgnmf.factorize_layers(V, ranks=(4, 2), max_iter=1),
    "factorize_projective": lambda: imgnmf.factorize_projective(V, 2, max_iter=1),
    "constraint": lambda: imgnmf.factorize(V, 2, constraint_W=Sparseness(0.5), max_iter=1),
    "semi": lambda: imgnmf.family.semi(V, 2, max_iter=1),
    "convex": lambda: imgnmf.family.convex(V, 2, max_iter=1),
    "minimum_volume": lambda: imgnmf.family.minimum_volume(V, 2, max_iter=1),
    "symmetric": lambda: imgnmf.family.symmetric(SYMMETRIC, 2, max_iter=1),
    "inpaint": lambda: imgnmf.inpaint(IMAGES, DARK, 2),
}
TOPICS = {
    "find_topics": topics_of_one_blank,
    "cut": lambda: imgnmf.topics.Texts(("a", "b"), ("one", " ")).cut("line"),
}


def places_of(entry):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        entry()
    return {told.filename for told in seen if issubclass(told.category, ImgnmfWarning)}


@pytest.mark.parametrize("name", ENTRIES)
def test_it_points_here(name):
    assert places_of(ENTRIES[name]) == {__file__}


@pytest.mark.parametrize("name", TOPICS)
def test_those_of_topics_too(name):
    pytest.importorskip("sklearn", reason="needs imgnmf[sklearn]")
    assert places_of(TOPICS[name]) == {__file__}


def test_those_of_reading_too(tmp_path):
    Image.new("L", (3, 3)).save(tmp_path / "a.png")
    Image.new("RGB", (3, 3), "red").save(tmp_path / "b.png")
    assert places_of(lambda: imgnmf.load_images(tmp_path)) == {__file__}


def test_an_estimator_in_a_pipeline_passes_through_the_wrappers_of_scikit_learn():
    pytest.importorskip("sklearn", reason="needs imgnmf[sklearn]")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline

    from imgnmf.estimator import NMF

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        NMF(2, max_iter=1).fit_transform(V)
        make_pipeline(NMF(2, max_iter=1)).fit(V)
    told = [each.filename for each in seen if issubclass(each.category, ConvergenceWarning)]
    assert told == [__file__, __file__]
