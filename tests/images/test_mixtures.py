"""Images that differ in size, depth or colour: refused, or brought to one stated scale."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgnmf.errors import DataError, DataWarning, ShapeMismatchError
from imgnmf.images import load_images


def save(path, value=0, shape=(3, 4), mode="L"):
    Image.new(mode, shape[::-1], value).save(path, format="png")


def test_mixed_sizes_are_refused_with_a_table(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png", shape=(3, 4))
    save(tmp_path / "wide.png", shape=(3, 8))
    with pytest.raises(ShapeMismatchError) as caught:
        load_images(tmp_path)
    assert str(caught.value).splitlines() == [
        "expected images of one size (height x width), found:",
        "  3 x 4: 3 images, first 0.png",
        "  3 x 8: 1 image, first wide.png",
        "pass size=(h, w) to resize all",
    ]
    assert load_images(tmp_path, size=(3, 4)).pixels.shape == (4, 3, 4)


def test_mixed_depths_come_to_one_scale_with_one_warning(tmp_path):
    save(tmp_path / "1.png", 255)
    save(tmp_path / "2.png", 1)
    tifffile.imwrite(tmp_path / "3.tif", np.full((3, 4), 1234, np.uint16))
    with pytest.warns(DataWarning) as caught:
        images = load_images(tmp_path)
    assert len(caught) == 1
    assert str(caught[0].message) == (
        "mixed images (2 of 8-bit grey, 1 of 16-bit grey), all brought to 16-bit grey "
        "by the full range of each dtype (floats: 0..1); pass strict=True to refuse that"
    )
    assert caught[0].filename == __file__
    assert images.pixels.dtype == np.uint16
    assert images.V[0].tolist() == [65535, 257, 1234]
    assert "mixed images" in str(images.report)
    with pytest.raises(DataError, match="expected images of one depth and colour, found mixed"):
        load_images(tmp_path, strict=True)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_common_scale_does_not_depend_on_the_order(tmp_path, reverse):
    values = [np.uint8(51), np.uint16(13107), np.float32(0.2), np.uint8(255)]
    for i, value in enumerate(values[::-1] if reverse else values):
        tifffile.imwrite(tmp_path / f"{i}.tif", np.full((2, 2), value))
    with pytest.warns(DataWarning, match="all brought to float32 grey"):
        images = load_images(tmp_path)
    expected = [0.2, 0.2, 0.2, 1.0]
    np.testing.assert_allclose(images.V[0], expected[::-1] if reverse else expected, rtol=1e-6)


def test_grey_among_colour_is_said(tmp_path):
    save(tmp_path / "1.png", 100)
    save(tmp_path / "2.png", (100, 100, 100), mode="RGB")
    with pytest.warns(DataWarning, match="1 of 8-bit grey, 1 of 8-bit colour"):
        images = load_images(tmp_path)
    assert images.V[0].tolist() == [100, 100]
