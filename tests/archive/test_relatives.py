"""Fits of the family and projective ones come back whole, encode as they did, or are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import imgnmf
from imgnmf.errors import ArchiveError, ParameterError, ShapeMismatchError
from tests.archive.relatives import RELATIVES, identical, made
from tests.archive.test_reading import parts_of, rewritten
from tests.damage import mutated


@pytest.fixture(scope="module", params=RELATIVES)
def case(request):
    return made(request.param)


@pytest.fixture
def kept(case, tmp_path):
    imgnmf.save(tmp_path / "m.imgnmf", case[0])
    return tmp_path / "m.imgnmf"


def stored(tmp_path, name):
    imgnmf.save(tmp_path / "m.imgnmf", made(name)[0])
    return tmp_path / "m.imgnmf"


def test_every_bit_comes_back_and_encodes_as_before(case, kept):
    fit, V = case
    again, meta = imgnmf.load(kept)
    assert identical(again, fit)
    assert meta.image_shape is None
    new = np.abs(V[:, ::-1]) if np.array_equal(V, V.T) else V[:, ::-1]
    assert np.array_equal(again.encode(new), fit.encode(new))
    assert np.array_equal(again.reconstruct(), fit.reconstruct())


def test_a_projective_fit_encodes_by_projection_and_not_by_least_squares(tmp_path):
    fit, V = made("projective")
    imgnmf.save(tmp_path / "m", fit)
    again, _ = imgnmf.load(tmp_path / "m")
    np.testing.assert_allclose(again.encode(V), fit.W.T @ V, rtol=1e-12)


def test_equal_fits_give_equal_files(kept, tmp_path):
    imgnmf.save(tmp_path / "again", imgnmf.load(kept)[0])
    assert (tmp_path / "again").read_bytes() == kept.read_bytes()


def test_no_damage_goes_unseen(case, kept):
    whole, rng, refused = kept.read_bytes(), np.random.default_rng(1), 0
    for _ in range(200):
        kept.write_bytes(mutated(whole, rng))
        try:
            assert identical(imgnmf.load(kept)[0], case[0])
        except ArchiveError:
            refused += 1
    assert refused > 150


def test_images_come_along(tmp_path):
    fit, V = made("separable")
    images = imgnmf.ImageSet(np.ascontiguousarray(V.T).reshape(30, 4, 5), labels=np.arange(30) % 2)
    imgnmf.save(tmp_path / "m", fit, images, rng=3)
    again, meta = imgnmf.load(tmp_path / "m")
    assert np.array_equal(meta.stack(again.W), images.stack(fit.W))
    assert (meta.rng, meta.names, len(meta.labels)) == (3, images.names, 30)
    with pytest.raises(ShapeMismatchError, match="give the images that were fitted"):
        imgnmf.save(tmp_path / "m", fit, images[:5])


def test_groups_keep_the_names_of_images_and_no_size_that_their_factors_could_be_drawn_at(tmp_path):
    fit, A = made("symmetric")
    images = imgnmf.ImageSet(np.zeros((35, 5, 7), np.uint8), labels=np.arange(35) % 2)
    imgnmf.save(tmp_path / "m", fit, images)
    again, meta = imgnmf.load(tmp_path / "m")
    assert (meta.names, meta.image_shape, len(A)) == (images.names, None, 35)
    with pytest.raises(ShapeMismatchError):
        meta.stack(again.W)
    with pytest.raises(ShapeMismatchError, match="35 images"):
        imgnmf.save(tmp_path / "m", fit, images[:5])


@pytest.mark.parametrize(
    ("name", "tensor", "bad"),
    [
        ("semi", "W", np.nan),
        ("semi", "H", -1.0),
        ("separable", "W", -1.0),
        ("convex", "shares", -1.0),
        ("convex", "shares", np.inf),
        ("projective", "W", -1.0),
        ("symmetric", "W", 7.0),
    ],
)
def test_what_no_fit_can_hold_is_refused_whatever_the_hashes_say(tmp_path, name, tensor, bad):
    path = stored(tmp_path, name)
    tensors, _ = parts_of(path)
    spoilt = tensors[tensor].copy()
    spoilt.flat[0] = bad
    rewritten(path, tensors={**tensors, tensor: spoilt})
    with pytest.raises(ArchiveError, match="must be"):
        imgnmf.load(path)


@pytest.mark.parametrize(
    ("name", "document", "words"),
    [
        ("semi", {"kind": "evil"}, "incomplete or foreign"),
        ("semi", {"kind": "projective"}, "expected of a projective fit .*'reason', .*found .*'ridge'"),
        ("projective", {"kind": "family"}, "expected of a family fit"),
        ("semi", {"format": 2}, "factor W must be finite and non-negative|incomplete or foreign"),
        ("projective", {"format": 2}, "must say its solver"),
        ("semi", {"fit": {"member": "semi"}}, "expected of a family fit"),
        ("semi", {"fortran": None}, "incomplete or foreign"),
    ],
)
def test_a_foreign_description_is_refused(tmp_path, name, document, words):
    path = stored(tmp_path, name)
    rewritten(path, document)
    with pytest.raises(ArchiveError, match=words):
        imgnmf.load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"member": "cousin"}, "expected a member of the family"),
        ({"member": "separable"}, "expected the tensors .*shares"),
        ({"ridge": -1.0}, "ridge of the fit must be a finite number, at least 0"),
    ],
)
def test_a_foreign_member_is_refused(tmp_path, change, words):
    path = stored(tmp_path, "minimum-volume")
    document = json.loads(parts_of(path)[1]["imgnmf"][64:])
    rewritten(path, {"fit": {**document["fit"], **change}})
    with pytest.raises(ArchiveError, match=words):
        imgnmf.load(path)


def test_shares_of_another_shape_are_refused(tmp_path):
    path = stored(tmp_path, "separable")
    tensors, _ = parts_of(path)
    rewritten(path, tensors={**tensors, "shares": tensors["shares"][:-1]})
    with pytest.raises(ArchiveError, match=r"of the shape \(30, 3\)"):
        imgnmf.load(path)


def test_a_plain_fit_is_still_written_for_those_who_know_format_2(saved):
    assert json.loads(parts_of(saved)[1]["imgnmf"][64:])["format"] == 2


def test_what_is_no_fit_is_refused(fit, tmp_path):
    with pytest.raises(ParameterError, match="got Trace; of a Stream, save its fit"):
        imgnmf.save(tmp_path / "m", fit.trace)
    with pytest.raises(ParameterError, match="got str"):
        imgnmf.save(tmp_path / "m", "fit")
    assert not (tmp_path / "m").exists()


def test_what_could_not_be_loaded_again_is_not_saved(tmp_path):
    for name, changes, words in (
        ("convex", {"shares": None}, "have shares"),
        ("semi", {"shares": np.ones((40, 3))}, "have shares"),
        ("separable", {"shares": np.ones((2, 3))}, "of the shape"),
        ("symmetric", {"W": np.ones((35, 3))}, "the transpose of its H"),
    ):
        with pytest.raises(ArchiveError, match=words):
            imgnmf.save(tmp_path / "m", replace(made(name)[0], **changes))
    assert not (tmp_path / "m").exists()
