"""`imgnmf gallery --kinds`."""

from __future__ import annotations

import json

import numpy as np
import pytest

import imgnmf
from imgnmf.commands.kinds import fit_kinds
from imgnmf.commands.options import FitOptions
from imgnmf.core.presets import KINDS
from imgnmf.errors import ConvergenceWarning
from tests.cli.runs import DONE, everything_below, refusal, run


def test_the_kinds_are_drawn_measured_and_on_the_page(folder, tmp_path):
    out = tmp_path / "out"
    result = run("gallery", folder, "-k", 3, "--kinds", "--max-iter", 40, "-o", out)
    assert result.exit_code == DONE, result.output
    assert "kinds.png" in everything_below(out)
    found = json.loads((out / "summary.json").read_text(encoding="utf-8"))["kinds"]
    assert found["rank"] == 3
    assert [row["kind"] for row in found["rows"]] == list(KINDS)
    local = found["rows"][1]
    assert local["parts"]["sparseness"] == pytest.approx(0.75, abs=1e-3)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Kinds of parts" in page
    assert f"{100 * local['relative_error']:.1f} %" in page
    assert all(f"{kind} " in result.stdout for kind in KINDS)


@pytest.mark.parametrize(("option", "value"), [("--loss", "kullback-leibler"), ("--solver", "mu")])
def test_what_not_all_kinds_know_is_refused_before_the_work(folder, tmp_path, option, value):
    assert option in refusal("gallery", folder, "--kinds", option, value, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_warning_names_the_kind_that_it_is_about():
    images = imgnmf.ImageSet(np.random.default_rng(0).random((20, 6, 5)))
    with pytest.warns(ConvergenceWarning) as seen:
        fit_kinds(images, 3, FitOptions(max_iter=5))
    assert [str(each.message).partition(" parts: ")[0] for each in seen] == list(KINDS)
