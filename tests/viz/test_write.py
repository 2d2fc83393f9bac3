from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgnmf.viz
from imgnmf.errors import DataError, OutputError, ParameterError, ShapeMismatchError
from imgnmf.images import ImageSet
from imgnmf.viz.write import save_figure, save_image
from tests.viz.figure_samples import SAMPLES


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_the_same_figure_gives_the_same_bytes_and_no_trace_of_when_or_where(kind, tmp_path):
    first, second = tmp_path / f"1.{kind}", tmp_path / f"2.{kind.upper()}"
    for target in (first, second):
        save_figure(target, SAMPLES["rank_curve"]())
    assert first.read_bytes() == second.read_bytes()
    assert not re.search(rb"Matplotlib|matplotlib\.org|CreationDate|20\d\d-\d\d-\d\d", first.read_bytes())


@pytest.mark.parametrize("name", ["figure.jpg", "figure", "figure.png.exe"])
def test_an_unknown_ending_is_refused(name, tmp_path):
    with pytest.raises(ParameterError, match=r"\.png, \.pdf or \.svg"):
        save_figure(tmp_path / name, SAMPLES["rank_curve"]())


def test_a_folder_that_is_missing_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="create the folder first"):
        save_image(tmp_path / "missing" / "image.png", np.zeros((2, 2)))


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 1), (3, 5, 3), (3, 5, 4)])
def test_bytes_come_back_as_they_were(shape, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    save_image(tmp_path / "image.png", image)
    with Image.open(tmp_path / "image.png") as back:
        np.testing.assert_array_equal(np.asarray(back), image.squeeze())


def test_floats_are_rounded_to_the_nearest_level_and_clipped(tmp_path):
    save_image(tmp_path / "image.png", np.array([[-1, 0, 0.5, 1, 9]]), white=1)
    with Image.open(tmp_path / "image.png") as back:
        assert np.asarray(back).tolist() == [[0, 0, 128, 255, 255]]


def read_back(path):
    with Image.open(path) as back:
        return np.asarray(back)


def test_floats_in_another_unit_are_refused_and_the_error_says_how_to_pass_white(tmp_path):
    image = np.linspace(0, 294, 64, dtype=np.float32).reshape(8, 8)
    with pytest.raises(DataError, match=r"98\.4 % of the pixels are above 1, up to 294; pass white="):
        save_image(tmp_path / "image.png", image)
    assert not list(tmp_path.iterdir())
    save_image(tmp_path / "image.png", image, white=294)
    np.testing.assert_array_equal(read_back(tmp_path / "image.png"), np.rint(image / 294 * 255))


def test_one_bright_spot_in_another_unit_is_refused_and_a_little_above_one_is_not(tmp_path):
    spot = np.zeros((20, 20))
    spot[0, 0] = 255
    with pytest.raises(DataError, match="pass white="):
        save_image(tmp_path / "image.png", spot)
    spot[0, 0] = 1.1
    save_image(tmp_path / "image.png", spot)
    assert read_back(tmp_path / "image.png").max() == 255


def test_sixteen_bits_are_written_as_they_are(tmp_path):
    image = np.array([[0, 1, 257], [40000, 65534, 65535]], np.uint16)
    save_image(tmp_path / "image.png", image)
    np.testing.assert_array_equal(read_back(tmp_path / "image.png"), image)


def test_a_set_of_one_image_brings_its_white(tmp_path):
    images = ImageSet(np.full((2, 3, 3), 51.0), white=255)
    save_image(tmp_path / "image.png", images[[1]])
    assert (read_back(tmp_path / "image.png") == 51).all()
    with pytest.raises(ShapeMismatchError, match="one image, got a set of 2"):
        save_image(tmp_path / "image.png", images)


@pytest.mark.parametrize("white", [0, -1, np.inf, np.nan])
def test_a_white_that_is_none_is_refused(white, tmp_path):
    with pytest.raises(ParameterError, match="white must be finite and above 0"):
        save_image(tmp_path / "image.png", np.zeros((2, 2)), white=white)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.zeros((2, 2), int), DataError),
        (np.full((2, 2), np.nan), DataError),
        (np.zeros(4), ShapeMismatchError),
        (np.zeros((2, 2, 2)), ShapeMismatchError),
        (np.zeros((0, 2)), ShapeMismatchError),
    ],
)
def test_what_is_no_image_is_refused(image, error, tmp_path):
    with pytest.raises(error):
        save_image(tmp_path / "image.png", image)
    assert not list(tmp_path.iterdir())


def test_viz_meets_the_rest_of_the_package_only_as_arrays():
    allowed = {"imgnmf.errors", "imgnmf.atomic", "imgnmf.intensity", "imgnmf.validation"}
    for source in Path(imgnmf.viz.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("matplotlib.pyplot"), source
                if name.startswith("imgnmf"):
                    assert name in allowed or name.startswith("imgnmf.viz"), (source, name)


def test_importing_viz_brings_neither_pyplot_nor_skimage():
    program = "import sys, imgnmf.viz; print([m for m in ('matplotlib.pyplot', 'skimage') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
