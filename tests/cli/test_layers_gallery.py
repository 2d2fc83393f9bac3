"""`imgnmf gallery --layers`."""

from __future__ import annotations

import json
from functools import partial

import pytest

import imgnmf
from imgnmf.archive_layers import load_layers
from tests.cli.runs import DONE, INTERRUPTED, everything_below, refusal, run


def test_the_layers_are_drawn_saved_and_summarized(folder, tmp_path):
    out = tmp_path / "out"
    result = run("gallery", folder, "-k", 2, "--layers", "6,4,2", "-o", out)
    assert result.exit_code == DONE, result.output
    made = {"layers.png", "layers.imgnmf", "layer-1-k06.png", "layer-2-k04.png", "layer-3-k02.png"}
    assert made <= set(everything_below(out))
    deep, meta = load_layers(out / "layers.imgnmf")
    assert deep.ranks == (6, 4, 2)
    assert meta.names
    assert meta.image_shape is not None
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Parts of parts" in page
    assert page.count('class="sheet" src="data:image/png;base64,') == 1
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))["layers"]
    assert [row["rank"] for row in summary["rows"]] == [6, 4, 2]
    errors = [layer.relative_error for layer in deep.layers]
    assert [row["relative_error"] for row in summary["rows"]] == pytest.approx(errors, rel=1e-5)
    assert "layer 3: k = 2" in result.stdout


@pytest.mark.parametrize(
    ("layers", "words"),
    [("4,9", "must fall"), ("4,x", "whole numbers"), ("4", "at least two"), ("", "whole numbers"), ("400,2", "rank")],
)
def test_layers_that_make_no_sense_are_refused(folder, tmp_path, layers, words):
    assert words in refusal("gallery", folder, "-k", 2, "--layers", layers, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_loss_that_layers_do_not_know_is_refused(folder, tmp_path):
    words = refusal("gallery", folder, "--layers", "4,2", "--loss", "kullback-leibler", "-o", tmp_path / "out")
    assert "--loss" in words


@pytest.mark.parametrize(("at", "kept"), [(0, False), (1, True)])
def test_ctrl_c_in_a_layer_keeps_the_ranks_and_the_layers_so_far(folder, tmp_path, monkeypatch, at, kept):
    from imgnmf.commands import layers

    def interrupt(place, state):
        if (place, state.iteration) == (at, 2):
            raise KeyboardInterrupt

    monkeypatch.setattr(layers, "factorize_layers", partial(layers.factorize_layers, callback=interrupt))
    out = tmp_path / "out"
    refusal("gallery", folder, "-k", 2, "--layers", "6,4,2", "-o", out, code=INTERRUPTED)
    made = everything_below(out)
    assert "k02.imgnmf" in made
    assert ("layers.imgnmf" in made) == kept
    if kept:
        deep, _meta = load_layers(out / "layers.imgnmf")
        assert (deep.ranks, deep.interrupted) == ((6, 4), True)


def test_ctrl_c_while_images_are_kept_aside_draws_the_rest_without_half_a_number(folder, tmp_path, monkeypatch):
    from imgnmf.studies import prediction

    def interrupted(*given, **named):
        raise imgnmf.Interrupted(best=whole(*given, **named))

    whole = prediction.factorize
    monkeypatch.setattr(prediction, "factorize", interrupted)
    refusal("gallery", folder, "-k", 2, "-o", tmp_path / "out", code=INTERRUPTED)
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["interrupted"]
