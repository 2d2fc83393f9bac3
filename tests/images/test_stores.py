"""Stores: what is in them is what comes out, and what is wrong with one is said."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from PIL import Image

import imgnmf
from imgnmf.errors import (
    DataError,
    DataWarning,
    ImageReadError,
    IncompatibleError,
    NoImagesError,
    ParameterError,
    ShapeMismatchError,
)
from imgnmf.images import load_images, open_images
from imgnmf.images.extras import needed

PIXELS = np.random.default_rng(0).integers(0, 255, (2000, 5, 4), dtype=np.uint8)


def npy(path, array, **_):
    np.save(path, array)


def hdf5(path, array, chunks=(300, 5, 4)):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=array, chunks=chunks, fletcher32=chunks is not None)


def zarr(path, array, chunks=(300, 5, 4)):
    store = pytest.importorskip("zarr")
    checksum = [store.codecs.Crc32cCodec()]
    full = {"write_empty_chunks": True}
    store.create_array(path, data=array, chunks=chunks or array.shape, compressors=checksum, config=full)


KINDS = [(".npy", npy), (".h5", hdf5), (".zarr", zarr)]


@pytest.fixture(params=KINDS, ids=[suffix for suffix, _ in KINDS])
def store(request, tmp_path):
    """A function that writes an array, and gives the path."""
    suffix, write = request.param

    def written(array=PIXELS, **options):
        path = tmp_path / f"V{suffix}"
        write(path, array, **options)
        return path

    return written


def test_images_along_the_first_axis_come_as_columns(store):
    images = open_images(store(), images_in="rows")
    assert images.V.shape == (20, 2000)
    assert images.V.dtype == np.uint8
    assert images.image_shape == (5, 4)
    assert len(images) == 2000
    np.testing.assert_array_equal(images.V[:, 700:1300], imgnmf.ImageSet(PIXELS).V[:, 700:1300])
    np.testing.assert_array_equal(images[10:13].pixels, PIXELS[10:13])
    np.testing.assert_array_equal(images.stack(images.V[:, 5:7]), PIXELS[5:7])
    np.testing.assert_array_equal(np.asarray(images.V), imgnmf.ImageSet(PIXELS).V)
    assert "2000 images of 5 x 4" in repr(images)


@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("images_in", ["rows", "columns"])
def test_flat_images_lie_in_rows_or_columns(store, images_in, fortran):
    flat = PIXELS.reshape(2000, 20)
    array = np.array(flat if images_in == "rows" else flat.T, order="F" if fortran else "C")
    images = open_images(store(array, chunks=None), image_shape=(5, 4))
    np.testing.assert_array_equal(images.V[:, 3:50], flat.T[:, 3:50])
    assert images.V[:, 3:50].flags.f_contiguous
    unsaid = open_images(images.where, images_in=images_in)
    np.testing.assert_array_equal(unsaid.V[:, :2], flat.T[:, :2])
    with pytest.raises(ShapeMismatchError, match="image_shape="):
        unsaid.stack(unsaid.V[:, :2])


def test_where_flat_images_lie_is_never_guessed(store):
    path = store(PIXELS.reshape(2000, 20), chunks=None)
    with pytest.raises(ShapeMismatchError, match="pass image_shape="):
        open_images(path)
    with pytest.raises(ShapeMismatchError, match="expected an array of images of 3 x 3"):
        open_images(path, image_shape=(3, 3))


def test_a_fit_from_a_store_is_that_of_the_loaded_images(store, monkeypatch):
    monkeypatch.setattr("imgnmf.core.columns.RUN_BYTES", 700 * 20)
    stored, loaded = open_images(store(), images_in="rows"), load_images(PIXELS)
    options = {"rank": 4, "max_iter": 5, "stop": imgnmf.RelativeDecrease(1e-9)}
    for loss in ("frobenius", "kullback-leibler"):
        with pytest.warns(imgnmf.errors.ConvergenceWarning):
            one, other = (imgnmf.factorize(V, loss=loss, **options) for V in (loaded.V, stored.V))
        np.testing.assert_array_equal(one.W, other.W)
        np.testing.assert_array_equal(one.H, other.H)


def test_a_model_keeps_the_size_of_stored_images(store, tmp_path):
    images = open_images(store(), images_in="rows")
    fit = imgnmf.factorize(images.V, 2, stop=imgnmf.RelativeDecrease(1.0))
    imgnmf.save(tmp_path / "m.imgnmf", fit, images)
    again, meta = imgnmf.load(tmp_path / "m.imgnmf")
    np.testing.assert_array_equal(again.W, fit.W)
    assert (meta.image_shape, meta.white, meta.names, meta.data_sha256) == ((5, 4), 255.0, (), None)


def test_which_array_of_several(tmp_path):
    h5py, store = pytest.importorskip("h5py"), pytest.importorskip("zarr")
    with h5py.File(tmp_path / "V.h5", "w") as file:
        file["a"], file["b"] = PIXELS, PIXELS[::-1]
    group = store.open_group(tmp_path / "V.zarr", mode="w")
    for key, pixels in (("a", PIXELS), ("b", PIXELS[::-1])):
        group.create_array(key, data=pixels)
    for path in (tmp_path / "V.h5", tmp_path / "V.zarr"):
        with pytest.raises(ParameterError, match=r"key=.*a: 2000 x 5 x 4"):
            open_images(path)
        images = open_images(path, key="b", images_in="rows")
        np.testing.assert_array_equal(images.V[:, :1].T, PIXELS[-1:].reshape(1, -1))


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(NoImagesError, match="no such file"):
        open_images(tmp_path / "gone.npy")
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(ParameterError, match="imgnmf pack"):
        open_images(tmp_path / "text.npy")
    with pytest.raises(NoImagesError, match="no readable images in"):
        open_images(tmp_path)
    with pytest.raises(IncompatibleError, match="size applies to a folder"):
        open_images(tmp_path / "text.npy", size=(3, 3))
    np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    with pytest.raises(ImageReadError, match="only pickle"):
        open_images(tmp_path / "objects.npy")


def opened_or_read(path):
    """What a user does: open, and fit."""
    images = open_images(path, images_in="rows")
    return images, lambda: imgnmf.factorize(images.V, 2, max_iter=1)


def test_a_file_that_ends_early_is_refused(store):
    path = store()
    if path.is_dir():
        os.remove(path / "c" / "6" / "0" / "0")
        with pytest.warns(DataWarning, match="1 of 7 chunks are not there"):
            open_images(path)
        return
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 500])
    with pytest.raises(ImageReadError, match=r"V\.(npy|h5).*ends early"):
        opened_or_read(path)[1]()


@pytest.mark.parametrize(("suffix", "write"), KINDS[1:], ids=["h5", "zarr"])
def test_a_corrupt_chunk_is_an_error_and_not_other_pixels(tmp_path, suffix, write):
    path = tmp_path / f"V{suffix}"
    write(path, PIXELS)
    images, fit = opened_or_read(path)
    damaged = path / "c" / "3" / "0" / "0" if path.is_dir() else path
    before, content = damaged.stat(), bytearray(damaged.read_bytes())
    content[bytes(content).find(PIXELS[1000].tobytes())] ^= 255
    damaged.write_bytes(content)
    os.utime(damaged, ns=(before.st_atime_ns, before.st_mtime_ns))  # nobody wrote to it: it rotted
    with pytest.raises(ImageReadError, match=r"images \d+ to \d+ cannot be read"):
        fit()
    images.V[:, :300]  # what is whole can be read


@pytest.mark.parametrize("change", ["touched", "shortened", "removed"])
def test_a_file_that_changes_between_two_passes_is_refused(store, change, monkeypatch):
    monkeypatch.setattr("imgnmf.core.columns.RUN_BYTES", 200 * 20)
    path = store()
    images = open_images(path, images_in="rows")

    def meddle(state):
        if state.iteration != 2:
            return
        victim = path / "c" / "0" / "0" / "0" if path.is_dir() else path
        if change == "touched":
            os.utime(victim, ns=(1, 1))
        elif change == "shortened":
            os.truncate(victim, victim.stat().st_size // 2)
        else:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    with pytest.raises(ImageReadError, match=r"V\.(npy|h5|zarr).*changed since it was opened"):
        imgnmf.factorize(images.V, 3, stop=imgnmf.RelativeDecrease(1e-9), max_iter=50, callback=meddle)


def test_a_folder_of_pictures_is_decoded_where_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("imgnmf.core.columns.RUN_BYTES", 7 * 20)
    for number in range(40):
        Image.fromarray(PIXELS[number]).save(tmp_path / f"p{number}.png")
    (tmp_path / "README").write_text("no picture")
    images = open_images(tmp_path)
    assert images.V.shape == (20, 40)
    np.testing.assert_array_equal(images[:].pixels, PIXELS[:40])
    np.testing.assert_array_equal(
        open_images(tmp_path, size=(3, 3))[5:9].pixels, load_images(tmp_path, size=(3, 3), on_error="skip")[5:9].pixels
    )
    rule = imgnmf.RelativeDecrease(0.5)
    one, other = (imgnmf.factorize(V, 3, stop=rule) for V in (images.V, imgnmf.ImageSet(PIXELS[:40]).V))
    np.testing.assert_array_equal(one.W, other.W)
    Image.fromarray(PIXELS[7]).save(tmp_path / "p7.png", compress_level=0)
    with pytest.raises(ImageReadError, match="changed since it was opened"):
        imgnmf.factorize(images.V, 3)
    Image.new("L", (9, 9)).save(tmp_path / "p7.png")
    with pytest.raises(DataError, match=r"found p7\.png of \(9, 9\)"):
        open_images(tmp_path).V[:, :9]
    (tmp_path / "p7.png").write_bytes(b"\x89PNG cut")
    with pytest.raises(ImageReadError, match=r"p7\.png"):
        open_images(tmp_path).V[:, :9]


def test_a_packed_store_that_lost_a_chunk_is_refused(tmp_path):
    from imgnmf.commands.pack import pack_images

    pytest.importorskip("zarr")
    np.save(tmp_path / "V.npy", np.zeros((2, 2000, 2000), np.uint8))
    pack_images(str(tmp_path / "V.npy"), str(tmp_path / "V.zarr"))
    os.remove(tmp_path / "V.zarr" / "c" / "1" / "0" / "0")
    with pytest.raises(ImageReadError, match="1 of its 2 chunks are missing"):
        open_images(tmp_path / "V.zarr")


def test_the_extra_is_named_where_it_is_missing():
    with pytest.raises(ParameterError, match=r"install imgnmf\[store\]"):
        needed("no_such_zarr", "store", "reading zarr")
