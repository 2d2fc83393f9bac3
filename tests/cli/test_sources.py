"""Every command reads every kind of SOURCE, in one way: what `imgnmf pack` wrote, colours, names."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import imgnmf
from tests.cli.runs import DONE, refusal, run

PACKED = ("V.h5", "V.zarr", "V.npy")
QUICK = ("--max-iter", 5)


@pytest.fixture
def packed(folder, tmp_path):
    """The folder as every store that `imgnmf pack` writes."""
    pytest.importorskip("zarr")
    pytest.importorskip("h5py")
    for name in PACKED:
        assert run("pack", folder, "-o", tmp_path / name).exit_code == DONE
    return tmp_path


@pytest.fixture
def colours(tmp_path):
    place = tmp_path / "colours"
    place.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        Image.fromarray(rng.integers(0, 255, (6, 5, 3), dtype=np.uint8)).save(place / f"c{number}.png")
    return place


COMMANDS = {
    "gallery": ("-k", 2, *QUICK, "-o", "out"),
    "fit": ("-k", 2, *QUICK, "-o", "out.imgnmf"),
    "animate": ("-k", 2, *QUICK, "-o", "out.gif"),
    "ranks": ("-k", "1,2", "--method", "elbow"),
    "compress": ("-k", 2, "-o", "out.nmf"),
    "train-parts": ("-k", 2, "-o", "out.parts"),
    "pack": ("-o", "out.h5"),
    "info": (),
}


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_reads_what_pack_wrote(packed, monkeypatch, command, name):
    monkeypatch.chdir(packed)
    done = run(command, name, *COMMANDS[command])
    assert done.exit_code == DONE, done.output


@pytest.mark.parametrize("name", PACKED)
def test_the_commands_of_a_model_and_inpaint_do_too(packed, model, monkeypatch, name):
    monkeypatch.chdir(packed)
    for source, output in (("photos", "a.npy"), (name, "b.npy")):
        assert run("encode", model, source, "-o", output).exit_code == DONE
    np.testing.assert_array_equal(np.load("a.npy"), np.load("b.npy"))
    assert run("reconstruct", model, name, "-o", "out").exit_code == DONE
    assert run("buildup", model, name, "-o", "up.png").exit_code == DONE
    hole = np.zeros((10, 8), np.uint8)
    hole[2:4, 2:4] = 255
    Image.fromarray(hole).save("hole.png")
    done = run("inpaint", name, "--mask", "hole.png", "--model", model, "-o", "filled")
    assert done.exit_code == DONE, done.output


@pytest.mark.parametrize("name", ["V.h5", "V.zarr"])
def test_names_survive_packing(packed, folder, monkeypatch, name):
    monkeypatch.chdir(packed)
    names = imgnmf.load_images(folder).names
    assert imgnmf.open_images(name).names == names
    assert imgnmf.open_images(name)[3:5].names == names[3:5]
    assert run("fit", name, "-k", 2, *QUICK, "-o", "m.imgnmf").exit_code == DONE
    assert imgnmf.load("m.imgnmf")[1].names == names
    assert "p7.png" in run("encode", "m.imgnmf", name, "--report", "-o", "H.npy").stdout
    assert run("pack", name, "-o", "again.h5").exit_code == DONE
    again = imgnmf.load_images("again.h5")
    assert again.names == names
    np.testing.assert_array_equal(again.pixels, imgnmf.load_images(folder).pixels)


def test_names_that_are_no_utf8_are_packed_as_they_are_shown(folder, tmp_path):
    pytest.importorskip("h5py")
    try:
        (folder / "p0.png").rename(folder / "p\udcff.png")
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    assert run("pack", folder, "-o", tmp_path / "V.h5").exit_code == DONE
    assert "p\\udcff.png" in imgnmf.open_images(tmp_path / "V.h5").names


def test_names_of_another_number_of_images_are_damage(packed):
    import h5py

    with h5py.File(packed / "V.h5", "r+") as file:
        file["images"].resize(11, axis=0)
    for read in (imgnmf.open_images, imgnmf.load_images):
        with pytest.raises(imgnmf.errors.ImageReadError, match="11 images and 12 names"):
            read(packed / "V.h5")


def test_a_store_that_is_too_large_for_memory_tells_its_size(packed, monkeypatch):
    monkeypatch.setattr("imgnmf.commands.source.MOST_BYTES", 900)
    words = refusal("gallery", packed / "V.zarr", "-k", "2")
    assert "take 960 bytes" in words
    assert "at most 900 bytes" in words
    assert "imgnmf fit reads them from disk" in words


def test_a_store_in_colour_that_is_too_large_can_be_fitted_or_packed_as_is_advised(colours, tmp_path, monkeypatch):
    pytest.importorskip("zarr")
    monkeypatch.chdir(tmp_path)
    assert run("pack", colours, "--color", "-o", "C.zarr").exit_code == DONE
    monkeypatch.setattr("imgnmf.commands.source.MOST_BYTES", 500)
    fit = ("fit", "C.zarr", "-k", 2, *QUICK, "-o", "m.imgnmf")
    words = refusal(*fit)
    assert "imgnmf fit --color reads them from disk, and imgnmf pack --size HxW makes them smaller" in words
    assert run(*fit, "--color").exit_code == DONE
    small = run("pack", "C.zarr", "--size", "3x3", "-o", "S.zarr")
    assert small.exit_code == DONE, small.output
    assert small.stderr.count("6 of 6 pictures have colours") == 1
    assert imgnmf.open_images("S.zarr").image_shape == (3, 3)


@pytest.mark.parametrize("command", ["gallery", "fit", "animate", "ranks", "pack"])
def test_colours_that_are_left_out_are_told_once_and_kept_on_demand(colours, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (colours / "flat.png").unlink(missing_ok=True)
    Image.fromarray(np.full((6, 5, 3), 9, np.uint8)).save(colours / "grey-as-rgb.png")
    grey, kept = (run(command, colours, *COMMANDS[command], *more) for more in ((), ("--color", "--force")))
    assert (grey.exit_code, kept.exit_code) == (DONE, DONE), grey.output + kept.output
    told = "warning: 6 of 7 pictures have colours and are read as grey; --color keeps them"
    assert grey.stderr.count(told) == 1
    assert "colours" not in kept.stderr


def test_a_model_in_colour_reads_in_colour_and_a_grey_one_says_so(colours, folder, tmp_path):
    model, out = tmp_path / "m.imgnmf", ("-o", tmp_path / "H.npy", "--force")
    assert run("fit", colours, "-k", 2, *QUICK, "--color", "-o", model).exit_code == DONE
    assert imgnmf.load(model)[1].image_shape == (6, 5, 3)
    encoded = run("encode", model, colours, *out)
    assert encoded.exit_code == DONE, encoded.output
    assert "grey" not in encoded.stderr
    assert run("encode", model, folder, "--size", "6x5", *out).exit_code == DONE
    assert "pass --size 6x5" in refusal("encode", model, folder, *out)
    assert run("fit", folder, "-k", 2, *QUICK, "-o", model, "--force").exit_code == DONE
    told = run("encode", model, colours, "--size", "10x8", *out).stderr
    assert "6 of 6 pictures have colours and are read as grey; those that the model was fitted to are grey too" in told


@pytest.mark.parametrize("name", ["C.h5", "C.zarr", "C.npy"])
def test_colours_go_through_a_store(colours, tmp_path, monkeypatch, name):
    pytest.importorskip("zarr")
    pytest.importorskip("h5py")
    monkeypatch.chdir(tmp_path)
    assert run("pack", colours, "--color", "-o", name).exit_code == DONE
    for source in (name, colours):
        assert run("fit", source, "-k", 2, *QUICK, "--color", "-o", "m.imgnmf", "--force").exit_code == DONE
        assert imgnmf.load("m.imgnmf")[1].image_shape == (6, 5, 3)
        done = run("fit", source, "-k", 2, *QUICK, "-o", "m.imgnmf", "--force")
        assert done.stderr.count("6 of 6 pictures have colours") == 1
        assert imgnmf.load("m.imgnmf")[1].image_shape == (6, 5)


def test_a_file_of_several_arrays_or_of_flat_images_is_told_how_it_lies(folder, tmp_path):
    np.savez(tmp_path / "two.npz", one=np.ones((4, 3, 3)), flat=np.random.default_rng(0).random((9, 6)))
    words = refusal("ranks", tmp_path / "two.npz", "-k", "2")
    assert "expected --key NAME to say which array" in words
    done = run("ranks", tmp_path / "two.npz", "-k", "1,2", "--key", "flat", "--image-shape", "3x2")
    assert done.exit_code == DONE, done.output
    assert "--image-shape applies to an array" in refusal("ranks", folder, "-k", "2", "--image-shape", "10x8")
    words = refusal("ranks", "digits", "-k", "2", "--image-shape", "8x8")
    assert "apply to files" in words


def test_the_names_of_pictures_are_in_a_gallery_of_a_store(packed, monkeypatch):
    monkeypatch.chdir(packed)
    assert run("gallery", "V.h5", "-k", 2, *QUICK, "-o", "out").exit_code == DONE
    assert "p6.png" in (packed / "out" / "index.html").read_text(encoding="utf-8")
    assert json.loads((packed / "out" / "summary.json").read_text())["n_images"] == 12


def test_a_folder_with_the_name_of_a_dataset_that_is_not_here_is_pointed_at(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGNMF_DATA", str(tmp_path / "empty"))
    assert "give the path of a copy" in refusal("fit", "orl", "-k", 2, "-o", "m.imgnmf")
    folder.rename("orl")
    assert "write ./orl for the folder of that name here" in refusal("fit", "orl", "-k", 2, "-o", "m.imgnmf")
    assert run("fit", "./orl", "-k", 2, "-o", "m.imgnmf").exit_code == DONE


def test_the_report_of_files_left_out_advises_in_options(folder, tmp_path):
    pages = [Image.fromarray(np.full((10, 8), level, np.uint8)) for level in (1, 2)]
    pages[0].save(folder / "m.tif", save_all=True, append_images=pages[1:])
    told = run("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf").stderr
    assert "pass --frames all or --frames first" in told
    assert 'frames="all"' not in told


def test_no_download_is_advised_in_options(monkeypatch, tmp_path):
    monkeypatch.setenv("IMGNMF_DATA", str(tmp_path))
    words = refusal("datasets", "orl", "--download", "--offline")
    assert words.endswith("--offline forbids a download")
