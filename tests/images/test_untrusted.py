"""Files from strangers: nothing in a store is run, and no store reads another file."""

import json
import os
import pickle

import numpy as np
import pytest

import imgnmf
from imgnmf.cluster.sources import FileRows, _header
from imgnmf.errors import ImageReadError
from imgnmf.images import load_images, open_images

SECRET = bytes(range(200)) * 2
PIXELS = np.random.default_rng(0).integers(0, 255, (4, 10, 10), dtype=np.uint8)


class _Runs:
    def __reduce__(self):
        return os.system, ("touch PWNED",)


@pytest.fixture(autouse=True)
def nothing_is_unpickled(monkeypatch, tmp_path):
    def refuse(*_args, **_kwargs):
        pytest.fail("something was unpickled")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pickle, "loads", refuse)
    yield
    assert not os.path.exists("PWNED")


V2 = {"zarr_format": 2, "shape": [6, 8, 8], "chunks": [6, 8, 8], "dtype": "<f8", "fill_value": 0.0, "order": "C"}
CRAFTED_V2 = {
    "compressor": {"compressor": {"id": "pickle"}, "filters": None},
    "filter": {"compressor": None, "filters": [{"id": "delta", "dtype": "<f8"}, {"id": "pickle"}]},
    "unknown": {"compressor": {"id": "my_own"}, "filters": None},
    "json": {"compressor": None, "filters": [{"id": "json2"}]},
}


def write_v2(folder, codecs):
    os.makedirs(folder)
    for name, content in ((".zattrs", {}), (".zarray", {**V2, **codecs})):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            json.dump(content, file)
    with open(f"{folder}/0.0.0", "wb") as file:
        file.write(pickle.dumps(_Runs()))


def write_v3(folder, codecs):
    about = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [6, 8, 8],
        "data_type": "float64",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [6, 8, 8]}},
        "chunk_key_encoding": {"name": "default"},
        "fill_value": 0.0,
        "codecs": codecs,
        "attributes": {"codecs": ["anything may stand here"]},
    }
    os.makedirs(folder)
    with open(f"{folder}/zarr.json", "w", encoding="utf-8") as file:
        json.dump(about, file)


def refused(path, match):
    """By both readers, and by a worker of a cluster."""
    for read in (open_images, lambda p: imgnmf.factorize(open_images(p).V, 2), lambda p: _header(str(p))):
        with pytest.raises(ImageReadError, match=match):
            read(path)


@pytest.mark.parametrize("kind", CRAFTED_V2)
def test_a_zarr_store_that_is_unpacked_by_anything_but_the_known_codecs_is_not_read(kind):
    pytest.importorskip("zarr")
    write_v2("evil.zarr", CRAFTED_V2[kind])
    refused("evil.zarr", "evil.zarr: it is packed by '(pickle|my_own|json2)', .* others could run code")
    with pytest.raises(ImageReadError, match="packed by"):
        FileRows((("evil.zarr", 0, 6),)).load()


def test_a_codec_inside_of_shards_is_seen():
    pytest.importorskip("zarr")
    index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
    inner = {"chunk_shape": [1, 8, 8], "codecs": ["bytes", {"name": "numcodecs.pickle"}], "index_codecs": index}
    write_v3("shards.zarr", [{"name": "sharding_indexed", "configuration": inner}])
    refused("shards.zarr", "packed by 'pickle'")
    write_v3("index.zarr", [{"name": "sharding_indexed", "configuration": {**inner, "index_codecs": ["mine"]}}])
    refused("index.zarr", "packed by 'mine', 'pickle'")


def test_nested_groups_and_consolidated_metadata_are_looked_at():
    pytest.importorskip("zarr")
    for metadata in ("{}", json.dumps({"metadata": {"a/.zarray": {**V2, "compressor": {"id": "pickle"}}}})):
        name = f"group{len(metadata)}.zarr"
        os.makedirs(name)
        for file, content in ((".zgroup", '{"zarr_format": 2}'), (".zmetadata", metadata)):
            with open(f"{name}/{file}", "w", encoding="utf-8") as opened:
                opened.write(content)
        write_v2(f"{name}/a/b/evil", CRAFTED_V2["compressor"] if metadata == "{}" else {"compressor": None})
        with pytest.raises(ImageReadError, match="packed by 'pickle'"):
            open_images(name)


def test_a_link_in_a_zarr_store_is_refused(tmp_path):
    zarr = pytest.importorskip("zarr")
    (tmp_path / "secret").write_bytes(SECRET)
    zarr.create_array("V.zarr", data=PIXELS, chunks=PIXELS.shape, compressors=None)
    os.replace("V.zarr", "real.zarr")
    os.symlink("real.zarr", "V.zarr")
    np.testing.assert_array_equal(open_images("V.zarr")[:].pixels, PIXELS)  # a link to a store is the user's own
    chunk = next((tmp_path / "real.zarr" / "c").rglob("0"))
    while chunk.is_dir():
        chunk = chunk / "0"
    chunk.unlink()
    chunk.symlink_to(tmp_path / "secret")
    refused("V.zarr", "c/0/0/0 is a link, through which a store could read any file")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_usual_codecs_of_zarr_are_read(zarr_format):
    zarr = pytest.importorskip("zarr")
    stored = PIXELS.astype(np.float32)
    options = {} if zarr_format == 2 else {"shards": (4, 10, 10)}
    zarr.create_array("V.zarr", data=stored, chunks=(2, 10, 10), zarr_format=zarr_format, **options)
    np.testing.assert_array_equal(open_images("V.zarr")[:].pixels, stored)
    np.testing.assert_array_equal(FileRows((("V.zarr", 1, 3),)).load().T, stored[1:3].reshape(2, -1))


def test_a_group_is_no_array_for_a_worker():
    zarr = pytest.importorskip("zarr")
    zarr.create_group("G.zarr")
    with pytest.raises(ImageReadError, match="expected one array, found a group"):
        _header("G.zarr")


def external(h5py, file):
    file.create_dataset("images", PIXELS.shape, "u1", external=[("secret", 0, PIXELS.size)])


def virtual(h5py, file):
    with h5py.File("other.h5", "w") as other:
        other["x"] = PIXELS
    layout = h5py.VirtualLayout(PIXELS.shape, "u1")
    layout[:] = h5py.VirtualSource("other.h5", "x", PIXELS.shape)
    file.create_virtual_dataset("images", layout)


def nested(h5py, file):
    external(h5py, file.create_group("a/b"))


@pytest.mark.parametrize("userblock", [0, 512], ids=["HDF5", "MATLAB v7.3"])
@pytest.mark.parametrize("lies_elsewhere", [external, virtual, nested])
def test_an_hdf5_dataset_whose_values_lie_in_another_file_is_refused(tmp_path, lies_elsewhere, userblock):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(SECRET)
    path = tmp_path / ("x.mat" if userblock else "x.h5")
    with h5py.File(path, "w", userblock_size=userblock) as file:
        lies_elsewhere(h5py, file)
    if userblock:
        with path.open("r+b") as opened:
            opened.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")
    for read in (load_images, open_images)[: 1 if userblock else 2]:
        with pytest.raises(ImageReadError, match=f"{path.name}: the dataset (a/b/)?images (is virtual|has external)"):
            read(path, image_shape=(10, 10))


def link_to_names(h5py, file):
    file["imgnmf_names"] = h5py.ExternalLink("other.h5", "names")


def external_names(h5py, file):
    file.create_dataset("imgnmf_names", (4,), "S50", external=[("secret", 0, 200)])


@pytest.mark.parametrize("elsewhere", [link_to_names, external_names])
def test_names_are_not_read_from_another_hdf5_file(tmp_path, elsewhere):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(SECRET)
    with h5py.File("other.h5", "w") as other:
        other["names"] = [b"a", b"b", b"c", b"d"]
    with h5py.File("x.h5", "w") as file:
        file["images"] = PIXELS
        file["images"].attrs["imgnmf_image_shape"] = (10, 10)
        elsewhere(h5py, file)
    for read in (load_images, open_images):
        with pytest.raises(ImageReadError, match=r"x\.h5: .*imgnmf_names"):
            read("x.h5")


def test_external_links_between_hdf5_files_are_not_followed():
    h5py = pytest.importorskip("h5py")
    with h5py.File("other.h5", "w") as other:
        other["x"] = PIXELS + 1
    with h5py.File("x.h5", "w") as file:
        file["images"] = PIXELS
        file["more"] = h5py.ExternalLink("other.h5", "x")
    np.testing.assert_array_equal(load_images("x.h5", image_shape=(10, 10)).pixels, PIXELS)
