"""Threads: the same set, whatever their number and whichever is done first."""

import threading
import time

import numpy as np
import pytest
from PIL import Image

from imgnmf.errors import ImageReadError
from imgnmf.images import load_images
from imgnmf.images.parallel import in_order


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(60):
        suffix = ("png", "jpg", "tif", "pgm")[i % 4]
        Image.fromarray(rng.integers(0, 256, (20 + i % 3, 30), dtype=np.uint8)).save(tmp_path / f"{i}.{suffix}")
    (tmp_path / "31.png").write_text("words")
    return tmp_path


@pytest.mark.parametrize("threads", [2, 7, None])
def test_the_set_does_not_depend_on_the_threads(folder, threads):
    one = load_images(folder, size=(20, 30), on_error="skip", threads=1)
    many = load_images(folder, size=(20, 30), on_error="skip", threads=threads)
    assert one.names == many.names
    np.testing.assert_array_equal(one.pixels, many.pixels)
    assert str(one.report) == str(many.report)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_the_first_error_in_the_order_of_names_is_raised_and_no_thread_is_left(folder, threads):
    (folder / "50.png").write_text("words")
    with pytest.raises(ImageReadError, match=r"31\.png: not an image"):
        load_images(folder, size=(20, 30), threads=threads)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("imgnmf-read")]


def test_results_come_in_order_and_few_are_ahead():
    drawn = []

    def things():
        for i in range(40):
            drawn.append(i)
            yield i

    def work(i):
        time.sleep(0.002 * (i % 3 == 0))
        return i

    for result in in_order(work, things(), 3):
        assert drawn[-1] - result <= 6
        assert result == drawn[result]
    assert len(drawn) == 40


def test_an_error_of_the_work_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda i: 1 / (3 - i), range(100), 2))
