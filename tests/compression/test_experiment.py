"""The measuring is right: BD-rates against the reference, rates that are file sizes, PCA by the same coder."""

from __future__ import annotations

import io

import bjontegaard
import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from imgnmf.compression import (
    ClosedSet,
    PillowFormat,
    Shared,
    bd_rate,
    decode_images,
    encode_images,
    pca_parts,
    pillow_formats,
    rate_distortion,
    storage,
    train_parts,
)
from imgnmf.errors import DataError, ShapeMismatchError
from tests.compression.samples import faces, made_of_parts, picture


@pytest.mark.parametrize("seed", range(10))
def test_bd_rate_is_that_of_the_reference(seed):
    rng = np.random.default_rng(seed)
    curves = []
    for start in (0.1, 0.13):
        rate = start * np.cumprod(rng.uniform(1.3, 2.2, 6))
        curves.append((rate, 28 + np.cumsum(rng.uniform(1.5, 2.5, 6))))
    (rate_a, psnr_a), (rate_b, psnr_b) = curves
    expected = bjontegaard.bd_rate(rate_a, psnr_a, rate_b, psnr_b, method="pchip", min_overlap=0)
    assert bd_rate(rate_a, psnr_a, rate_b, psnr_b) == pytest.approx(expected, rel=1e-9)


def test_bd_rate_is_refused_where_it_would_be_made_up():
    rate = [0.1, 0.2, 0.4, 0.8]
    with pytest.raises(DataError, match=r"30\.0\.\.36\.0 dB and 34\.0\.\.40\.0 dB"):
        bd_rate(rate, [30, 32, 34, 36], rate, [34, 36, 38, 40])
    assert bd_rate(rate, [30, 32, 34, 36], rate, [31, 33, 35, 37]) < 0
    with pytest.raises(DataError, match="at least three points"):
        bd_rate(rate[:2], [30, 32], rate[:2], [30, 32])
    with pytest.raises(DataError, match="rises with the rate"):
        bd_rate(rate, [30, 32, 31, 36], rate, [30, 32, 34, 36])
    with pytest.raises(ShapeMismatchError):
        bd_rate(rate, [30, 32], rate, [30, 32, 34, 36])


def test_rates_are_file_sizes_and_quality_is_skimages():
    images = faces()[:4]
    (curve,) = rate_distortion(images, [PillowFormat("JPEG", settings=(60,))])
    (point,) = curve.points
    for number, pixels in enumerate(images.pixels):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=60, optimize=True)
        read = np.asarray(Image.open(file))
        assert point.bytes_each[number] == len(file.getvalue())
        assert point.psnr_each[number] == pytest.approx(peak_signal_noise_ratio(pixels, read, data_range=255))
        assert point.ssim_each[number] == pytest.approx(structural_similarity(pixels, read, data_range=255))
    assert point.bits_per_pixel == 8 * sum(point.bytes_each) / images.pixels.size
    assert point.psnr == pytest.approx(np.mean(point.psnr_each))


@pytest.mark.parametrize("mosaic", [False, True])
def test_every_format_gives_the_images_back_nearly(mosaic):
    for images in (faces()[:5], picture()):
        for codec in pillow_formats(mosaic=mosaic):
            trials = list(codec.trials(images))
            assert all(trial.pixels.shape == images.pixels.shape for trial in trials), codec
            near = min(np.abs(trial.pixels.astype(float) - images.pixels).mean() for trial in trials)
            assert near < 6, codec
            assert len(trials[0].n_bytes) == (1 if mosaic else len(images))


def test_nmf_and_pca_are_measured_alike_and_beaten_settings_are_left_out():
    images = made_of_parts(60)
    closed = rate_distortion(images, [ClosedSet(kind, (1, 2, 4), (8.0, 32.0, 128.0)) for kind in ("NMF", "PCA")])
    for curve in closed:
        assert np.all(np.diff(curve.rates) > 0)
        assert np.all(np.diff(curve.psnrs) > 0)
        assert curve.psnrs[-1] > 30
    parts = [train_parts(images[:40], 4, sparsity=0), pca_parts(images[:40], 4)]
    shared = rate_distortion(images[40:], [Shared("x", one, each) for one in parts for each in (False, True)])
    assert shared[0].rates[-1] < shared[1].rates[-1]
    assert len(shared[1].points[0].bytes_each) == 20
    assert len(shared[0].points[0].bytes_each) == 1


def test_pca_by_this_codec_reaches_pca():
    images = faces()
    parts = pca_parts(images[:75], 20, bits=10)
    V, mean = images.V[:, 75:].astype(float), np.rint(images.V[:, :75].mean(axis=1))[:, None]
    U = np.linalg.svd(images.V[:, :75] - mean, full_matrices=False)[0][:, :20]
    exact = np.clip(np.rint(mean + U @ (U.T @ (V - mean))), 0, 255)
    coded = decode_images(encode_images(images[75:], parts=parts, step=2), parts).V
    errors = [np.mean((V - other) ** 2) for other in (exact, coded)]
    assert errors[1] == pytest.approx(errors[0], rel=0.01)


def test_storage_counts_numbers_and_bytes():
    images = faces()
    few, many = storage(images, [4, 16])
    assert few.numbers == 4 * (625 + 100)
    assert few.n_bytes < few.numbers
    assert few.psnr < many.psnr
    for row in (few, many):
        assert row.psnr_exact - 0.5 <= row.psnr < row.psnr_exact
    assert many.bytes_ratio == pytest.approx(62500 / many.n_bytes)


def test_curves_are_read_between_points_and_not_beyond():
    curve = rate_distortion(made_of_parts(30), [ClosedSet("NMF", (4,), (8.0, 32.0))])[0]
    assert np.isnan(curve.psnr_at(curve.rates[0] / 2))
    assert curve.psnrs[0] < curve.psnr_at(np.sqrt(curve.rates[0] * curve.rates[-1])) < curve.psnrs[-1]
    assert curve.within(0, curve.rates[0]).points == curve.points[:1]
