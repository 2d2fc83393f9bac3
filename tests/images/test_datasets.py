"""Named sets: what they say about themselves is true, and has a card."""

import sys
from pathlib import Path

import numpy as np
import pytest

from imgnmf.errors import ParameterError
from imgnmf.images import describe_datasets, load_dataset

CARDS = Path(__file__).parents[2] / "datasets"


@pytest.mark.parametrize("info", [info for info in describe_datasets() if not info.files], ids=lambda info: info.name)
def test_a_set_is_what_its_description_says(info):
    if info.name == "digits":
        pytest.importorskip("sklearn")
    images = load_dataset(info.name)
    assert images.pixels.shape == info.shape
    assert str(images.pixels.dtype) in info.description
    assert np.isfinite(images.pixels).all()
    assert images.pixels.min() >= 0
    assert len(set(images.names)) == len(images)


@pytest.mark.parametrize("info", describe_datasets(), ids=lambda info: info.name)
def test_a_set_has_a_card_with_the_same_words(info):
    if not CARDS.is_dir():
        pytest.skip("the cards are in the repository, not in the package")
    card = " ".join((CARDS / f"{info.name}.md").read_text(encoding="utf-8").split())
    for words in (info.description, info.licence, info.citation, info.availability):
        assert " ".join(words.split()) in card
    assert f"{info.name}.md" in (CARDS / "README.md").read_text(encoding="utf-8")


def test_faces_are_the_first_hundred():
    from skimage.data import lfw_subset

    images = load_dataset("lfw-faces")
    np.testing.assert_array_equal(images.pixels, lfw_subset()[:100])
    assert images.pixels.base is None or images.pixels.base.shape == images.pixels.shape


def test_digits_are_labelled():
    pytest.importorskip("sklearn")
    images = load_dataset("digits")
    assert np.unique(images.labels).tolist() == list(range(10))
    assert images.pixels.max() == 16


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ParameterError, match=r"install imgnmf\[sklearn\]"):
        load_dataset("digits")


def test_patches_take_their_options_and_come_from_four_pictures():
    images = load_dataset("patches", patch_size=(12, 10), n_patches=300, rng=7)
    assert images.pixels.shape == (300, 12, 10)
    assert set(images.labels) == {"camera", "grass", "gravel", "brick"}
    again = load_dataset("patches", patch_size=(12, 10), n_patches=300, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(images.pixels, again.pixels)


def test_swimmer_comes_in_two_variants():
    assert load_dataset("swimmer", variant="20x11").image_shape == (20, 11)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ParameterError, match="no dataset 'faces'; there are lfw-faces, digits, patches, swimmer"):
        load_dataset("faces")


def test_an_option_of_another_set_is_refused():
    with pytest.raises(ParameterError, match="patch_size does not apply to the dataset 'digits', which takes no"):
        load_dataset("digits", patch_size=(4, 4))
    with pytest.raises(ParameterError, match="rng does not apply to the dataset 'swimmer', which takes variant"):
        load_dataset("swimmer", rng=0)
