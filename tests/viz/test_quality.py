from __future__ import annotations

import math

import numpy as np
import pytest

from imgnmf.viz.quality import full_range, psnr, relative_error, sparseness, ssim


def test_sparseness_is_hoyers():
    x = np.random.default_rng(0).random((5, 3, 4))
    flat = x.reshape(5, -1)
    hoyer = (math.sqrt(12) - flat.sum(axis=1) / np.linalg.norm(flat, axis=1)) / (math.sqrt(12) - 1)
    np.testing.assert_allclose(sparseness(x), hoyer)
    np.testing.assert_allclose(sparseness(x * 1e-200), hoyer)


def test_sparseness_is_0_for_a_constant_and_1_for_one_pixel_or_none():
    stack = np.stack([np.ones((2, 2)), np.eye(4)[0].reshape(2, 2), np.zeros((2, 2))])
    np.testing.assert_allclose(sparseness(stack), [0, 1, 1], atol=1e-12)


def test_psnr_is_its_definition_and_infinite_for_a_copy():
    a, b = np.random.default_rng(0).random((2, 8, 8))
    assert psnr(a, b, 1.0) == pytest.approx(10 * math.log10(1 / ((a - b) ** 2).mean()))
    assert psnr(a, a, 1.0) == math.inf


def test_ssim_of_a_copy_is_one_also_for_small_pictures_and_unknown_for_tiny_ones():
    a = np.random.default_rng(0).random((8, 8))
    assert ssim(a, a, 1.0) == pytest.approx(1)
    assert ssim(a[:4, :4], a[:4, :4], 1.0) == pytest.approx(1)
    assert math.isnan(ssim(a[:2], a[:2], 1.0))


def test_relative_error_of_nothing():
    zero, one = np.zeros((2, 2)), np.ones((2, 2))
    assert relative_error(zero, zero) == 0
    assert relative_error(zero, one) == math.inf
    assert relative_error(one, zero) == 1


@pytest.mark.parametrize(
    ("values", "white"),
    [(np.uint8([9]), 255), (np.uint16([9]), 65535), (np.array([0.4]), 1), (np.array([200.0]), 200)],
)
def test_white_is_the_dtypes_range_or_one_or_the_largest(values, white):
    assert full_range(values) == white
