"""Arrays and files of arrays: the right images, the right way up, or a question; never a guess."""

import gzip
import pickle
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from imgnmf.errors import DataError, ImageReadError, IncompatibleError, ParameterError, ShapeMismatchError
from imgnmf.images import load_images

MAT = Path(__file__).parents[2] / "../shared/data/mat"
RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 256, (6, 4, 5), dtype=np.uint8)
COLOR = RNG.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
ROWS_F = STACK.transpose(0, 2, 1).reshape(6, 20)

needs_data = pytest.mark.skipif(not MAT.is_dir(), reason=f"the shared files are not at {MAT}")


def h5py():
    return pytest.importorskip("h5py", reason="HDF5 needs the extra 'store'")


def idx(array, code=8):
    big_endian = array.astype(array.dtype.newbyteorder(">"))
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + big_endian.tobytes()


def test_an_array_of_images_is_taken_as_it_is():
    images = load_images(STACK)
    assert np.shares_memory(images.pixels, STACK)
    np.testing.assert_array_equal(load_images(COLOR, color="rgb").pixels, COLOR)
    assert load_images(COLOR).pixels.shape == (6, 4, 5)
    assert "6 images: 8-bit colour to grey" in str(load_images(COLOR).report)
    np.testing.assert_array_equal(load_images(STACK[..., None]).pixels, STACK)
    assert load_images(STACK, size=(2, 3)).pixels.shape == (6, 2, 3)


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (STACK.reshape(6, 20), {}),
        (STACK.reshape(6, 20).T, {}),
        (ROWS_F, {"order": "F"}),
        (ROWS_F.T, {"order": "F"}),
        (np.moveaxis(STACK, 0, -1), {}),
        (255 - STACK, {"invert": True}),
        (255 - ROWS_F, {"invert": True, "order": "F"}),
        (STACK.astype(">u2"), {}),
    ],
)
def test_rows_columns_orders_and_negatives_come_to_the_same_images(array, options):
    kept = array.copy()
    images = load_images(array, image_shape=(4, 5), **options)
    np.testing.assert_array_equal(images.pixels, STACK)
    assert images.pixels.flags.c_contiguous
    assert images.pixels.dtype.isnative
    np.testing.assert_array_equal(array, kept)


def test_flattened_colour():
    flat = COLOR.reshape(6, -1)
    np.testing.assert_array_equal(load_images(flat, image_shape=(4, 5, 3), color="rgb").pixels, COLOR)
    columnwise = COLOR.transpose(0, 3, 2, 1).reshape(6, -1)
    images = load_images(columnwise, image_shape=(4, 5, 3), order="F", color="rgb")
    np.testing.assert_array_equal(images.pixels, COLOR)


def test_what_can_be_read_in_two_ways_is_a_question():
    square = np.arange(400.0).reshape(20, 20)
    with pytest.raises(ShapeMismatchError, match=r'may lie in the rows or the columns .* pass images_in="rows"'):
        load_images(square, image_shape=(4, 5))
    rows = load_images(square, image_shape=(4, 5), images_in="rows").V
    np.testing.assert_array_equal(rows, square.T)
    columns = load_images(square, image_shape=(4, 5), images_in="columns").V
    np.testing.assert_array_equal(columns, square)
    assert load_images(square, image_shape=(20, 20)).pixels.shape == (1, 20, 20)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeMismatchError, match=r"6 x 20 of uint8 does not say how large .* image_shape=\(height"):
        load_images(STACK.reshape(6, 20))
    with pytest.raises(ShapeMismatchError, match=r"expected an array of images of 3 x 5 = 15 pixels.* got 6 x 20"):
        load_images(STACK.reshape(6, 20), image_shape=(3, 5))
    with pytest.raises(ShapeMismatchError, match="found 6 channels"):
        load_images(np.zeros((2, 4, 5, 6)))
    with pytest.raises(IncompatibleError, match='order="F" is for flattened images'):
        load_images(STACK, image_shape=(4, 5), order="F")
    with pytest.raises(DataError, match=r"floats in 0\.\.1, found 0\.\.39"):
        load_images(np.linspace(0, 39, 20).reshape(1, 4, 5), invert=True)
    for options in ({"order": "K"}, {"images_in": "planes"}, {"image_shape": 20}, {"image_shape": (4, 0)}):
        with pytest.raises(ParameterError, match=f"{next(iter(options))}"):
            load_images(STACK, **options)


def test_npy_and_npz(tmp_path):
    np.save(tmp_path / "a.npy", STACK)
    np.savez_compressed(tmp_path / "a.npz", faces=STACK, other=STACK[:2], person=np.arange(6), name=np.array(["x"]))
    np.testing.assert_array_equal(load_images(tmp_path / "a.npy").pixels, STACK)
    (tmp_path / "a.npy.gz").write_bytes(gzip.compress((tmp_path / "a.npy").read_bytes()))
    np.testing.assert_array_equal(load_images(tmp_path / "a.npy.gz").pixels, STACK)
    with pytest.raises(ParameterError, match=r"key= .* several .* faces: 6 x 4 x 5 of uint8, other: 2 x 4 x 5"):
        load_images(tmp_path / "a.npz")
    images = load_images(tmp_path / "a.npz", key="faces", labels="person")
    np.testing.assert_array_equal(images.pixels, STACK)
    assert images.labels.tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ParameterError, match="no array of key='face'; there are faces: 6 x 4 x 5"):
        load_images(tmp_path / "a.npz", key="face")
    with pytest.raises(ShapeMismatchError, match="one label for each of 2 images, got person: 6 of int64"):
        load_images(tmp_path / "a.npz", key="other", labels="person")


def test_nothing_is_unpickled(tmp_path):
    class Boom:
        def __reduce__(self):
            return sys.exit, (3,)

    np.save(tmp_path / "a.npy", np.array([Boom()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", a=np.array([[Boom(), Boom()]] * 2, dtype=object), b=STACK)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(STACK))
    with pytest.raises(ImageReadError, match=r"a\.npy: it holds Python objects, which only pickle could read"):
        load_images(tmp_path / "a.npy")
    np.testing.assert_array_equal(load_images(tmp_path / "a.npz").pixels, STACK)
    with pytest.raises(ImageReadError, match=r"a\.npz: it holds Python objects"):
        load_images(tmp_path / "a.npz", key="a", image_shape=(2, 2))
    with pytest.raises(ImageReadError, match="not an image"):
        load_images(tmp_path / "a.pkl")


@pytest.mark.parametrize(("dtype", "code"), [("u1", 8), ("i1", 9), ("i2", 11), ("i4", 12), ("f4", 13), ("f8", 14)])
def test_idx_of_every_type(tmp_path, dtype, code):
    array = RNG.integers(0, 100, (3, 4, 5)).astype(dtype)
    (tmp_path / "images").write_bytes(idx(array, code))
    (tmp_path / "images.gz").write_bytes(gzip.compress(idx(array, code)))
    for name in ("images", "images.gz"):
        images = load_images(tmp_path / name)
        assert images.pixels.dtype == array.dtype
        np.testing.assert_array_equal(images.pixels, array)


@pytest.mark.parametrize("damage", [lambda good: good[:-1], lambda good: good + b"x"])
def test_idx_of_another_length_is_refused(tmp_path, damage):
    (tmp_path / "a").write_bytes(damage(idx(STACK)))
    with pytest.raises(ImageReadError, match="its header says 6 x 4 x 5, it holds more or less"):
        load_images(tmp_path / "a")


def test_a_column_of_labels_is_no_set_of_images(tmp_path):
    (tmp_path / "labels").write_bytes(idx(np.arange(9, dtype=np.uint8)))
    with pytest.raises(DataError, match="real numbers along two axes or more, and the only array is 9 of uint8"):
        load_images(tmp_path / "labels")


@pytest.mark.parametrize("compressed", [False, True])
def test_matlab_v5(tmp_path, compressed):
    content = {"fea": ROWS_F, "gnd": np.arange(6)[:, None], "note": "words", "cell": np.array([1, "a"], object)}
    savemat(tmp_path / "a.mat", content, do_compression=compressed)
    images = load_images(tmp_path / "a.mat", image_shape=(4, 5), order="F", labels="gnd")
    np.testing.assert_array_equal(images.pixels, STACK)
    assert images.labels.tolist() == list(range(6))
    assert "6 images: rows of fea (6 x 20), pixels column by column" in str(images.report)
    savemat(tmp_path / "b.mat", {"faces": np.moveaxis(STACK, 0, -1), "sparse": csc_matrix(ROWS_F.astype(float))})
    np.testing.assert_array_equal(load_images(tmp_path / "b.mat", key="faces", images_in="columns").pixels, STACK)
    sparse = load_images(tmp_path / "b.mat", key="sparse", image_shape=(4, 5), order="F")
    np.testing.assert_array_equal(sparse.pixels, STACK)
    with pytest.raises(ShapeMismatchError, match=r"faces: 4 x 5 x 6 of uint8 does not say how large"):
        load_images(tmp_path / "b.mat", key="faces")


def test_the_cbcl_trap(tmp_path):
    """The .mat files of CBCL in circulation are negatives, column-major: (256 - grey) / 256."""
    grey = RNG.integers(1, 256, (30, 19, 19))
    flattened = ((256 - grey) / 256).transpose(0, 2, 1).reshape(30, 361)
    savemat(tmp_path / "CBCL.mat", {"V": flattened.T})
    images = load_images(tmp_path / "CBCL.mat", image_shape=(19, 19), order="F", invert=True)
    np.testing.assert_allclose(images.pixels * 256, grey, rtol=1e-12)


def test_hdf5(tmp_path):
    with h5py().File(tmp_path / "a.h5", "w") as file:
        file["group/faces"] = STACK
        file["group/person"] = np.arange(6)
        file["words"] = "text"
    images = load_images(tmp_path / "a.h5", key="/group/faces", images_in="rows", labels="group/person")
    np.testing.assert_array_equal(images.pixels, STACK)
    np.testing.assert_array_equal(load_images(tmp_path / "a.h5", image_shape=(4, 5)).pixels, STACK)
    with pytest.raises(ShapeMismatchError, match=r"group/faces: 6 x 4 x 5 .* pass image_shape=.*or images_in="):
        load_images(tmp_path / "a.h5")


def test_hdf5_without_h5py_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ParameterError, match=r"needs h5py, which is missing: install imgnmf\[store\]"):
        load_images(tmp_path / "a.h5")


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.mat", "a.h5", "a.idx"])
def test_a_damaged_file_of_arrays_names_itself(tmp_path, name):
    path = tmp_path / name
    if name == "a.h5":
        with h5py().File(path, "w") as file:
            file["a"] = STACK
    else:
        write = {
            "a.npy": lambda: np.save(path, STACK),
            "a.npz": lambda: np.savez(path, a=STACK),
            "a.mat": lambda: savemat(path, {"a": STACK}),
            "a.idx": lambda: path.write_bytes(idx(STACK)),
        }
        write[name]()
    good = path.read_bytes()
    for length in range(len(good) // 8, len(good), len(good) // 8):
        path.write_bytes(good[:length])
        with pytest.raises((ImageReadError, ParameterError), match=rf"{name}|no arrays of numbers at all"):
            load_images(path, image_shape=(4, 5))


def test_a_claim_of_many_bytes_is_refused_from_the_header(tmp_path):
    (tmp_path / "a.idx").write_bytes(struct.pack(">HBB3I", 0, 8, 3, 10**6, 10**3, 10**3))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000, 1000), }".ljust(117) + b"\n"
        archive.writestr("a.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(10**6))
    for name in ("a.idx", "a.npz"):
        with pytest.raises(ImageReadError, match="takes 1000000000000 bytes, more than max_bytes = 4294967296"):
            load_images(tmp_path / name)
    np.save(tmp_path / "a.npy", STACK)
    with pytest.raises(ImageReadError, match="6 x 4 x 5 of uint8 takes 120 bytes, more than max_bytes = 119"):
        load_images(tmp_path / "a.npy", max_bytes=119)


@pytest.mark.parametrize(
    "options", [{"key": "a"}, {"labels": "a"}, {"image_shape": (2, 2)}, {"order": "F"}, {"images_in": "rows"}]
)
def test_an_option_of_arrays_is_refused_for_pictures(tmp_path, options):
    (tmp_path / "1.pgm").write_bytes(b"P5 2 2 255\n1234")
    with pytest.raises(IncompatibleError, match=f"{next(iter(options))} applies to an array or a file of arrays"):
        load_images(tmp_path, **options)
    assert load_images(tmp_path, invert=True).V.ravel().tolist() == [255 - ord(digit) for digit in "1234"]


@needs_data
def test_orl_from_matlab_is_upright_and_the_same_in_both_versions():
    v5 = load_images(MAT / "ORL_32x32_v5.mat", image_shape=(32, 32), order="F", labels="Y")
    assert (v5.pixels.shape, v5.pixels.dtype) == ((400, 32, 32), np.uint8)
    assert v5.labels.tolist() == np.repeat(np.arange(1, 41), 10).tolist()
    # A face is its own mirror image, left to right, if it stands upright.
    mean = v5.pixels.mean(axis=0)
    assert np.abs(mean - mean[:, ::-1]).mean() < 0.3 * np.abs(mean - mean[::-1]).mean()
    assert mean[18:22, 12:20].mean() < mean[:6, 12:20].mean(), "mouth and nose are below the forehead"
    h5py()
    v73 = load_images(MAT / "ORL_32x32_v73.mat", key="fea", image_shape=(32, 32), order="F", labels="gnd")
    np.testing.assert_allclose(np.linalg.norm(v73.V, axis=0), 1)
    scaled = v5.V / np.linalg.norm(v5.V.astype(float), axis=0)
    np.testing.assert_allclose(v73.V, scaled, atol=1e-12)
    assert v73.labels.tolist() == v5.labels.tolist()


@needs_data
def test_swimmer_from_its_files_is_what_we_draw():
    from imgnmf.images.synthetic import swimmer

    small = load_images(MAT / "Swimmer_20x11.mat", image_shape=(20, 11), order="F")
    as_rows = {tuple(column) for column in small.V.T.tolist()}
    assert as_rows == {tuple(column) for column in (swimmer("20x11")[0].V.T // 255).tolist()}
    h5py()
    large = load_images(MAT / "Swimmer_32x32.h5", image_shape=(32, 32))
    assert large.pixels.shape == (256, 32, 32)
    assert sorted(map(bytes, (large.V.T > 1))) == sorted(map(bytes, swimmer()[0].V.T > 0))
    with pytest.raises(ShapeMismatchError, match="does not say how large an image is"):
        load_images(MAT / "Swimmer_32x32.h5")


@needs_data
def test_samson_is_a_band_an_image():
    with pytest.raises(ParameterError, match=r"GT: 3 x 156 .*Y: 156 x 9025 of float64"):
        load_images(MAT / "Samson.mat")
    bands = load_images(MAT / "Samson.mat", key="Y", image_shape=(95, 95), order="F")
    assert bands.pixels.shape == (156, 95, 95)
    abundances = load_images(MAT / "Samson.mat", key="S_GT", image_shape=(95, 95))
    assert abundances.pixels.shape == (3, 95, 95)
    # The water is where the near infrared is dark: both arrays lie the same way round.
    infrared = bands.pixels[-1].ravel()
    correlations = [np.corrcoef(infrared, abundance.ravel())[0, 1] for abundance in abundances.pixels]
    assert min(correlations) < -0.7
