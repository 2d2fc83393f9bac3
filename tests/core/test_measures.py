from __future__ import annotations

import numpy as np
import pytest

from imgnmf.core.measures import matched, parts_found, relative_error, sparseness
from imgnmf.errors import ShapeMismatchError


def test_a_permuted_scaled_basis_matches_itself():
    W = np.random.default_rng(0).random((20, 6))
    order = np.random.default_rng(1).permutation(6)
    found = matched(W, 3 * W[:, order])
    np.testing.assert_array_equal(order[found.partner], np.arange(6))
    np.testing.assert_allclose(found.cosine, 1)


@pytest.mark.parametrize("ones", [1, 4, 9, 16])
def test_sparseness_of_equal_entries_is_hoyers_formula(ones):
    w = np.zeros((16, 1))
    w[:ones] = 2.0
    assert sparseness(w)[0] == pytest.approx((4 - np.sqrt(ones)) / 3)


def test_parts_are_found_whatever_their_scale_and_place():
    masks = np.eye(9).reshape(9, 3, 3) > 0
    W = 7 * np.eye(9)[:, [3, 1, 2]]
    np.testing.assert_array_equal(parts_found(W, masks), [0, 1, 1, 1, 0, 0, 0, 0, 0])


def test_relative_error_of_nothing():
    assert relative_error(np.zeros((2, 2)), np.zeros((2, 2))) == 0
    assert relative_error(np.zeros((2, 2)), np.ones((2, 2))) == 1


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ShapeMismatchError, match="pixels"):
        parts_found(np.ones((4, 2)), np.ones((2, 3, 3)))
    with pytest.raises(ShapeMismatchError, match="pair"):
        matched(np.ones((4, 3)), np.ones((4, 2)))
