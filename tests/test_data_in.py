"""Containers and dtypes of numbers, in every function that takes V or images: right, or one clear error."""

from __future__ import annotations

import inspect
import types
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import imgnmf
from imgnmf.core.check import as_data
from imgnmf.core.measures import relative_error
from imgnmf.errors import DataError, ImgnmfError, ShapeMismatchError
from imgnmf.studies.floor import svd_errors

RNG = np.random.default_rng(0)
V = RNG.random((12, 20)) + 0.1
with warnings.catch_warnings():
    warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
    FIT = imgnmf.factorize(V, 2)
    LAYERS = imgnmf.factorize_layers(V, [3, 2], max_iter=2, tune=0)
    SEMI = imgnmf.family.semi(V, 2, max_iter=2)
    PROJECTIVE = imgnmf.factorize_projective(V, 2, max_iter=2)
PIXELS = np.ascontiguousarray(V.T.reshape(20, 3, 4))

TAKES_V = {
    "factorize": lambda V: imgnmf.factorize(V, 2, max_iter=2),
    "encode": FIT.encode,
    "factorize_ranks": lambda V: imgnmf.factorize_ranks(V, [2], max_iter=2),
    "choose_rank": lambda V: imgnmf.choose_rank(V, [1, 2], repeats=2, max_iter=2),
    "choose_rank, elbow": lambda V: imgnmf.choose_rank(V, [1, 2], method="elbow", max_iter=2),
    "generalisation": lambda V: imgnmf.generalisation(V, [1], repeats=1, max_iter=2),
    "factorize_layers": lambda V: imgnmf.factorize_layers(V, [3, 2], max_iter=2, tune=0),
    "factorize_layers, W": lambda V: imgnmf.factorize_layers(V, [3, 2], split="W", max_iter=2, tune=0),
    "layers.encode": LAYERS.encode,
    "Stream": lambda V: imgnmf.Stream(2).partial_fit(V),
    "factorize_projective": lambda V: imgnmf.factorize_projective(V, 2, max_iter=2),
    "projective.encode": PROJECTIVE.encode,
    "neighbour_graph": lambda V: imgnmf.neighbour_graph(V, 2),
    "svd_errors": lambda V: svd_errors(V, [1]),
    "semi": lambda V: imgnmf.family.semi(V, 2, max_iter=2),
    "convex": lambda V: imgnmf.family.convex(V, 2, max_iter=2),
    "separable": lambda V: imgnmf.family.separable(V, 2),
    "minimum_volume": lambda V: imgnmf.family.minimum_volume(V, 2, max_iter=2),
    "symmetric": lambda V: imgnmf.family.symmetric(square(V), 2, max_iter=2),
    "affinity": imgnmf.family.affinity,
    "family.encode": SEMI.encode,
}
TAKES_IMAGES = {
    "ImageSet": imgnmf.ImageSet,
    "load_images": imgnmf.load_images,
    "extract_patches": lambda pixels: imgnmf.extract_patches(pixels, (2, 2)),
    "extract_patches, a list": lambda pixels: imgnmf.extract_patches([pixels[0], pixels[1]], (2, 2)),
    "inpaint": lambda pixels: imgnmf.inpaint(pixels, rank=2, patch_size=(2, 2), max_iter=2),
    "inpaint, a list": lambda pixels: imgnmf.inpaint([pixels[0], pixels[1]], rank=2, patch_size=(2, 2), max_iter=2),
    "find_occlusions": lambda pixels: imgnmf.find_occlusions(pixels, 2, max_iter=2),
    "stack": lambda pixels: imgnmf.ImageSet(PIXELS).stack(pixels.reshape(20, 12).T),
}

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")


def square(V):
    return np.ma.masked_array(np.ma.getdata(V) @ np.ma.getdata(V).T, np.ma.getmaskarray(V)[:, :12])


def masked(array, *, junk=1e6):
    some = np.zeros(array.shape, bool)
    some.flat[::7] = True
    return np.ma.masked_array(np.where(some, junk, array), some)


@pytest.mark.parametrize("name", TAKES_V)
def test_a_mask_on_V_is_refused_and_never_dropped(name):
    with pytest.raises(DataError, match="missing='mask'"):
        TAKES_V[name](masked(V))


@pytest.mark.parametrize("name", TAKES_IMAGES)
def test_a_mask_on_images_is_refused_and_never_dropped(name):
    with pytest.raises(DataError, match="masked"):
        TAKES_IMAGES[name](masked(PIXELS))


@pytest.mark.parametrize("name", TAKES_V)
def test_a_masked_array_without_masked_values_is_an_array(name):
    TAKES_V[name](np.ma.masked_array(V))


def test_the_list_of_functions_that_take_V_leaves_none_out():
    called = {name.partition(",")[0] for name in TAKES_V}
    for module in (imgnmf, imgnmf.family):
        for name in module.__all__:
            function = getattr(module, name)
            names = list(inspect.signature(function).parameters) if isinstance(function, types.FunctionType) else []
            assert names[:1] not in (["V"], ["A"]) or name in called


@pytest.mark.parametrize("junk", [1e6, np.nan, np.inf, 1e300, -3.0])
def test_missing_mask_gives_masked_values_the_weight_zero(junk):
    given = masked(V, junk=junk)
    hidden = np.where(given.mask, np.nan, V)
    for fitted, same in (
        (
            imgnmf.factorize(given, 3, missing="mask", max_iter=9),
            imgnmf.factorize(hidden, 3, missing="mask", max_iter=9),
        ),
    ):
        np.testing.assert_array_equal(fitted.W, same.W)
        np.testing.assert_array_equal(fitted.H, same.H)
    codes = FIT.encode(given, missing="mask")
    np.testing.assert_array_equal(codes, FIT.encode(hidden, missing="mask"))
    np.testing.assert_allclose(codes, FIT.encode(V, weights=~given.mask), rtol=1e-9)


def test_a_mask_on_bytes_counts_too_and_the_array_stays_as_it_was():
    pixels = (V * 200).astype(np.uint8)
    given = masked(pixels, junk=255)
    before = given.data.copy()
    fit = imgnmf.factorize(given, 3, missing="mask", max_iter=9)
    same = imgnmf.factorize(np.where(given.mask, np.nan, pixels).astype(np.float32), 3, missing="mask", max_iter=9)
    np.testing.assert_array_equal(fit.W, same.W)
    np.testing.assert_array_equal(given.data, before)


@pytest.mark.parametrize(
    "give",
    [
        lambda M: imgnmf.factorize(V, 2, weights=M),
        lambda M: FIT.encode(V, weights=M),
        lambda M: imgnmf.factorize(V, 2, fixed_W=M[:, :1]),
        lambda M: imgnmf.factorize(V, 2, init=imgnmf.GivenFactors(M[:, :2])),
        lambda M: imgnmf.inpaint(PIXELS, M, rank=2),
        lambda M: imgnmf.factorize(V, 2, penalty_W=imgnmf.L2(1), penalty_H=imgnmf.Neighbours(1.0, M[:12, :12])),
    ],
)
def test_a_mask_on_any_other_array_is_refused(give):
    with pytest.raises(DataError, match="masked"):
        give(masked(V))


def test_the_estimator_takes_a_mask_as_missing_or_refuses_it():
    from imgnmf.estimator import NMF

    given = masked(V.T)
    with pytest.raises(DataError, match="missing='mask'"):
        NMF(2).fit(given)
    fitted = NMF(2, missing="mask", random_state=0, init="random").fit_transform(given)
    hidden = np.where(given.mask, np.nan, V.T)
    np.testing.assert_array_equal(fitted, NMF(2, missing="mask", random_state=0, init="random").fit_transform(hidden))


class Blocks:
    """Columns on demand that come as masked arrays, as netCDF has them."""

    shape, dtype = V.shape, V.dtype

    def __getitem__(self, index):
        return masked(V)[index]


def test_masked_blocks_of_a_store_are_refused():
    with pytest.raises(DataError, match="masked"):
        imgnmf.factorize(Blocks(), 2)
    array = pytest.importorskip("dask.array")
    with pytest.raises(DataError, match="masked"):
        imgnmf.factorize(array.ma.masked_greater(array.from_array(V, chunks=(12, 5)), 0.9), 2)


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">u2", ">i4", np.longdouble, "<f8"])
def test_byte_order_and_long_double_change_no_bit(dtype):
    whole = np.rint(V * 50).astype(dtype)
    native = whole.astype(np.float64 if whole.dtype.itemsize > 8 else whole.dtype.newbyteorder("="))
    fit, same = imgnmf.factorize(whole, 3, max_iter=9), imgnmf.factorize(native, 3, max_iter=9)
    assert fit.W.dtype == same.W.dtype
    assert fit.W.dtype == (np.float64 if native.dtype == np.float64 else np.float32)
    np.testing.assert_array_equal(fit.W, same.W)
    np.testing.assert_array_equal(FIT.encode(whole), FIT.encode(native))


@pytest.mark.parametrize("dtype", [">f8", np.longdouble])
@pytest.mark.parametrize(
    "give",
    [
        lambda A: imgnmf.factorize(V, 2, weights=A, max_iter=5).W,
        lambda A: imgnmf.factorize(V, 2, fixed_W=A[:, :1], max_iter=5).W,
        lambda A: imgnmf.factorize(V, 2, init=imgnmf.GivenFactors(A[:, :2], A[:2, :20]), max_iter=5).W,
        lambda A: imgnmf.factorize(sp.csc_array(A.astype(A.dtype.newbyteorder("="))), 2, max_iter=5).W,
        lambda A: imgnmf.family.semi(A, 2, max_iter=5).W,
        lambda A: imgnmf.factorize_projective(A, 2, max_iter=5).W,
        lambda A: imgnmf.Stream(2).partial_fit(A).fit.W,
        lambda A: imgnmf.factorize(Source(A), 2, max_iter=5).W,
        lambda A: imgnmf.ImageSet(A.T.reshape(20, 3, 4)).V,
    ],
)
def test_byte_order_and_long_double_are_float64_everywhere(give, dtype):
    found, right = give(V.astype(dtype)), give(V)
    assert found.dtype == right.dtype == np.float64
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, right)


def test_the_estimator_works_with_swapped_bytes_and_long_double_in_float64():
    from imgnmf.estimator import NMF

    right = NMF(2, random_state=0).fit_transform(V.T)
    for dtype in (">f8", np.longdouble):
        found = NMF(2, random_state=0).fit_transform(V.T.astype(dtype))
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, right)


class Source:
    """Columns on demand."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, index):
        return self.array[index]


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(float).max, reason="long double is float64 here")
@pytest.mark.parametrize("power", [400, -400])
def test_long_double_that_float64_cannot_hold_is_refused(power):
    wide = V.astype(np.longdouble) * np.longdouble(10) ** power
    for give in (wide, Source(wide)):
        with pytest.raises(DataError, match="float64 cannot"):
            imgnmf.factorize(give, 2)
    with pytest.raises(DataError, match="float64 cannot"):
        FIT.encode(wide)


def broken(kind):
    S = sp.csc_array(np.where(V > 0.5, V, 0))
    indices, indptr = S.indices.copy(), S.indptr.copy()
    if kind == "far":
        indices[0] = 10**6
    elif kind == "near":
        indices[0] = 12
    elif kind == "negative":
        indices[0] = -1
    else:
        indptr[3] = indptr[4] + 1
    made = sp.csc_array((S.data, S.indices, S.indptr), shape=S.shape)
    made.indices, made.indptr = indices, indptr
    return made


@pytest.mark.parametrize("kind", ["far", "near", "negative", "pointers"])
@pytest.mark.parametrize("name", ["factorize", "stored", "encode", "factorize_ranks", "projective", "graph"])
def test_a_sparse_matrix_that_contradicts_itself_is_refused(name, kind):
    S = broken(kind)
    give = {
        "factorize": lambda: imgnmf.factorize(S, 3),
        "stored": lambda: imgnmf.factorize(S, 3, weights="stored"),
        "encode": lambda: FIT.encode(S),
        "factorize_ranks": lambda: imgnmf.factorize_ranks(S, [2]),
        "projective": lambda: imgnmf.factorize_projective(S, 2),
        "graph": lambda: imgnmf.neighbour_graph(S, 2),
    }
    with pytest.raises(DataError, match="contradicts itself"):
        give[name]()


def test_the_other_sparse_formats_are_checked_too_and_stay_as_they_were():
    far = sp.coo_array(V)
    far.coords[0][0] = 99
    rows = sp.csr_array(V)
    rows.indices[0] = 99
    lists = sp.lil_array(V)
    lists.rows[0][0] = 99
    bands = sp.bsr_array(V, blocksize=(3, 4))
    bands.indices[0] = 99
    for S in (far, rows, lists, bands):
        with pytest.raises(DataError, match="contradicts itself"):
            imgnmf.factorize(S, 2)
    # A longer buffer than there are entries is allowed, and is not cut on the caller's side.
    long = sp.csc_array(V)
    long.data, long.indices = np.append(long.data, 7.0), np.append(long.indices, 3).astype(long.indices.dtype)
    np.testing.assert_array_equal(imgnmf.factorize(long, 2).W, imgnmf.factorize(sp.csc_array(V), 2).W)
    assert len(long.data) == V.size + 1


def test_a_graph_of_neighbours_is_checked_in_full():
    graph = sp.csr_array(np.eye(20)[::-1])
    graph.indices[0] = 77
    with pytest.raises(DataError, match="the graph is a sparse matrix that contradicts itself"):
        imgnmf.Neighbours(1.0, graph)


def test_what_cannot_be_read_as_an_array_is_one_clear_error(tmp_path):
    for ragged in ([[1.0, 2.0], [3.0]], [np.ones(3), np.ones(2)]):
        with pytest.raises(DataError, match="give all rows one length"):
            imgnmf.factorize(ragged, 1)
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("V", data=V)
    with pytest.raises(DataError, match="open the file again"):
        imgnmf.factorize(dataset, 2)
    with pytest.raises(DataError, match="open the file again"):
        FIT.encode(dataset)
    array = pytest.importorskip("dask.array")
    unknown = array.from_array(V, chunks=(12, 5))
    unknown = unknown[:, (unknown[0] > 0)]
    with pytest.raises(ShapeMismatchError, match="compute_chunk_sizes"):
        imgnmf.factorize(unknown, 2)


@pytest.mark.parametrize("V_bad", [V.astype(complex), np.array([["a"]]), [[None]], V.astype(object), 5, None, "V.npy"])
def test_what_is_no_matrix_of_real_numbers_is_refused(V_bad):
    with pytest.raises(ImgnmfError):
        imgnmf.factorize(V_bad, 1)


def test_a_plain_matrix_is_not_copied():
    for plain in (V, np.asfortranarray(V), (V * 99).astype(np.uint8)):
        assert as_data(plain) is plain
    assert relative_error(V, V) == 0


@pytest.mark.parametrize("channels", [3, 4])
def test_one_color_photo_is_no_stack_of_images(channels):
    photo = RNG.integers(0, 255, (32, 48, channels), dtype=np.uint8)
    with pytest.raises(ShapeMismatchError, match=r"one color photo\? pass image\[None\]"):
        imgnmf.ImageSet(photo)
    assert imgnmf.ImageSet(photo[None]).image_shape == (32, 48, channels)
    # Images as narrow as that come with names, or with an axis for channels.
    assert len(imgnmf.ImageSet(photo, names=[str(i) for i in range(32)])) == 32
    assert len(imgnmf.ImageSet(photo[..., None])) == 32
    assert len(imgnmf.ImageSet(photo[:8, :9])) == 8
    assert imgnmf.extract_patches(imgnmf.ImageSet(photo[None]), (20, channels)).image_shape[:2] == (20, channels)


@pytest.mark.parametrize("shape", [(32, 48), (32, 48, 3), (6, 5)])
def test_patches_of_one_picture_are_those_of_a_set_of_one(shape):
    photo = RNG.integers(0, 255, shape, dtype=np.uint8)
    one, stack = imgnmf.extract_patches(photo, (4, 4)), imgnmf.extract_patches(photo[None], (4, 4))
    np.testing.assert_array_equal(one.pixels, stack.pixels)
    assert one.names == stack.names
    np.testing.assert_array_equal(one.assemble(one.V).pixels[0], photo)
