"""Coherence against values computed by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from imgnmf.errors import DataError, ParameterError
from imgnmf.topics import coherence
from tests.topics.planted import TOPICS, texts

# Of four documents, cat is in 3, dog in 2, bus in 1; cat and dog meet in 2, cat and bus in 1, dog and bus in none.
DOCUMENTS = ["Cat dog dog", "cat, dog", "cat bus", "nothing here"]


def npmi(both, a, b):
    return log(both / (a * b)) / -log(both)


def test_npmi_by_hand():
    expected = [(npmi(2 / 4, 3 / 4, 2 / 4) + npmi(1 / 4, 3 / 4, 1 / 4) - 1) / 3, npmi(2 / 4, 3 / 4, 2 / 4)]
    found = coherence([["cat", "dog", "bus"], ["dog", "cat"]], DOCUMENTS)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_umass_by_hand():
    # Pairs (later, earlier): (dog, cat), (bus, cat), (bus, dog).
    expected = [(log((2 + 1) / 3) + log((1 + 1) / 3) + log((0 + 1) / 2)) / 3, log((2 + 1) / 2)]
    found = coherence([["cat", "dog", "bus"], ["dog", "cat"]], DOCUMENTS, measure="umass")
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_ends_of_the_scale():
    assert coherence([["aa", "bb"]], ["aa bb", "bb aa", "cc"])[0] == pytest.approx(1)
    assert coherence([["aa", "bb"]], ["aa", "bb"])[0] == -1
    assert coherence([["aa", "bb"]], ["aa bb"])[0] == 1
    independent = ["aa bb", "aa", "bb", "none"]
    assert coherence([["aa", "bb"]], independent)[0] == pytest.approx(0, abs=1e-12)


def test_words_that_are_nowhere():
    assert coherence([["aa", "bb"]], ["cc"])[0] == -1
    assert np.isnan(coherence([["aa", "bb"]], ["cc"], measure="umass"))[0]
    assert np.isnan(coherence([["aa"], []], ["aa"])).all()
    assert np.isnan(coherence([[]], ["aa"])).all()


@pytest.mark.parametrize("measure", ["npmi", "umass"])
def test_planted_topics_are_more_coherent_than_mixed_ones(measure):
    mixed = [[topic[place] for topic, place in zip(TOPICS, (0, 1, 2), strict=True)]]
    assert coherence(TOPICS, texts(), measure=measure).min() > coherence(mixed, texts(), measure=measure).max()


def test_nothing_to_look_in_is_refused():
    with pytest.raises(DataError, match="at least one document"):
        coherence([["aa", "bb"]], [])
    with pytest.raises(ParameterError, match="measure"):
        coherence([["aa", "bb"]], ["aa"], measure="cv")
