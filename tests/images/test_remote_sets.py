"""Named sets on the net: small files made in the format of each, read as the real ones would be."""

import gzip
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_sets import DIGITS, FACES, MADE, RECORDS, SMALL, STL

from imgnmf.errors import DataWarning, ImageReadError, NoImagesError, ParameterError
from imgnmf.images import dataset_status, describe_datasets, load_dataset
from imgnmf.images.dataset_readers import Wanted
from imgnmf.images.datasets import REMOTE, load_remote
from imgnmf.images.fetch import Fetching

ORL = Path(__file__).parents[2] / "../shared/data/orl_faces"
SETS = {remote.info.name: remote for remote in REMOTE}


def load(name, tmp_path, **wanted):
    """Load a set from a cache that holds the made files, which have no hash of their own."""
    remote = SETS[name]
    files = tuple(replace(file, hash=None) for file in remote.info.files)
    for file, content in MADE[name].items():
        (tmp_path / file).write_bytes(content)
    subset = wanted.pop("subset", remote.info.subsets[0] if remote.info.subsets else "")
    changed = replace(remote, info=replace(remote.info, files=files))
    return load_remote(changed, Wanted(subset, **wanted), Fetching(tmp_path, offline=True), None)


def test_each_picture_of_kodak_is_told_by_its_sha256_and_had_over_https():
    files = SETS["kodak"].info.files
    assert len({file.hash for file in files}) == 24
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", file.hash) for file in files)
    assert all(url.startswith("https://") for file in files for url in file.urls)


def test_every_set_has_made_files():
    assert set(MADE) == set(SETS)


@pytest.mark.parametrize("name", SETS)
def test_every_set_is_read_and_its_size_compared(name, tmp_path):
    images, warned = load(name, tmp_path)
    assert len(images.image_shape) == 2
    expected = SETS[name].info.shape
    assert warned == [
        f"expected {name!r} to be {expected[0]} images of {expected[1]} x {expected[2]}, "
        f"found {len(images)} images of {images.image_shape[0]} x {images.image_shape[1]}"
    ]
    assert load(name, tmp_path, size=(6, 5))[0].image_shape == (6, 5)
    assert load(name, tmp_path, color="rgb")[0].image_shape[2:] == (3,)


def test_matrices_are_upright(tmp_path):
    from scipy.io import loadmat

    olivetti = load("olivetti", tmp_path)[0]
    faces = loadmat(tmp_path / "olivettifaces.mat")["faces"]
    np.testing.assert_array_equal(olivetti.pixels, faces.T.reshape(-1, 64, 64).transpose(0, 2, 1))
    assert olivetti.labels.tolist() == [0] * 10 + [1] * 10
    frey = load("frey", tmp_path)[0]
    np.testing.assert_array_equal(frey.pixels, loadmat(tmp_path / "frey_rawface.mat")["ff"].T.reshape(-1, 28, 20))


def test_pictures_are_chosen_named_and_labelled(tmp_path):
    orl = load("orl", tmp_path)[0]
    assert orl.names == ("s2/1.pgm", "s2/2.pgm", "s10/1.pgm", "s10/2.pgm")
    assert orl.labels.tolist() == ["s2", "s2", "s10", "s10"]
    assert load("lfw", tmp_path)[0].labels.tolist() == ["A_a", "B_b"]
    yale = load("yale-b", tmp_path)[0]
    np.testing.assert_array_equal(yale.pixels, FACES[[0, 2]])
    assert yale.labels.tolist() == ["yaleB01", "yaleB02"]
    assert [entry.name.rsplit(".", 1)[-1] for entry in yale.report.skipped] == ["bad"]
    assert load("coil-20", tmp_path)[0].labels.tolist() == ["2", "2", "10", "10"]


@pytest.mark.parametrize("subset", ["train", "test"])
def test_the_archive_in_the_archive_of_cbcl(tmp_path, subset):
    images = load("cbcl", tmp_path, subset=subset)[0]
    np.testing.assert_array_equal(images.pixels, SMALL[[0, 2]])
    assert images.labels is None


def test_records_and_their_labels(tmp_path):
    cifar = load("cifar-10", tmp_path, color="rgb")[0]
    np.testing.assert_array_equal(cifar.labels, RECORDS[:, 0])
    np.testing.assert_array_equal(cifar.pixels[..., 1], RECORDS[:, 1025:2049].reshape(-1, 32, 32))
    assert len(load("cifar-10", tmp_path, subset="test")[0]) == 3
    stl = load("stl-10", tmp_path, color="rgb")[0]
    np.testing.assert_array_equal(stl.pixels[1, :, :, 2], STL[1, -9216:].reshape(96, 96).T)
    assert stl.labels.tolist() == [1, 10]
    assert load("stl-10", tmp_path, subset="unlabeled")[0].labels is None


def test_digits(tmp_path):
    mnist = load("mnist", tmp_path)[0]
    np.testing.assert_array_equal(mnist.pixels, DIGITS)
    assert mnist.labels.tolist() == [0, 1, 2, 3, 4]
    assert len(load("mnist", tmp_path, subset="test")[0]) == 2
    usps = load("usps", tmp_path)[0]
    assert usps.pixels.dtype == np.float32
    assert usps.pixels[0, 0, :3].tolist() == [0, 0.75, 0]
    assert usps.pixels[[0, 1], [15, 0], 15].tolist() == [1, 1]
    assert usps.labels.tolist() == [0, 9]
    assert load("usps", tmp_path, subset="test")[0].labels.tolist() == [2]


def test_portraits_are_laid_on_their_side(tmp_path):
    images = load("bsds500", tmp_path, color="rgb")[0]
    assert images.pixels.shape == (2, 8, 12, 3)
    assert "1 image: a portrait turned on its side" in str(images.report)
    assert load("kodak", tmp_path)[0].names[:2] == ("kodim01.png", "kodim02.png")


@pytest.mark.parametrize("name", SETS)
def test_a_damaged_file_without_a_hash_does_not_stay(tmp_path, name, monkeypatch):
    remote = SETS[name]
    info = replace(remote.info, files=tuple(replace(file, hash=None) for file in remote.info.files))
    for file in info.files:
        (tmp_path / file.name).write_bytes(b"<html>Sorry</html>")
    wanted = Wanted(info.subsets[0] if info.subsets else "")
    with pytest.raises(ImageReadError, match=f"the files of '{name}' in .* cannot be read"):
        load_remote(replace(remote, info=info), wanted, Fetching(tmp_path, download=True), None)
    used = [file for file in info.files if not file.subsets or wanted.subset in file.subsets]
    assert not any((tmp_path / file.name).exists() for file in used)


def test_a_copy_is_read_wherever_it_is(tmp_path):
    (tmp_path / "mnist").mkdir()
    for name, content in MADE["mnist"].items():
        (tmp_path / "mnist" / name.removesuffix(".gz")).write_bytes(gzip.decompress(content))
    (tmp_path / "att.zip").write_bytes(MADE["orl"]["att_faces.zip"])
    with pytest.warns(DataWarning, match="expected 'mnist' to be 60000 images of 28 x 28, found 5 images of 28 x 28"):
        images = load_dataset("mnist", path=tmp_path / "mnist")
    assert images.labels.tolist() == [0, 1, 2, 3, 4]
    with pytest.warns(DataWarning) as caught:
        load_dataset("orl", path=tmp_path / "att.zip")
    assert [str(warning.message).split(" (")[0].split(", found")[0] for warning in caught] == [
        "expected 'orl' to be 400 images of 112 x 92",
        f"{tmp_path / 'att.zip'} is not the published file",
    ]
    with pytest.raises(NoImagesError, match="there is no such file or folder"):
        load_dataset("orl", path=tmp_path / "nowhere")


@pytest.mark.skipif(not ORL.is_dir(), reason=f"the ORL faces are not at {ORL}")
def test_the_original_orl_faces_are_recognised(tmp_path):
    images = load_dataset("orl", path=ORL)
    assert images.pixels.shape == SETS["orl"].info.shape
    for file in ORL.glob("s*/*.pgm"):
        copy = tmp_path / file.relative_to(ORL)
        copy.parent.mkdir(exist_ok=True)
        content = file.read_bytes()
        copy.write_bytes(content if file.name != "7.pgm" else content[:-1] + b"\0")
    with pytest.warns(DataWarning, match="the pixels of 'orl' are not the original ones"):
        load_dataset("orl", path=tmp_path)


def test_what_is_not_here_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGNMF_DATA", str(tmp_path))
    with pytest.raises(NoImagesError, match=r"olivettifaces\.mat; nothing is downloaded unless asked: pass"):
        load_dataset("olivetti")
    with pytest.raises(NoImagesError, match="offline=True forbids a download"):
        load_dataset("olivetti", download=True, offline=True)
    with pytest.raises(ParameterError, match="subset does not apply to the dataset 'olivetti'"):
        load_dataset("olivetti", subset="train")
    with pytest.raises(ParameterError, match="expected subset to be one of 'train', 'test'"):
        load_dataset("mnist", subset="validation")
    info = SETS["olivetti"].info
    assert dataset_status(info) == "downloadable"
    (tmp_path / "olivetti").mkdir()
    (tmp_path / "olivetti/olivettifaces.mat").write_bytes(b"")
    assert dataset_status(info) == "cached"
    assert [dataset_status(known) for known in describe_datasets()[:4]] == ["offline"] * 4


def test_a_hash_is_one_that_was_published():
    for remote in REMOTE:
        for file in remote.info.files:
            assert file.hash is None or re.fullmatch("sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", file.hash)
            assert all(url.startswith(("http://", "https://")) for url in file.urls)
    named = {file.name: file.hash for remote in REMOTE for file in remote.info.files}
    assert [name for name, digest in named.items() if digest is None][:3] == [
        "faces.tar.gz",
        "CroppedYale.zip",
        "frey_rawface.mat",
    ]
