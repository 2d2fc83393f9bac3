"""--force replaces what is of the kind that is written, and never what a link points to."""

from __future__ import annotations

import json

import numpy as np
import pytest

import imgnmf
from tests.cli.runs import DONE, refusal, run

COMMANDS = {
    "m.imgnmf": ("fit", "images.npy", "-k", 1, "--image-shape", "5x4"),
    "H.npy": ("encode", "model.imgnmf", "images.npy", "--image-shape", "5x4"),
    "p.png": ("montage", "model.imgnmf"),
    "b.svg": ("buildup", "model.imgnmf", "images.npy", "--image-shape", "5x4"),
    "f.gif": ("animate", "images.npy", "-k", 1, "--image-shape", "5x4"),
    "c.nmf": ("compress", "images.npy", "-k", 1, "--image-shape", "5x4"),
    "c.parts": ("train-parts", "images.npy", "-k", 1, "--image-shape", "5x4"),
    "V.npy": ("pack", "images.npy", "--image-shape", "5x4"),
    "V.h5": ("pack", "images.npy", "--image-shape", "5x4"),
}
FOLDERS = {
    "rebuilt": ("reconstruct", "model.imgnmf"),
    "V.zarr": ("pack", "images.npy", "--image-shape", "5x4"),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 255, (6, 5, 4), dtype=np.uint8)
    np.save("images.npy", pixels)
    images = imgnmf.ImageSet(pixels)
    imgnmf.save("model.imgnmf", imgnmf.factorize(images.V, 2, stop=imgnmf.RelativeDecrease(1e-1)), images)
    return tmp_path


@pytest.mark.parametrize("output", COMMANDS)
def test_a_file_of_another_kind_is_not_replaced(place, output):
    (place / output).write_bytes(b"my diary")
    words = refusal(*COMMANDS[output], "-o", output, "--force")
    assert "--force does not replace it; choose another name, or delete it" in words
    assert (place / output).read_bytes() == b"my diary"
    (place / output).unlink()
    assert run(*COMMANDS[output], "-o", output).exit_code == DONE
    assert "pass --force" in refusal(*COMMANDS[output], "-o", output)
    again = run(*COMMANDS[output], "-o", output, "--force")
    assert again.exit_code == DONE, again.output


@pytest.mark.parametrize("output", COMMANDS | FOLDERS)
def test_what_a_link_points_to_is_not_replaced(place, output):
    command = {**COMMANDS, **FOLDERS}[output]
    assert run(*command, "-o", f"real-{output}").exit_code == DONE
    (place / output).symlink_to(f"real-{output}")
    words = refusal(*command, "-o", output, "--force")
    assert "is a link" in words or "is not a folder" in words
    assert (place / output).is_symlink()
    (place / output).unlink()
    (place / output).symlink_to("nowhere")
    refusal(*command, "-o", output, "--force")
    assert not (place / "nowhere").exists()


@pytest.mark.parametrize("summary", ['{"total": 3}', '["made_by"]', "not JSON", "[" * 100_000])
def test_a_folder_with_a_summary_of_another_program_is_not_replaced(place, summary):
    (place / "rebuilt").mkdir()
    (place / "rebuilt" / "summary.json").write_text(summary)
    (place / "rebuilt" / "thesis.txt").write_text("mine")
    words = refusal(*FOLDERS["rebuilt"], "-o", "rebuilt", "--force")
    assert "holds files that imgnmf did not write" in words
    assert (place / "rebuilt" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("attributes", [{}, {"units": "K"}, None])
def test_a_zarr_store_of_another_program_is_not_replaced(place, attributes):
    assert run(*FOLDERS["V.zarr"], "-o", "V.zarr").exit_code == DONE
    assert run(*FOLDERS["V.zarr"], "-o", "V.zarr", "--force").exit_code == DONE
    described = json.loads((place / "V.zarr" / "zarr.json").read_text())
    (place / "V.zarr" / "zarr.json").write_text(json.dumps({**described, "attributes": attributes}))
    (place / "V.zarr" / "thesis.txt").write_text("mine")
    words = refusal(*FOLDERS["V.zarr"], "-o", "V.zarr", "--force")
    assert "holds files that imgnmf did not write" in words
    assert (place / "V.zarr" / "thesis.txt").read_text() == "mine"
