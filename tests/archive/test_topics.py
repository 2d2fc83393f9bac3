"""Topics come back whole, with all that unseen texts need, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.archive_topics import load_topics, save_topics
from imgnmf.errors import ArchiveError
from imgnmf.topics import Texts, find_topics
from tests.damage import mutated
from tests.topics.planted import texts


@pytest.fixture(scope="module", params=["kullback-leibler", "frobenius"])
def model(request):
    names = tuple(f"é {i}.txt" for i in range(60))
    return find_topics(Texts(names, tuple(texts())), 3, loss=request.param)


@pytest.fixture
def saved(model, tmp_path):
    save_topics(tmp_path / "topics.imgnmf", model)
    return tmp_path / "topics.imgnmf"


def same(a, b):
    return (
        (a.names, a.vocabulary.words, a.vocabulary.weighting) == (b.names, b.vocabulary.words, b.vocabulary.weighting)
        and (a.fit.reason, a.fit.objective, a.fit.loss) == (b.fit.reason, b.fit.objective, b.fit.loss)
        and np.array_equal(a.fit.W, b.fit.W)
        and np.array_equal(a.fit.H, b.fit.H)
        and (a.vocabulary.idf is None or np.array_equal(a.vocabulary.idf, b.vocabulary.idf))
    )


def test_every_number_comes_back(saved, model):
    again = load_topics(saved)
    assert same(again, model)
    assert again.top_words() == model.top_words()
    np.testing.assert_array_equal(again.of_unseen(texts(5, seed=1)), model.of_unseen(texts(5, seed=1)))


def test_equal_models_give_equal_files(saved, tmp_path):
    save_topics(tmp_path / "again.imgnmf", load_topics(saved))
    assert (tmp_path / "again.imgnmf").read_bytes() == saved.read_bytes()


def test_no_damage_goes_unseen(saved, model):
    whole = saved.read_bytes()
    rng, refused = np.random.default_rng(1), 0
    for _ in range(200):
        saved.write_bytes(mutated(whole, rng))
        try:
            assert same(load_topics(saved), model)
        except ArchiveError:
            refused += 1
    assert refused > 150


def test_the_kinds_of_model_are_not_mixed_up(saved, model, tmp_path):
    with pytest.raises(ArchiveError, match="another kind"):
        imgnmf.load(saved)
    imgnmf.save(tmp_path / "flat.imgnmf", model.fit)
    with pytest.raises(ArchiveError, match="another kind"):
        load_topics(tmp_path / "flat.imgnmf")
