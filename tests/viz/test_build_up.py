"""The figure of an image that is built up: the parts that matter, and a word on those that are not there."""

from __future__ import annotations

import numpy as np
import pytest

from imgnmf import viz

PIXELS = np.eye(9).reshape(9, 3, 3)


def words(weights, **options):
    figure = viz.build_up((PIXELS.T @ np.asarray(weights, float)).T, PIXELS, weights, data_range=1, **options)
    return [text.get_text() for text in figure.axes[0].texts]


def heads(said):
    return [word for word in said if " · " in word and word[0].isdigit()]


def test_parts_that_add_nothing_are_counted_and_not_drawn():
    said = words([0, 0.3, 0, 0.7, 0, 0, 0.0001, 0, 0])
    assert heads(said) == ["4 · 70.0 %", "2 · 30.0 %"]
    assert said.count("+") == 1
    assert "left out: 7 parts of less than 0.05 %" in said


def test_parts_beyond_those_asked_for_are_counted_with_what_they_add():
    said = words([0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0, 0], n_parts=2)
    assert heads(said) == ["1 · 40.0 %", "2 · 30.0 %"]
    assert "2 more parts: 30.0 % together;  left out: 5 parts of less than 0.05 %" in said


def test_nothing_is_said_when_all_parts_are_drawn():
    assert not [word for word in words([0.1] * 9, n_parts=9) if "more part" in word or "left out" in word]


@pytest.mark.parametrize("n_parts", [1, 8])
def test_a_black_image_has_one_part_of_no_weight(n_parts):
    assert heads(words(np.zeros(9), n_parts=n_parts)) == ["1 · 0.0 %"]
