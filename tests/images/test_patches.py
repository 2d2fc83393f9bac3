"""Patches: cut where they say, and put back exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgnmf.errors import DataError, IncompatibleError, ParameterError, ShapeMismatchError
from imgnmf.images import ImageSet, PatchSet, extract_patches
from imgnmf.images import patches as patches_module

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (3, 10, 13), dtype=np.uint8)
COLOUR = RNG.random((2, 10, 13, 3))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_grid_of_patches_assembles_into_the_images(data):
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    size = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    stride = data.draw(st.integers(1, size[0])), data.draw(st.integers(1, size[1]))
    channels = data.draw(st.sampled_from([(), (3,)]))
    pixels = RNG.random((2, height, width, *channels))
    patches = extract_patches(pixels, size, stride=stride)
    np.testing.assert_allclose(patches.assemble(patches.V).pixels, pixels, rtol=1e-12)


@pytest.mark.parametrize("pixels", [GREY, COLOUR])
@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"stride": (3, 2)}, {"n_patches": 40}])
def test_every_patch_is_where_its_name_says(pixels, options):
    images = ImageSet(pixels, [f"im{i}" for i in range(len(pixels))], np.arange(len(pixels)))
    patches = extract_patches(images, (4, 5), **options)
    assert isinstance(patches, PatchSet)
    assert isinstance(patches, ImageSet)
    assert patches.pixels.dtype == pixels.dtype
    for i, (image, row, column) in enumerate(patches.origins):
        np.testing.assert_array_equal(patches.pixels[i], pixels[image, row : row + 4, column : column + 5])
        assert patches.names[i] == f"im{image}@{row},{column}"
        assert patches.labels[i] == image


def test_stride_1_takes_all_places_and_the_default_lies_side_by_side():
    assert len(extract_patches(GREY, (4, 5), stride=1)) == 3 * 7 * 9
    assert len(extract_patches(GREY[:, :8, :10], (4, 5))) == 3 * 2 * 2


def test_the_grid_reaches_the_edge():
    patches = extract_patches(GREY, (4, 5), stride=4)
    assert np.unique(patches.origins[:, 1]).tolist() == [0, 4, 6]
    assert np.unique(patches.origins[:, 2]).tolist() == [0, 4, 8]


def test_random_places_are_distinct_reproducible_and_exhaustive():
    every = 3 * 7 * 9
    patches = extract_patches(GREY, (4, 5), n_patches=every, rng=3)
    assert len(set(patches.names)) == every
    again = extract_patches(GREY, (4, 5), n_patches=every, rng=np.random.default_rng(3))
    assert patches.names == again.names
    assert patches.names != extract_patches(GREY, (4, 5), n_patches=every, rng=4).names


def test_random_places_are_uniform_over_images_of_different_sizes():
    small, large = np.zeros((8, 8)), np.zeros((8 + 3 * 7, 8))
    patches = extract_patches([small, large], (2, 2), n_patches=100, rng=0)
    share = np.mean(patches.origins[:, 0] == 1)
    assert 0.7 < share < 0.9


def test_images_of_different_sizes_assemble_one_by_one():
    pictures = [RNG.random((6, 9)), RNG.random((5, 4))]
    patches = extract_patches(pictures, (3, 4), stride=2)
    for got, expected in zip(patches.assemble_each(patches.V), pictures, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    with pytest.raises(ShapeMismatchError, match="assemble_each"):
        patches.assemble(patches.V)


def test_overlaps_are_averaged_by_weight():
    patches = extract_patches(np.zeros((1, 1, 3)), (1, 2), stride=1)
    V_hat = np.array([[1.0, 4.0], [2.0, 6.0]])
    assert patches.assemble(V_hat).pixels.tolist() == [[[1.0, 3.0, 6.0]]]
    weighted = patches.assemble(V_hat, weights=np.array([[3.0, 1.0]]))
    np.testing.assert_allclose(weighted.pixels, [[[1.0, (2 * 1 + 4 * 3) / 4, 6.0]]])


def test_pixels_under_no_patch_are_nan():
    patches = extract_patches(GREY[:1], (4, 5), n_patches=1)
    assembled = patches.assemble(patches.V).pixels[0]
    assert np.isfinite(assembled).sum() == 20
    assert patches.assemble(patches.V).names == ("0",)


def test_a_selection_of_patches_assembles_too():
    patches = extract_patches(GREY, (5, 13))
    chosen = patches[patches.origins[:, 0] == 1]
    assert isinstance(chosen, PatchSet)
    assembled = chosen.assemble(chosen.V).pixels
    np.testing.assert_array_equal(assembled[1], GREY[1])
    assert np.isnan(assembled[[0, 2]]).all()


def test_assembling_keeps_single_precision():
    patches = extract_patches(GREY, (5, 5))
    assert patches.assemble(patches.V.astype(np.float32)).pixels.dtype == np.float32
    assert patches.assemble(patches.V.astype(np.float64)).pixels.dtype == np.float64


def test_the_images_are_left_alone():
    before = GREY.copy()
    patches = extract_patches(GREY, (5, 5))
    patches.pixels[:] = 0
    np.testing.assert_array_equal(GREY, before)


@pytest.mark.parametrize("aside", ["mean", "norm"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR])
def test_mean_or_norm_is_kept_aside_and_comes_back(pixels, aside):
    images = pixels.copy()
    images[0, :4, :5] = 0
    patches = extract_patches(images, (4, 5), stride=(3, 2), aside=aside)
    assert patches.V.dtype == (np.float32 if pixels.dtype == np.uint8 else np.float64)
    measured = patches.V.mean(axis=0) if aside == "mean" else np.linalg.norm(patches.V, axis=0)
    assert (patches.scale[0], measured[0]) == (0, 0)
    np.testing.assert_allclose(measured[1:], 1, rtol=1e-5)
    np.testing.assert_allclose(patches.assemble(patches.V).pixels, images, rtol=1e-4, atol=1e-4)
    some = patches[patches.origins[:, 0] == 1]
    np.testing.assert_allclose(some.assemble(some.V).pixels[1], images[1], rtol=1e-4)


def test_what_cannot_be_set_aside_is_refused():
    with pytest.raises(ParameterError, match="expected aside to be one of 'mean', 'norm'"):
        extract_patches(GREY, (4, 5), aside="median")
    with pytest.raises(DataError, match="found negative ones"):
        extract_patches(COLOUR - 0.5, (4, 5), aside="mean")


def test_two_hundred_thousand_patches_take_no_loop_over_patches(monkeypatch):
    images = RNG.integers(0, 256, (2, 512, 512), dtype=np.uint8)
    cuts, whole = [], patches_module.sliding_window_view
    monkeypatch.setattr(patches_module, "sliding_window_view", lambda *a, **k: cuts.append(a) or whole(*a, **k))
    patches = extract_patches(images, (12, 12), n_patches=200_000)
    assert patches.V.shape == (144, 200_000)
    assert len(cuts) == len(images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": (11, 5)}, r"patch_size of at most \(10, 13\)"),
        ({"patch_size": (0, 5)}, "expected patch_size to be"),
        ({"patch_size": (2.5, 5)}, "expected patch_size to be"),
        ({"patch_size": (1, 2, 3)}, "expected patch_size to be"),
        ({"stride": 0}, "expected stride to be"),
        ({"n_patches": 0}, r"expected n_patches in 1\.\.189"),
        ({"n_patches": 190}, r"expected n_patches in 1\.\.189"),
    ],
)
def test_what_is_out_of_bounds_is_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        extract_patches(GREY, **{"patch_size": (4, 5), **options})


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(IncompatibleError, match="pass one of them"):
        extract_patches(GREY, (2, 2), n_patches=3, stride=1)
    with pytest.raises(ShapeMismatchError, match=r"single image is image\[None\]"):
        extract_patches(GREY[0, 0], (2, 2))
    with pytest.raises(ShapeMismatchError, match="same channels"):
        extract_patches([GREY[0], COLOUR[0]], (2, 2))
    with pytest.raises(DataError, match="one dtype"):
        extract_patches([GREY[0], GREY[0].astype(float)], (2, 2))
    patches = extract_patches(GREY, (5, 5))
    with pytest.raises(ShapeMismatchError, match="columns, one each patch"):
        patches.assemble(patches.V[:, 1:])
    with pytest.raises(ShapeMismatchError, match="positive weights"):
        patches.assemble(patches.V, weights=np.zeros((5, 5)))
