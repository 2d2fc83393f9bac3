"""Planted topics are found, unseen texts are described like the seen, and odd texts are told by name."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import imgnmf
from imgnmf.core.measures import matched
from imgnmf.errors import DataError, DataWarning, ParameterError, ShapeMismatchError
from imgnmf.topics import Texts, TopicModel, Vocabulary, find_topics, shares_of, vocabulary_of
from tests.topics.planted import TOPICS, WORDS, planted_W, texts

LOSSES = ("kullback-leibler", "frobenius")


@pytest.fixture(scope="module", params=LOSSES)
def model(request):
    return find_topics(texts(), 3, loss=request.param, max_iter=2000)


def test_planted_topics_are_found(model):
    planted = planted_W(model.vocabulary.words)
    match = matched(planted, model.fit.W)
    assert match.cosine.min() > 0.75
    for topic, partner in zip(TOPICS, match.partner, strict=True):
        assert {word for word, _ in model.top_words(6)[partner]} == set(topic)
    main = model.shares().argmax(axis=0)
    assert [match.partner[i % 3] for i in range(60)] == main.tolist()


def test_columns_are_shares_of_words_and_the_strongest_topic_is_first(model):
    np.testing.assert_allclose(model.fit.W.sum(axis=0), 1, rtol=1e-5)
    assert (np.diff(model.fit.H.sum(axis=1)) <= 0).all()
    np.testing.assert_allclose(model.shares().sum(axis=0), 1, rtol=1e-5)


def test_kullback_leibler_keeps_the_number_of_words():
    model = find_topics(texts(), 3)
    np.testing.assert_allclose(model.fit.H.sum(axis=0), 40, rtol=1e-4)


def test_encoding_the_fitted_texts_gives_the_coefficients_of_the_fit(model):
    np.testing.assert_allclose(model.of_unseen(texts()), model.fit.H, rtol=1e-3, atol=1e-4 * model.fit.H.max())


def test_a_text_is_described_alike_alone_and_among_others(model):
    new = texts(8, seed=1)
    together = model.of_unseen(new)
    alone = np.hstack([model.of_unseen([text]) for text in new])
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-6 * together.max())
    assert together.argmax(axis=0).tolist() == model.of_unseen(texts(8)).argmax(axis=0).tolist()


@pytest.mark.parametrize("loss", LOSSES)
def test_the_order_of_the_documents_does_not_matter(loss):
    given, order = texts(), np.random.default_rng(2).permutation(60)
    options = {"loss": loss, "max_iter": 2000}
    plain, mixed = (find_topics(some, 3, **options) for some in (given, [given[i] for i in order]))
    match = matched(plain.fit.W, mixed.fit.W)
    assert match.cosine.min() > 1 - 1e-4
    np.testing.assert_allclose(mixed.fit.H[match.partner], plain.fit.H[:, order], atol=2e-2 * plain.fit.H.max())


def test_the_matrix_is_that_of_scikit_learn():
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    for weighting, kind in (("counts", CountVectorizer), ("tf-idf", TfidfVectorizer)):
        made = kind(stop_words="english", min_df=2, max_df=0.95)
        expected = made.fit_transform(texts()).T.toarray()
        vocabulary = vocabulary_of(texts(), weighting=weighting)
        assert vocabulary.words == tuple(made.get_feature_names_out())
        found = vocabulary.matrix(texts())
        np.testing.assert_allclose(found.toarray(), expected, rtol=1e-12)
        assert found.dtype == (np.int64 if weighting == "counts" else np.float64)
        assert found.nnz == np.count_nonzero(expected)


def test_the_fit_is_that_of_the_matrix():
    vocabulary = vocabulary_of(texts())
    plain = imgnmf.factorize(vocabulary.matrix(texts()), 3, loss="kullback-leibler")
    model = find_topics(texts(), 3)
    assert model.fit.objective == plain.objective
    np.testing.assert_allclose(model.fit.reconstruct(), plain.reconstruct(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_an_empty_document_stays_with_zeros_and_is_named(loss):
    given = [*texts(), "", "the 12 of it"]
    names = (*map(str, range(60)), "empty.txt", "stop.txt")
    with pytest.warns(DataWarning, match=r"2 document\(s\) without a word.*empty.txt, stop.txt"):
        model = find_topics(Texts(names, tuple(given)), 3, loss=loss)
    assert model.fit.H.shape == (3, 62)
    assert not model.fit.H[:, 60:].any()
    assert not model.shares()[:, 60:].any()
    with pytest.warns(DataWarning, match="1 document.*unknown.txt"):
        found = model.of_unseen(Texts(("unknown.txt", "known.txt"), ("zebra", "cat")))
    assert not found[:, 0].any()
    assert found[:, 1].any()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_vocabulary_of_one_word(loss):
    model = find_topics(["cat zebra", "cat cat lion", "cat"], 1, loss=loss, max_df=1.0)
    assert model.vocabulary.words == ("cat",)
    assert model.top_words() == ((("cat", 1.0),),)
    np.testing.assert_allclose(model.fit.H, model.vocabulary.matrix(["cat", "cat cat", "cat"]).toarray(), rtol=1e-4)
    with pytest.raises(ParameterError, match=r"2 topics.*at most 1 for 1 word\(s\).*3 document\(s\)"):
        find_topics(["cat zebra", "cat cat lion", "cat"], 2, loss=loss, max_df=1.0)


def test_a_word_without_weight_is_no_top_word():
    fit = find_topics(texts(), 3).fit
    zeroed = np.zeros_like(fit.W)
    zeroed[4, 0] = 1
    model = TopicModel(replace(fit, W=zeroed), Vocabulary(tuple(sorted(WORDS))))
    assert [len(words) for words in model.top_words(5)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        ([], {}, "no texts"),
        (["a", "b"], {"max_df": 1.0}, r"no words to count: none of 2 document\(s\)"),
        (["cat dog", "cat"], {"min_df": 3}, "min_df=3 asks for words in at least 3 of 2 document"),
        (["cat dog cat"], {}, r"min_df=2.*at least 2 of 1 document.*min_df=1 and max_df=1\.0.*by='paragraph'"),
        (["cat dog", "cow"], {"min_df": 0.5, "max_df": 0.25}, "at most 0.5: none can be"),
        (["cat dog", 7], {}, "number 1 is a int"),
        ("cat dog", {}, "one string"),
        (["cat dog", "dog cat"], {"stop_words": ["cat", "dog"], "max_df": 1.0}, "no words to count"),
    ],
)
def test_texts_without_words_are_refused(given, options, words):
    with pytest.raises(DataError, match=words):
        find_topics(given, 1, **options)


OPTIONS = [{"loss": "huber"}, {"weighting": "log"}, {"rank": 0}, {"rank": 1.5}, {"min_df": -1}, {"stop_words": "xy"}]


@pytest.mark.parametrize("option", OPTIONS)
def test_options_out_of_bounds_are_refused(option):
    with pytest.raises(ParameterError):
        find_topics(texts(), **{"rank": 3, **option})


@pytest.mark.parametrize("limit", [0, -1, 1.5, -0.1, True, "2", float("nan")])
@pytest.mark.parametrize("name", ["min_df", "max_df"])
def test_limits_are_documents_or_shares(name, limit):
    with pytest.raises(ParameterError, match=f"{name} must be a whole number of documents >= 1, or a share"):
        find_topics(texts(), 3, **{name: limit})


def test_texts_of_which_few_words_are_known_are_told(recwarn):
    model = find_topics(texts(), 3)
    model.of_unseen(["cat " + "lorem " * 8])
    assert not recwarn.list
    with pytest.warns(DataWarning, match=r"2 text\(s\) the model knows 5\.0 %"):
        model.of_unseen(["cat " + "lorem " * 19, "ipsum " * 19 + "12 bus-"])


def test_a_vocabulary_that_is_not_the_fits_is_refused():
    with pytest.raises(ShapeMismatchError, match="18 rows, the vocabulary 1 words"):
        TopicModel(find_topics(texts(), 3).fit, Vocabulary(("cat",)))


def test_stop_words_may_be_given_in_any_case():
    assert "cat" not in vocabulary_of(texts(), stop_words=["CAT"]).words
    assert "cat" in vocabulary_of(texts(), stop_words=None).words


def test_without_scikit_learn_the_message_says_how_to_get_it(monkeypatch):
    def nothing_there(name):
        raise ImportError(name)

    monkeypatch.setattr("imgnmf.images.extras.import_module", nothing_there)
    with pytest.raises(ParameterError, match=r"counting words.*install imgnmf\[sklearn\]"):
        find_topics(texts(), 3)


def test_shares_of_nothing_are_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not shares_of(np.zeros((2, 3))).any()
