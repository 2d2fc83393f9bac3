"""The tree of layers: the lines stand for the shares, and what does not fit together is refused."""

from __future__ import annotations

import numpy as np
import pytest

from imgnmf import viz
from imgnmf.errors import DataError, ParameterError, ShapeMismatchError
from tests.viz.figure_samples import blobs

SHARES = np.array([[0.7, 0.0], [0.3, 0.0], [0.0, 0.6], [0.0, 0.4]])


def test_a_line_for_each_share_as_wide_as_it_is_large():
    lines = viz.layer_tree([blobs(4), blobs(2)], [SHARES]).axes[0].lines
    widths = sorted(line.get_linewidth() for line in lines)
    assert np.array(widths) / widths[-1] == pytest.approx(np.array([0.3, 0.4, 0.6, 0.7]) / 0.7)


def test_no_part_has_more_than_three_lines_and_no_row_more_than_18_tiles():
    shares = np.random.default_rng(0).random((40, 2))
    axes = viz.layer_tree([blobs(40), blobs(2)], [shares]).axes[0]
    assert len(axes.lines) == 6
    assert len(axes.images) == 18 + 2
    assert "18 of 40" in [text.get_text() for text in axes.texts]


def test_small_parts_stand_below_what_they_make():
    crossed = SHARES[:, ::-1]
    lines = viz.layer_tree([blobs(4), blobs(2)], [crossed]).axes[0].lines
    ends = sorted(tuple(line.get_xdata()) for line in lines)
    left = {below for above, below in ends if above == ends[0][0]}
    right = {below for above, below in ends if above == ends[-1][0]}
    assert max(left) < min(right)


@pytest.mark.parametrize(
    ("stacks", "shares", "error"),
    [
        ([blobs(4)], [], ParameterError),
        ([blobs(4), blobs(2)], [], ShapeMismatchError),
        ([blobs(4), blobs(2)], [SHARES.T], ShapeMismatchError),
        ([blobs(4), blobs(2)], [-SHARES], DataError),
        ([blobs(4), blobs(2)], [SHARES * np.nan], DataError),
    ],
)
def test_what_is_no_tree_is_refused(stacks, shares, error):
    with pytest.raises(error):
        viz.layer_tree(stacks, shares)
