"""Odd, empty and broken input to every command: one line that says what to do, and no number that looks right."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import imgnmf
from tests.cli.runs import DONE, refusal, run


@pytest.fixture
def place(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "one").mkdir()
    (tmp_path / "black").mkdir()
    Image.new("L", (8, 10), 9).save("one/a.png")
    for number in range(5):
        Image.new("L", (8, 10)).save(f"black/b{number}.png")
    np.save("flat.npy", np.ones((6, 80)))
    np.save("complex.npy", np.ones((3, 10, 8), complex))
    np.save("number.npy", np.float64(3))
    np.save("bands.npy", np.random.default_rng(0).random((6, 10, 8, 7)))
    np.save("negative.npy", np.full((4, 10, 8), -1.0))
    frames = [Image.new("L", (8, 10), 20 * number) for number in range(1, 5)]
    frames[0].save("film.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "note.txt").write_text("a text of seven words, no more", encoding="utf-8")
    return tmp_path


SOURCES = {
    "empty": "nothing is there",
    "nosuch": "there is no such file or folder",
    "complex.npy": "real numbers along two axes or more, and the only array is 3 x 10 x 8 of complex128",
    "number.npy": "the only array is a single number of float64",
    "flat.npy": "pass --image-shape HxW",
    "bands.npy": "imgnmf fit --image-shape HxWxCHANNELS takes any number of them",
    "film.gif": "pass --frames all or --frames first",
    "note.txt": "not an image",
    "negative.npy": "negative",
}
COMMANDS = {
    "fit": ("-k", 2, "-o", "out.imgnmf"),
    "gallery": ("-k", 2, "-o", "out"),
    "animate": ("-k", 2, "-o", "out.gif"),
    "ranks": ("-k", "1,2"),
    "compress": ("-k", 2, "-o", "out.nmf"),
    "train-parts": ("-k", 2, "-o", "out.parts"),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_source_that_is_none_is_told_in_every_command_alike(place, command, source):
    words = refusal(command, source, *COMMANDS[command])
    expected = "8-bit" if source == "negative.npy" and command in ("compress", "train-parts") else SOURCES[source]
    assert expected in words
    assert not list(place.glob("out*"))


def test_what_is_advised_works(place):
    done = run("fit", "bands.npy", "-k", 2, "--image-shape", "10x8x7", "-o", "b.imgnmf")
    assert done.exit_code == DONE, done.output
    assert run("montage", "b.imgnmf", "-o", "b.png").exit_code == DONE
    assert run("fit", "flat.npy", "-k", 1, "--image-shape", "10x8", "-o", "f.imgnmf").exit_code == DONE
    for frames, count in (("all", 4), ("first", 1)):
        assert run("pack", "film.gif", "--frames", frames, "-o", f"{frames}.npy").exit_code == DONE
        assert len(np.load(f"{frames}.npy")) == count
    assert run("gallery", "film.gif", "-k", 1, "--frames", "all", "-o", "film").exit_code == DONE


def test_no_rank_is_the_best_of_black_images(place):
    assert "zero everywhere" in refusal("ranks", "black", "-k", "1:3")
    with pytest.raises(imgnmf.errors.DataError, match="no rank is better than another"):
        imgnmf.choose_rank(np.zeros((5, 6)), [1, 2])


def test_more_parts_than_images_are_refused_with_what_the_command_can_do(place):
    words = refusal("ranks", "one", "-k", "1:3")
    assert words.endswith("got 2; lower it")
    assert refusal("fit", "one", "-k", 2, "-o", "m.imgnmf").endswith("lower it or use --init random")
    done = run("train-parts", "photos", "-k", 100, "-o", "p.parts")
    assert "(100 were asked for, and no image needs more)" in done.stdout


def test_a_folder_is_no_model(place):
    for command in (("montage", "photos", "-o", "m.png"), ("encode", "photos", "photos", "-o", "H.npy")):
        assert "photos: a model is a file, and this is a folder" in refusal(*command)


def test_info_says_in_options_what_to_pass(place):
    assert "pass --key NAME and --image-shape HxW" in run("info", "flat.npy").stdout
    assert "pass --frames all or --frames first" in run("info", "film.gif").stdout
    assert "no array holds real numbers" in run("info", "complex.npy").stdout


def test_pixels_that_cannot_be_are_marked_or_corrected(place):
    Image.fromarray(np.eye(10, 8, dtype=np.uint8) * 255).save("mask.png")
    assert "mark them by --mask, or correct them" in refusal("inpaint", "negative.npy", "--mask", "mask.png", "-o", "i")


def test_few_known_words_of_unseen_texts_are_told(place):
    pytest.importorskip("sklearn")
    assert run("topics", "python-reference", "-k", 2, "--max-iter", 20, "-o", "t").exit_code == DONE
    (place / "note.txt").write_text("Der Hund und die Katze gehen in den Wald, for and class", encoding="utf-8")
    told = run("topics", "note.txt", "--model", "t/topics.imgnmf", "-o", "u").stderr
    assert "the model knows" in told
    assert "Take --min-df 1 and --max-df 1.0" in refusal("topics", "note.txt", "-k", 1, "-o", "v")
