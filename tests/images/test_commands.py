"""`imgnmf info SOURCE` and `imgnmf datasets`: what there is, and what is got when that is asked."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.io import savemat

import imgnmf
from imgnmf.images import datasets, resize, scale_range
from tests.cli.runs import run


def refusal(*arguments):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return result.stderr.strip().splitlines()[-1]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "photos"
    place.mkdir()
    for i in range(5):
        (place / f"{i}.pgm").write_bytes(b"P5 4 6 255\n" + bytes(range(i, i + 24)))
    (place / "README").write_text("words")
    return place


def test_info_of_a_source_has_a_line_a_fact(folder):
    assert run("info", folder).stdout.splitlines() == [
        f"source:  {folder}",
        "images:  5 in 5 files",
        "size:    6 x 4 (5)",
        "kind:    8-bit grey (5)",
        "V:       24 pixels x 5 images in grey",
        "skipped: 1: README (not an image: it begins with b'words')",
    ]
    assert "there is no such file or folder" in refusal("info", folder / "nowhere")


def test_info_tells_models_from_sources_by_content(folder, tmp_path):
    images = imgnmf.load_images(folder)
    imgnmf.save(tmp_path / "model.bin", imgnmf.factorize(images.V, 1), images)
    assert run("info", tmp_path / "model.bin").stdout.startswith("rank:")
    assert "5 images of 6 x 4" not in run("info", folder / "0.pgm").stdout
    assert run("info", folder / "0.pgm").stdout.splitlines()[1] == "images:  1 in 1 file"
    assert "name:     swimmer" in run("info", "swimmer").stdout


def test_a_model_prepares_new_images_as_its_own(folder, tmp_path):
    images = scale_range(resize(imgnmf.load_images(folder), (3, 2)))
    fit = imgnmf.factorize(images.V, 1)
    imgnmf.save(tmp_path / "m.imgnmf", fit, images)
    assert run("encode", tmp_path / "m.imgnmf", folder, "-o", tmp_path / "H.npy").exit_code == 0
    np.testing.assert_allclose(np.load(tmp_path / "H.npy"), fit.encode(images.V), rtol=1e-6)


def test_datasets_say_whether_they_are_here(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGNMF_DATA", str(tmp_path))
    every = {line.split()[0]: line.split()[1] for line in run("datasets").stdout.splitlines()}
    assert (every["digits"], every["orl"]) == ("offline", "downloadable")
    assert "orl" not in run("datasets", "--offline").stdout
    (tmp_path / "orl").mkdir()
    (tmp_path / "orl/att_faces.zip").write_bytes(b"")
    assert "orl            cached" in run("datasets", "--offline").stdout
    assert "status:   cached" in run("datasets", "orl").stdout


def test_nothing_is_downloaded_unless_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGNMF_DATA", str(tmp_path))
    assert "imgnmf datasets frey --download" in refusal("fit", "frey", "-k", 2, "-o", tmp_path / "m.imgnmf")
    assert "forbids a download" in refusal("datasets", "frey", "--download", "--offline")
    assert "needs no download" in refusal("datasets", "digits", "--download")
    assert "say which" in refusal("datasets", "--download")
    assert not list(tmp_path.iterdir())


def test_a_set_is_got_and_then_read_by_name(tmp_path, monkeypatch):
    from imgnmf.images import fetch

    def put(file, how):
        how.folder.mkdir()
        how.progress(file.name, 1, 2)
        savemat(how.folder / file.name, {"ff": np.arange(560 * 3).reshape(560, 3) % 251})

    remote = next(known for known in datasets.REMOTE if known.info.name == "frey")
    here = replace(remote, info=replace(remote.info, shape=(3, 28, 20)))
    monkeypatch.setattr(datasets, "REMOTE", (here,))
    monkeypatch.setattr(fetch, "_download", put)
    monkeypatch.setenv("IMGNMF_DATA", str(tmp_path))
    assert run("datasets", "frey", "--download").stdout.startswith("frey: 3 images of 28 x 20")
    assert "status:   cached" in run("info", "frey").stdout
    assert run("fit", "frey", "-k", 1, "--size", "6x5", "-o", tmp_path / "m.imgnmf").exit_code == 0
