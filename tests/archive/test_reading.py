"""What is saved is what is loaded, or an ArchiveError."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load as tensors_of
from safetensors.numpy import save as to_bytes
from safetensors.numpy import save_file

import imgnmf
from imgnmf.core.constraints import NonSmooth, Simplex
from imgnmf.core.penalties import Weight
from imgnmf.core.robust import L21, Huber
from imgnmf.errors import ArchiveError, OutputError, ShapeMismatchError
from tests.damage import mutated


def parts_of(path):
    with safe_open(path, framework="np") as file:
        return tensors_of(path.read_bytes()), dict(file.metadata())


def rewritten(path, document=None, tensors=None):
    """Save again with honest hashes, as a malicious or a later program would."""
    from imgnmf.archive import digest_of, tensor_record

    old_tensors, metadata = parts_of(path)
    tensors = old_tensors if tensors is None else tensors
    document = {**json.loads(metadata["imgnmf"][64:]), **(document or {})}
    document["tensors"] = {name: tensor_record(array) for name, array in tensors.items()}
    text = json.dumps(document)
    path.write_bytes(to_bytes(tensors, {"imgnmf": digest_of(text.encode()) + text}))


def same(first, second):
    return all(
        np.array_equal(a, b, equal_nan=True)
        for a, b in [
            (first.W, second.W),
            (first.H, second.H),
            *zip(vars(first.trace).values(), vars(second.trace).values(), strict=True),
        ]
    ) and [first.n_iter, first.reason, first.objective, first.loss, first.solver] == [
        second.n_iter,
        second.reason,
        second.objective,
        second.loss,
        second.solver,
    ]


def test_loading_gives_back_what_was_saved(saved, fit, images):
    again, meta = imgnmf.load(saved)
    assert same(again, fit)
    assert again.W.dtype == fit.W.dtype
    assert meta.image_shape == (5, 4)
    assert meta.names == tuple(images.names)
    assert meta.labels == tuple(images.labels.tolist())
    assert meta.white == 255
    assert np.array_equal(meta.stack(again.W), images.stack(fit.W))
    assert np.array_equal(again.encode(images.V), fit.encode(images.V))


@pytest.mark.parametrize("loss", ["kullback-leibler", "itakura-saito", imgnmf.BetaDivergence(0.5)])
def test_every_loss_comes_back(loss, images, tmp_path):
    fit = imgnmf.factorize(images.V, 2, loss=loss, stop=imgnmf.RelativeDecrease(1e-2), max_iter=2000)
    imgnmf.save(tmp_path / "m.imgnmf", fit)
    again, meta = imgnmf.load(tmp_path / "m.imgnmf")
    assert again.loss == fit.loss
    assert meta.image_shape is None


def test_without_images_parts_have_no_shape(fit, tmp_path):
    imgnmf.save(tmp_path / "m.imgnmf", fit)
    _, meta = imgnmf.load(tmp_path / "m.imgnmf")
    with pytest.raises(ShapeMismatchError, match="save it with them"):
        meta.stack(fit.W)


def test_no_damage_goes_unseen(saved, fit):
    whole = saved.read_bytes()
    _, meta = imgnmf.load(saved)
    rng, refused = np.random.default_rng(1), 0
    for _ in range(2000):
        saved.write_bytes(mutated(whole, rng))
        try:
            again, found = imgnmf.load(saved)
        except ArchiveError:
            refused += 1
            continue
        assert same(again, fit)
        assert found == meta
    assert refused > 1800


def test_a_file_cut_anywhere_is_refused(saved):
    whole = saved.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 40).astype(int):
        saved.write_bytes(whole[:length])
        with pytest.raises(ArchiveError):
            imgnmf.load(saved)


def test_a_newer_format_says_what_is_supported(saved):
    rewritten(saved, {"format": 4})
    with pytest.raises(ArchiveError, match="found format 4, supported is 1 to 3"):
        imgnmf.load(saved)


def test_an_extra_tensor_is_refused(saved):
    tensors, _ = parts_of(saved)
    rewritten(saved, tensors={**tensors, "more": np.ones(3)})
    with pytest.raises(ArchiveError, match=r"found .*'more'"):
        imgnmf.load(saved)


def test_a_missing_tensor_is_refused(saved):
    tensors, _ = parts_of(saved)
    del tensors["trace.kkt"]
    rewritten(saved, tensors=tensors)
    with pytest.raises(ArchiveError, match=r"expected the tensors .*trace\.kkt"):
        imgnmf.load(saved)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("factor", ["W", "H"])
def test_factors_must_be_finite_and_non_negative(saved, factor, bad):
    tensors, _ = parts_of(saved)
    spoilt = tensors[factor].copy()
    spoilt.flat[0] = bad
    rewritten(saved, tensors={**tensors, factor: spoilt})
    with pytest.raises(ArchiveError, match=f"factor {factor} must be finite and non-negative"):
        imgnmf.load(saved)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"loss": {"kind": "Evil"}}, "incomplete or foreign"),
        ({"loss": {"kind": "Frobenius", "beta": 1}}, "incomplete or foreign"),
        ({"fit": {}}, "the fit must say its n_iter"),
        ({"images": None}, "incomplete or foreign|must be a record"),
    ],
)
def test_a_foreign_description_is_refused(saved, document, words):
    rewritten(saved, document)
    with pytest.raises(ArchiveError, match=words):
        imgnmf.load(saved)


def test_other_safetensors_files_are_no_models(tmp_path):
    save_file({"W": np.ones(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ArchiveError, match="not a model that imgnmf saved"):
        imgnmf.load(tmp_path / "other.safetensors")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(ArchiveError, match=r"gone\.imgnmf: cannot be read"):
        imgnmf.load(tmp_path / "gone.imgnmf")
    with pytest.raises(ArchiveError):
        imgnmf.load(tmp_path)


def test_the_images_must_be_those_of_the_fit(fit, images, tmp_path):
    with pytest.raises(ShapeMismatchError, match="give the images that were fitted"):
        imgnmf.save(tmp_path / "m.imgnmf", fit, images[:5])


def test_an_unwritable_place_is_an_output_error(fit, tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        imgnmf.save(tmp_path / "no" / "m.imgnmf", fit)


def test_saving_twice_gives_the_same_bytes(fit, images, tmp_path):
    for name in "ab":
        imgnmf.save(tmp_path / name, fit, images)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_record_of_the_data_comes_back(fit, tmp_path):
    from imgnmf.archive import fingerprint_of
    from imgnmf.images import crop

    rng = np.random.default_rng(0)
    whole = imgnmf.ImageSet(rng.integers(0, 256, (12, 7, 6), dtype=np.uint8))
    images = crop(whole, (1, 1, 5, 4))
    made = imgnmf.factorize(images.V, 3, rng=7)
    imgnmf.save(tmp_path / "m", made, images, rng=7)
    _, meta = imgnmf.load(tmp_path / "m")
    assert (meta.rng, meta.steps) == (7, images.steps)
    assert meta.steps
    assert meta.data_sha256 == fingerprint_of(images)
    assert meta.data_sha256 != fingerprint_of(imgnmf.ImageSet(images.pixels.astype(np.uint16)))


def test_a_mask_comes_back_and_parts_are_drawn_within_it(tmp_path):
    rng = np.random.default_rng(0)
    mask = np.array([[True, False], [True, True]])
    images = imgnmf.ImageSet(rng.random((9, 2, 2)), mask=mask)
    made = imgnmf.factorize(images.V, 2)
    imgnmf.save(tmp_path / "m", made, images)
    again, meta = imgnmf.load(tmp_path / "m")
    assert np.array_equal(meta.mask, mask)
    assert np.array_equal(meta.stack(again.W), images.stack(made.W))


@pytest.mark.parametrize("loss", [Huber(20.0), L21()])
def test_robust_losses_and_penalties_come_back(loss, images, tmp_path):
    made = imgnmf.factorize(
        images.V, 2, loss=loss, penalty_W=imgnmf.L2(0.1), penalty_H=imgnmf.L1(0.1), stop=(), max_iter=20,
        callback=lambda state: state.iteration == 10,
    )  # fmt: skip
    imgnmf.save(tmp_path / "m", made)
    again, _ = imgnmf.load(tmp_path / "m")
    assert (again.loss, again.penalty_H) == (made.loss, made.penalty_H)
    assert np.array_equal(again.encode(images.V), made.encode(images.V))


@pytest.mark.parametrize("constraint", [Simplex(), NonSmooth(0.4)])
def test_a_constraint_comes_back(images, tmp_path, constraint):
    made = imgnmf.factorize(images.V, 2, constraint_H=constraint, stop=(), callback=lambda state: state.iteration == 10)
    imgnmf.save(tmp_path / "m", made)
    again, _ = imgnmf.load(tmp_path / "m")
    assert again.constraint_H == made.constraint_H
    assert np.array_equal(again.encode(images.V), made.encode(images.V))


def test_a_constraint_of_ones_own_is_refused(fit, tmp_path):
    with pytest.raises(ArchiveError, match="constraints NonSmooth"):
        imgnmf.save(tmp_path / "m", replace(fit, constraint_H=Weight()))
    assert not (tmp_path / "m").exists()


def test_a_file_of_format_1_can_still_be_read(saved, fit):
    _, metadata = parts_of(saved)
    document = json.loads(metadata["imgnmf"][64:])
    kept = ("image_shape", "names", "labels", "white", "versions")
    rewritten(saved, {"format": 1, "penalty_H": {}, "images": {name: document["images"][name] for name in kept}})
    again, meta = imgnmf.load(saved)
    assert same(again, fit)
    assert (meta.steps, meta.rng, meta.data_sha256, meta.image_shape) == ((), None, None, (5, 4))
