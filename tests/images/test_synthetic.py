"""Generated sets: against the files in circulation, and against their own parts."""

from pathlib import Path

import numpy as np
import pytest

from imgnmf.errors import ParameterError
from imgnmf.images.synthetic import bars, swimmer

FILES = Path(__file__).parents[2] / "../shared/data/mat"


def as_set(pixels):
    return {image.tobytes() for image in (pixels > 0)}


def test_swimmer_32x32_is_the_set_in_the_file():
    h5py = pytest.importorskip("h5py")
    path = FILES / "Swimmer_32x32.h5"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with h5py.File(path) as file:
        stored = np.moveaxis(file["Y"][:], 2, 0) - 1
    assert as_set(swimmer("32x32")[0].pixels) == as_set(np.ascontiguousarray(stored))


def test_swimmer_20x11_is_the_set_in_the_file():
    path = FILES / "Swimmer_20x11.mat"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    loadmat = pytest.importorskip("scipy.io").loadmat
    stored = loadmat(path)["X"].T.reshape(256, 11, 20).swapaxes(1, 2)
    assert as_set(swimmer("20x11")[0].pixels) == as_set(np.ascontiguousarray(stored))


@pytest.mark.parametrize(("variant", "torso", "limb"), [("32x32", 17, 5), ("20x11", 14, 3)])
def test_swimmer_has_17_parts_that_do_not_overlap(variant, torso, limb):
    images, masks = swimmer(variant)
    assert masks.dtype == bool
    assert masks.shape == (17, *images.image_shape)
    assert masks.sum(axis=(1, 2)).tolist() == [torso] + [limb] * 16
    assert masks.sum(axis=0).max() == 1


@pytest.mark.parametrize("variant", ["32x32", "20x11"])
def test_swimmer_is_all_poses_and_their_sum_of_parts(variant):
    images, masks = swimmer(variant)
    V, W = images.V / 255.0, masks.reshape(17, -1).T.astype(float)
    H = np.linalg.lstsq(W, V, rcond=None)[0]
    np.testing.assert_allclose(W @ H, V, atol=1e-12)
    np.testing.assert_allclose(H, np.rint(H), atol=1e-12)
    assert np.rint(H).sum(axis=0).tolist() == [5] * 256
    assert np.rint(H).sum(axis=1).tolist() == [256] + [64] * 16
    assert len(as_set(images.pixels)) == 256
    assert np.linalg.matrix_rank(V) == 13
    assert (images.pixels.dtype, set(np.unique(images.pixels))) == (np.uint8, {0, 255})


def test_the_name_of_a_swimmer_is_its_pose():
    images, masks = swimmer()
    pose = [int(position) for position in images.names[100]]
    parts = [0, *(1 + 4 * limb + position for limb, position in enumerate(pose))]
    np.testing.assert_array_equal(images.pixels[100] > 0, masks[parts].any(axis=0))


def test_an_unknown_variant_is_refused():
    with pytest.raises(ParameterError, match="'32x32', '20x11', got '16x16'"):
        swimmer("16x16")


def test_bars_are_sums_of_their_masks():
    images, masks = bars(size=6, n_images=300, rng=1)
    W = masks.reshape(12, -1).T.astype(float)
    assert masks.sum(axis=(1, 2)).tolist() == [6] * 12
    assert masks[0, 0].all()
    assert masks[6, :, 0].all()
    H = np.linalg.lstsq(W, images.V / 127.0, rcond=None)[0]
    np.testing.assert_allclose(W @ H, images.V / 127.0, atol=1e-10)
    assert images.pixels.any(axis=(1, 2)).all()
    assert set(np.unique(images.pixels)) == {0, 127, 254}


def test_bars_depend_on_rng_alone():
    np.testing.assert_array_equal(bars(rng=5)[0].pixels, bars(rng=np.random.default_rng(5))[0].pixels)
    assert not np.array_equal(bars(rng=5)[0].pixels, bars(rng=6)[0].pixels)


@pytest.mark.parametrize("options", [{"size": 1}, {"n_images": 0}])
def test_bars_out_of_bounds_are_refused(options):
    with pytest.raises(ParameterError, match="expected size >= 2 and n_images >= 1"):
        bars(**options)
