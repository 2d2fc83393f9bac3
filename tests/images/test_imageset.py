"""ImageSet: pixels and V are one memory, and stack undoes V."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imgnmf.errors import DataError, NoImagesError, ShapeMismatchError
from imgnmf.images import ImageSet, ReadReport, Skipped, extract_patches, prepare

STACKS = hnp.arrays(
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32, np.float64, np.bool_]),
    shape=hnp.array_shapes(min_dims=3, max_dims=4, max_side=5),
)


@given(STACKS)
@settings(deadline=None)
def test_stack_is_the_inverse_of_V(pixels):
    images = ImageSet(pixels)
    assert images.V.shape == (pixels[0].size, len(pixels))
    assert images.V.dtype == pixels.dtype
    np.testing.assert_array_equal(images.stack(images.V), pixels)


@given(STACKS)
@settings(deadline=None)
def test_a_column_of_V_is_an_image_in_reading_order(pixels):
    images = ImageSet(pixels)
    for i, image in enumerate(pixels):
        np.testing.assert_array_equal(images.V[:, i], image.ravel())


def test_nothing_is_copied():
    pixels = np.zeros((3, 4, 5), np.uint8)
    images = ImageSet(pixels)
    assert images.pixels is pixels
    assert np.shares_memory(images.V, pixels)
    assert np.shares_memory(images.stack(images.V), pixels)
    assert np.shares_memory(images[1:].pixels, pixels)


def test_images_are_contiguous_whatever_came_in():
    turned = np.zeros((4, 5, 3)).transpose(2, 0, 1)
    assert ImageSet(turned).pixels.flags.c_contiguous
    assert ImageSet(np.zeros((6, 2, 2)))[::2].pixels.flags.c_contiguous


def test_image_shape_and_length():
    assert ImageSet(np.zeros((7, 4, 5))).image_shape == (4, 5)
    assert ImageSet(np.zeros((7, 4, 5, 3))).image_shape == (4, 5, 3)
    assert len(ImageSet(np.zeros((7, 4, 5)))) == 7


def test_names_by_default_count_and_otherwise_are_a_tuple():
    assert ImageSet(np.zeros((3, 1, 1)), names=None).names == ("0", "1", "2")
    assert ImageSet(np.zeros((2, 1, 1)), ["a", "b"]).names == ("a", "b")


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (slice(1, 3), [1, 2]),
        (slice(None, None, -1), [3, 2, 1, 0]),
        (np.array([3, 0, 0]), [3, 0, 0]),
        ([2], [2]),
        (-1, [3]),
        (np.array([True, False, False, True]), [0, 3]),
    ],
)
def test_an_index_takes_pixels_names_and_labels_together(index, expected):
    report = ReadReport(4)
    images = ImageSet(np.arange(16).reshape(4, 2, 2), list("abcd"), np.arange(4) * 10, report)
    chosen = images[index]
    np.testing.assert_array_equal(chosen.pixels, images.pixels[expected])
    assert chosen.names == tuple("abcd"[i] for i in expected)
    np.testing.assert_array_equal(chosen.labels, np.array(expected) * 10)
    assert chosen.report is report


def test_iterating_ends():
    assert [image.names for image in ImageSet(np.zeros((2, 1, 1)))] == [("0",), ("1",)]


@pytest.mark.parametrize("shape", [(), (4,), (4, 5), (2, 3, 4, 5, 6), (2, 0, 3)])
def test_pixels_of_another_shape_are_refused(shape):
    with pytest.raises(ShapeMismatchError, match=r"expected pixels of shape .* got \("):
        ImageSet(np.zeros(shape))


def test_an_empty_set_is_refused():
    with pytest.raises(NoImagesError, match="at least one image"):
        ImageSet(np.zeros((0, 3, 3)))
    with pytest.raises(NoImagesError, match="at least one image"):
        ImageSet(np.zeros((3, 3, 3)))[[]]


@pytest.mark.parametrize("pixels", [np.zeros((1, 2, 2), complex), np.full((1, 2, 2), "a")])
def test_pixels_that_are_no_real_numbers_are_refused(pixels):
    with pytest.raises(DataError, match="real numbers"):
        ImageSet(pixels)


def test_names_and_labels_of_another_length_are_refused():
    with pytest.raises(ShapeMismatchError, match="one of names for each of 3 images"):
        ImageSet(np.zeros((3, 2, 2)), names=["a"])
    with pytest.raises(ShapeMismatchError, match="one of labels for each of 3 images"):
        ImageSet(np.zeros((3, 2, 2)), labels=np.zeros((3, 2)))
    with pytest.raises(ShapeMismatchError, match="bool index"):
        ImageSet(np.zeros((3, 2, 2)))[[True, False]]


@pytest.mark.parametrize("shape", [(5, 2), (6,), (2, 6), (6, 2, 1)])
def test_stack_refuses_columns_of_another_size(shape):
    with pytest.raises(ShapeMismatchError, match=r"expected a matrix of shape \(6, j\)"):
        ImageSet(np.zeros((4, 2, 3))).stack(np.zeros(shape))


def test_the_report_reads_as_text():
    report = ReadReport(1, tuple(Skipped(f"{i}.txt", "not an image") for i in range(12)), ("1 image: turned",))
    text = str(report)
    assert text.startswith("read 1 image\nskipped 12: 0.txt (not an image), ")
    assert text.endswith("9.txt (not an image) and 2 more\n1 image: turned")


def test_importing_the_layer_loads_no_heavy_package():
    heavy = "('skimage', 'matplotlib', 'sklearn', 'tifffile', 'PIL')"
    code = f"import sys, imgnmf.images; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_images_know_the_value_of_white(dtype, white):
    assert ImageSet(np.zeros((2, 3, 3), dtype)).white_level == white


def test_white_goes_with_the_images_wherever_they_go():
    pixels = np.linspace(1, 200, 2 * 8 * 8).astype(np.uint8).reshape(2, 8, 8)
    images = ImageSet(pixels)
    patches = extract_patches(images, (4, 4))
    assert patches.white_level == 255
    together = patches.assemble(patches.V.astype(np.float32))
    assert (together.pixels.dtype, together.white_level) == (np.float32, 255)
    aside = extract_patches(images, (4, 4), aside="mean")
    assert aside.assemble(aside.V).white_level == 255
    floats = ImageSet(pixels.astype(float), white=255)
    assert prepare.crop(floats, centre=(4, 4)).white_level == 255
    assert prepare.resize(floats, (4, 4)).white_level == 255
    assert prepare.scale_range(floats).white_level == 1
    brightest = ImageSet(pixels.astype(float))
    assert brightest[[0]].white_level == brightest.white_level == 200


@pytest.mark.parametrize("white", [0, -1, np.nan, np.inf])
def test_a_white_that_is_none_is_refused(white):
    with pytest.raises(DataError, match="the value of white"):
        ImageSet(np.zeros((1, 2, 2)), white=white)
