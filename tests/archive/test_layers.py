"""A model of several layers comes back whole, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf import archive_layers
from imgnmf.archive_layers import load_layers, save_layers
from imgnmf.errors import ArchiveError, OutputError, ShapeMismatchError
from tests.damage import mutated


@pytest.fixture(scope="module")
def V():
    return np.random.default_rng(0).random((12, 15)) ** 3


@pytest.fixture(scope="module", params=["H", "W"])
def deep(request, V):
    return imgnmf.factorize_layers(V, (6, 4, 2), split=request.param, max_iter=5000, tune=5)


@pytest.fixture
def saved(deep, tmp_path):
    save_layers(tmp_path / "deep.imgnmf", deep)
    return tmp_path / "deep.imgnmf"


def same(a, b):
    facts = ("split", "greedy_error", "reason", "ranks")
    pairs = [(a.objective, b.objective)]
    pairs += [pair for x, y in zip(a.layers, b.layers, strict=True) for pair in ((x.W, y.W), (x.H, y.H))]
    errors = [[layer.relative_error for layer in x.layers] for x in (a, b)]
    return (
        all(getattr(a, name) == getattr(b, name) for name in facts)
        and errors[0] == errors[1]
        and all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in pairs)
    )


def test_every_number_comes_back(saved, deep, V):
    again, meta = load_layers(saved)
    assert same(again, deep)
    assert meta.image_shape is None
    for layer in range(3):
        np.testing.assert_array_equal(again.basis(layer), deep.basis(layer))
    np.testing.assert_array_equal(again.encode(V[:, :3]), deep.encode(V[:, :3]))


def test_equal_models_give_equal_files(saved, deep, tmp_path):
    save_layers(tmp_path / "again.imgnmf", load_layers(saved)[0])
    assert (tmp_path / "again.imgnmf").read_bytes() == saved.read_bytes()


def test_no_damage_goes_unseen(saved, deep):
    whole = saved.read_bytes()
    rng, refused = np.random.default_rng(1), 0
    for _ in range(200):
        saved.write_bytes(mutated(whole, rng))
        try:
            assert same(load_layers(saved)[0], deep)
        except ArchiveError:
            refused += 1
    assert refused > 150


def test_the_two_kinds_of_model_are_not_mixed_up(saved, V, tmp_path):
    with pytest.raises(ArchiveError, match="another kind"):
        imgnmf.load(saved)
    imgnmf.save(tmp_path / "flat.imgnmf", imgnmf.factorize(V, 2, max_iter=5000))
    with pytest.raises(ArchiveError, match="another kind"):
        load_layers(tmp_path / "flat.imgnmf")


@pytest.mark.parametrize("mask", [None, np.arange(12).reshape(4, 3) < 9])
@pytest.mark.parametrize("split", ["H", "W"])
def test_what_is_known_of_the_images_comes_back(tmp_path, split, mask):
    pixels = np.random.default_rng(0).integers(1, 256, (15, 4, 3)).astype(np.uint8)
    images = imgnmf.ImageSet(pixels, names=[f"{i}.png" for i in range(15)], mask=mask)
    deep = imgnmf.factorize_layers(images.V, (6, 2), split=split, max_iter=5000)
    save_layers(tmp_path / "deep.imgnmf", deep, images)
    again, meta = load_layers(tmp_path / "deep.imgnmf")
    assert same(again, deep)
    assert meta.image_shape == (4, 3)
    assert meta.names == images.names
    assert meta.data_sha256
    np.testing.assert_array_equal(meta.stack(again.basis()), images.stack(deep.basis()))
    with pytest.raises(ShapeMismatchError, match="15 images"):
        save_layers(tmp_path / "other.imgnmf", deep, images[:5])
    assert not (tmp_path / "other.imgnmf").exists()


def test_a_file_of_format_1_is_read_without_its_images(saved, deep, monkeypatch):
    monkeypatch.setattr(archive_layers, "FORMAT", 1)
    monkeypatch.setattr(archive_layers, "images_record", lambda meta: None)
    save_layers(saved, deep)
    monkeypatch.undo()
    again, meta = load_layers(saved)
    assert same(again, deep)
    assert meta.names == ()


def test_a_folder_that_is_not_there(deep, tmp_path):
    with pytest.raises(OutputError):
        save_layers(tmp_path / "none" / "deep.imgnmf", deep)
