"""`imgnmf pack`, and fits that read what it wrote from disk."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import imgnmf
from tests.cli.runs import DONE, everything_below, refusal, run

SUFFIXES = (".npy", ".zarr", ".h5")


@pytest.fixture(autouse=True)
def _packages():
    pytest.importorskip("zarr")
    pytest.importorskip("h5py")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_is_packed_as_it_is_read(folder, tmp_path, suffix):
    (folder / "cut.png").write_bytes((folder / "p0.png").read_bytes()[:60])
    target = tmp_path / f"V{suffix}"
    done = run("pack", folder, "-o", target)
    assert done.exit_code == DONE, done.output
    assert "12 images of 10 x 8, uint8" in done.stdout
    assert "cut.png" in done.stderr
    loaded = imgnmf.load_images(folder, on_error="skip")
    packed = imgnmf.open_images(target)
    assert packed.V.dtype == np.uint8
    np.testing.assert_array_equal(packed[:].pixels, loaded.pixels)
    assert everything_below(tmp_path / "photos") == sorted([*(f"p{i}.png" for i in range(12)), "cut.png"])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_many_portions_become_one_array(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr("imgnmf.images.streaming.PORTION_BYTES", 700)
    pixels = np.random.default_rng(0).integers(0, 60_000, (333, 5, 4), dtype=np.uint16)
    np.save(tmp_path / "all.npy", pixels)
    target = tmp_path / f"V{suffix}"
    assert run("pack", tmp_path / "all.npy", "-o", target).exit_code == DONE
    np.testing.assert_array_equal(imgnmf.open_images(target)[:].pixels, pixels)
    if suffix == ".npy":
        np.testing.assert_array_equal(np.load(target), pixels)


def test_a_dataset_an_archive_and_resized_pictures(folder, tmp_path):
    assert run("pack", "swimmer", "-o", tmp_path / "s.zarr").exit_code == DONE
    swimmer = imgnmf.load_dataset("swimmer")
    np.testing.assert_array_equal(imgnmf.open_images(tmp_path / "s.zarr")[:].pixels, swimmer.pixels)
    assert run("pack", folder, "-o", tmp_path / "r.npy", "--size", "6x5").exit_code == DONE
    np.testing.assert_array_equal(np.load(tmp_path / "r.npy"), imgnmf.load_images(folder, size=(6, 5)).pixels)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_fit_from_disk_is_the_fit_of_the_folder(folder, tmp_path, suffix):
    store = tmp_path / f"V{suffix}"
    run("pack", folder, "-o", store)
    for source, model in ((folder, "a.imgnmf"), (store, "b.imgnmf")):
        done = run("fit", source, "-k", 2, "-o", tmp_path / model, "--memory", "1GB")
        assert done.exit_code == DONE, done.output
    (one, _), (other, meta) = (imgnmf.load(tmp_path / model) for model in ("a.imgnmf", "b.imgnmf"))
    np.testing.assert_array_equal(one.W, other.W)
    np.testing.assert_array_equal(one.H, other.H)
    assert meta.image_shape == (10, 8)
    assert run("montage", tmp_path / "b.imgnmf", "-o", tmp_path / "b.png").exit_code == DONE


def test_a_fit_never_loads_the_store(folder, tmp_path, monkeypatch):
    run("pack", folder, "-o", tmp_path / "V.npy")
    monkeypatch.setattr("imgnmf.commands.model.read_source", lambda *_: pytest.fail("it was loaded"))
    assert run("fit", tmp_path / "V.npy", "-k", 2, "-o", tmp_path / "m.imgnmf").exit_code == DONE


def test_flattened_images_need_their_shape(tmp_path):
    np.save(tmp_path / "flat.npy", np.random.default_rng(0).random((40, 12)))
    assert "pass --image-shape HxW" in refusal("fit", tmp_path / "flat.npy", "-k", 2, "-o", tmp_path / "m.imgnmf")
    shape = ("--image-shape", "4x3")
    assert run("fit", tmp_path / "flat.npy", "-k", 2, "-o", tmp_path / "m.imgnmf", *shape).exit_code == DONE
    assert imgnmf.load(tmp_path / "m.imgnmf")[1].image_shape == (4, 3)
    assert run("pack", tmp_path / "flat.npy", "-o", tmp_path / "V.zarr", *shape).exit_code == DONE
    assert imgnmf.open_images(tmp_path / "V.zarr").image_shape == (4, 3)


def test_a_budget_that_is_too_small_is_refused_before_the_fit(folder, tmp_path):
    words = refusal("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf", "--memory", "10kB")
    assert "the fit needs about" in words
    assert "--memory 10kB allows 10 kB" in words
    assert "imgnmf encode the rest" in words
    assert "memory must be a size" in refusal("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf", "--memory", "much")
    assert not (tmp_path / "m.imgnmf").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_goes_wrong_leaves_what_was_there(folder, tmp_path, suffix):
    target = tmp_path / f"V{suffix}"
    assert run("pack", folder, "-o", target).exit_code == DONE
    before = imgnmf.open_images(target)[:].pixels
    assert "--force" in refusal("pack", folder, "-o", target)
    Image.new("L", (3, 3)).save(folder / "z.png")
    words = refusal("pack", folder, "-o", target, "--force")
    assert "z.png of 3 x 3 after p0.png of 10 x 8" in words
    np.testing.assert_array_equal(imgnmf.open_images(target)[:].pixels, before)
    assert [name for name in everything_below(tmp_path) if name.startswith(".")] == []
    (folder / "z.png").unlink()
    assert run("pack", folder, "-o", target, "--force").exit_code == DONE


def test_mixed_depths_nothing_and_foreign_places_are_refused(folder, tmp_path):
    assert "must end in .npy, .zarr, .h5" in refusal("pack", folder, "-o", tmp_path / "V.txt")
    (tmp_path / "V.zarr").mkdir()
    (tmp_path / "V.zarr" / "mine.txt").write_text("keep")
    assert "did not write" in refusal("pack", folder, "-o", tmp_path / "V.zarr", "--force")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no readable images in" in refusal("pack", empty, "-o", tmp_path / "E.npy")
    Image.fromarray(np.full((10, 8), 900, np.uint16)).save(folder / "p99.png")
    assert "p99.png of uint16 after p0.png of uint8" in refusal("pack", folder, "-o", tmp_path / "E.npy")
    assert not (tmp_path / "E.npy").exists()


def test_other_commands_read_a_zarr_store_too(folder, tmp_path, model):
    run("pack", folder, "-o", tmp_path / "V.zarr")
    assert "12 images of 10 x 8" in run("info", tmp_path / "V.zarr").stdout
    for source, output in ((folder, "a.npy"), (tmp_path / "V.zarr", "b.npy")):
        assert run("encode", model, source, "-o", tmp_path / output).exit_code == DONE
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy"))


def test_key_and_shape_are_for_files_of_arrays_too(folder, tmp_path):
    from scipy.io import savemat

    cube = imgnmf.load_images(folder).pixels
    savemat(tmp_path / "two.mat", {"a": cube[::-1].reshape(12, 80), "b": cube.reshape(12, 80)})
    target = tmp_path / "V.npy"
    done = run("pack", tmp_path / "two.mat", "--key", "b", "--image-shape", "10x8", "-o", target)
    assert done.exit_code == DONE, done.output
    np.testing.assert_array_equal(np.load(target), cube)
    assert "--key applies to an array" in refusal("pack", folder, "--key", "b", "-o", tmp_path / "W.npy")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_store_is_made_smaller_without_loading_it(folder, tmp_path, suffix, monkeypatch):
    store, target = tmp_path / f"V{suffix}", tmp_path / f"W{suffix}"
    run("pack", folder, "-o", store)
    monkeypatch.setattr("imgnmf.images.streaming.PORTION_BYTES", 300)
    monkeypatch.setattr("imgnmf.commands.source.MOST_BYTES", 900)
    monkeypatch.setattr("imgnmf.commands.pack.read_source", lambda *_: pytest.fail("it was loaded"))
    done = run("pack", store, "--size", "6x5", "-o", target)
    assert done.exit_code == DONE, done.output
    small = imgnmf.open_images(target)
    np.testing.assert_array_equal(small[:].pixels, imgnmf.load_images(folder, size=(6, 5)).pixels)
    assert small.names == imgnmf.open_images(store).names
