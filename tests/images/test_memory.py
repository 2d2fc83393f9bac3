"""What loading takes: the pixels in their own dtype, and what decoding one image takes, however many there are."""

import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgnmf.images import load_images

SHAPE = (300, 400)
PICTURE = np.random.default_rng(0).integers(0, 200, SHAPE, dtype=np.uint8)
BOOKKEEPING = 100_000


def extra(source, **options):
    """Return the largest number of bytes held beside the pixels."""
    load_images(source, threads=1, frames="first")
    tracemalloc.start()
    images = load_images(source, threads=1, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - images.pixels.nbytes


@pytest.mark.parametrize("suffix", ["png", "pgm", "tif", "jpg"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_beside_the_pixels_there_is_one_image_in_the_making(tmp_path, suffix, dtype):
    if dtype == np.uint16 and suffix == "jpg":
        pytest.skip("there is no such JPEG here")
    for i in range(40):
        Image.fromarray(PICTURE.astype(dtype)).save(tmp_path / f"{i}.{suffix}")
    # The file, what the decoder hands over, and the picture: none of it grows with the number of pictures.
    assert extra(tmp_path) < 3 * PICTURE.size * np.dtype(dtype).itemsize + BOOKKEEPING


def test_frames_of_unknown_number_take_an_eighth_of_room_ahead(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([PICTURE] * 80), photometric="minisblack")
    assert extra(tmp_path / "a.tif", frames="all") < (80 / 8 + 8 + 3) * PICTURE.nbytes + BOOKKEEPING
