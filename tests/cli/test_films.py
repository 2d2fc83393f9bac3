"""`imgnmf animate` and `imgnmf buildup`."""

from __future__ import annotations

import pytest
from PIL import Image, ImageSequence

from tests.cli.runs import CANNOT_WRITE, DONE, INTERRUPTED, refusal, run


def durations(path):
    with Image.open(path) as film:
        return [frame.info["duration"] for frame in ImageSequence.Iterator(film)]


def test_the_parts_are_filmed_while_they_are_learnt(folder, tmp_path):
    target = tmp_path / "film.gif"
    result = run("animate", folder, "-k", 3, "-o", target, "--frame-ms", 60, "--max-iter", 30)
    assert result.exit_code == DONE, result.output
    times = durations(target)
    assert times == [60] * (len(times) - 1) + [2000]
    assert f"{len(times)} frames" in result.stdout
    assert len(times) > 5


def test_images_are_filmed_as_they_are_rebuilt_at_every_rank(folder, tmp_path):
    target = tmp_path / "film.gif"
    assert run("animate", folder, "-k", 3, "-k", 1, "-o", target).exit_code == DONE
    assert durations(target) == [800, 2400]


def test_images_are_filmed_as_they_are_summed_up_from_a_models_parts(model, tmp_path):
    target = tmp_path / "film.gif"
    assert run("animate", model, "-o", target).exit_code == DONE
    assert durations(target) == [250, 2400]
    assert run("animate", model, "-k", 1, "-o", target, "--force").exit_code == DONE
    assert len(durations(target)) == 1


def test_a_film_can_be_an_mp4(model, tmp_path):
    pytest.importorskip("av")
    assert run("animate", model, "-o", tmp_path / "film.mp4").exit_code == DONE
    assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_an_image_is_drawn_as_the_sum_of_its_parts(kind, folder, model, tmp_path):
    target = tmp_path / f"sum.{kind}"
    result = run("buildup", model, folder, "-o", target, "--image", "p3.png", "--parts", 2)
    assert result.exit_code == DONE, result.output
    assert target.stat().st_size > 2000


def test_an_image_is_chosen_by_name_or_number(folder, model, tmp_path):
    for name, choice in (("a", "p3.png"), ("b", "4"), ("c", "1")):
        assert run("buildup", model, folder, "-o", tmp_path / f"{name}.png", "--image", choice).exit_code == DONE
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c


def test_what_cannot_be_filmed_is_refused_in_words(folder, model, tmp_path):
    film, text = tmp_path / "film.gif", tmp_path / "film.txt"
    assert "with -k" in refusal("animate", folder, "-o", film)
    assert "give one, got 2" in refusal("animate", model, "-k", 1, "-k", 2, "-o", film)
    assert ".gif or .mp4" in refusal("animate", folder, "-k", 2, "-o", text)
    assert "multiple of 10" in refusal("animate", folder, "-k", 2, "-o", film, "--frame-ms", 25)
    assert "rank" in refusal("animate", folder, "-k", 99, "-o", film)
    assert "cannot be read" in refusal("animate", tmp_path / "no.imgnmf", "-o", film)
    assert ".png, .pdf, .svg" in refusal("buildup", model, folder, "-o", film)
    assert "from 1 to 12" in refusal("buildup", model, folder, "-o", tmp_path / "a.png", "--image", "13")
    assert "create it first" in refusal("animate", model, "-o", tmp_path / "no" / "film.gif", code=CANNOT_WRITE)
    assert not film.exists()


def test_a_film_that_is_there_is_replaced_only_by_force(model, folder, tmp_path):
    target = tmp_path / "film.gif"
    target.write_bytes(b"mine")
    assert "is no .gif file" in refusal("animate", model, "-o", target, "--force")
    target.write_bytes(b"GIF89a an older film")
    assert "pass --force" in refusal("animate", model, "-o", target)
    assert target.read_bytes() == b"GIF89a an older film"
    assert run("animate", model, "-o", target, "--force").exit_code == DONE
    figure = tmp_path / "sum.png"
    figure.write_bytes(b"mine")
    assert "pass --force" in refusal("buildup", model, folder, "-o", figure)


def test_an_interrupted_fit_is_filmed_so_far_and_130(folder, tmp_path, monkeypatch):
    from imgnmf.commands import progress

    def interrupt(_bar, _done, words):
        if "iteration 4" in words:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress, "_advance", interrupt)
    words = refusal("animate", folder, "-k", 3, "-o", tmp_path / "film.gif", code=INTERRUPTED)
    assert "the best factors so far were kept" in words
    assert len(durations(tmp_path / "film.gif")) == 4


def test_a_model_is_known_by_its_content_whatever_its_name(model, tmp_path):
    renamed = model.rename(tmp_path / "renamed.bin")
    assert "rank:" in run("info", renamed).stdout
    assert run("animate", renamed, "-o", tmp_path / "film.gif").exit_code == DONE


def test_a_folder_called_like_a_model_holds_images(folder, tmp_path):
    renamed = folder.rename(tmp_path / "photos.imgnmf")
    assert "12" in run("info", renamed).stdout
    assert run("animate", renamed, "-k", 2, "--max-iter", 3, "-o", tmp_path / "film.gif").exit_code == DONE
