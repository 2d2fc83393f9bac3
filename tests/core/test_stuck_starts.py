"""Where the default start leads to a bad stationary point of a V that is exactly of rank k, others are tried."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import imgnmf
from imgnmf.core import fitting
from tests.checkpoint.test_resuming import stopping
from tests.core.cases import low_rank

SWIMMERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "mat" / "Swimmer_32x32.h5"


def swimmers():
    pytest.importorskip("h5py")
    if not SWIMMERS.exists():
        pytest.skip("needs the shared swimmers before a background of 1")
    return imgnmf.load_images(SWIMMERS, image_shape=(32, 32)).V


def starts_that_are_fitted(monkeypatch):
    names, fit = [], fitting.Fitting.fit

    def noted(self, *given):
        names.append(self.init.name)
        return fit(self, *given)

    monkeypatch.setattr(fitting.Fitting, "fit", noted)
    return names


def test_swimmers_before_a_background_are_found_by_default():
    fit = imgnmf.factorize(swimmers(), 17)
    assert fit.relative_error < 1e-3
    assert fit.init == "random"


def test_a_run_stopped_in_another_start_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    V = swimmers()
    whole = imgnmf.factorize(V, 17)
    names = starts_that_are_fitted(monkeypatch)
    with pytest.raises(imgnmf.Interrupted):
        imgnmf.factorize(V, 17, checkpoint=tmp_path / "run.ckpt", callback=stopping(25))
    assert names == ["nndsvd", "random"]
    resumed = imgnmf.factorize(V, 17, checkpoint=tmp_path / "run.ckpt", resume=True)
    assert resumed.W.tobytes() == whole.W.tobytes()
    assert resumed.H.tobytes() == whole.H.tobytes()


@pytest.mark.parametrize("name", ["lfw-faces", "digits", "patches"])
def test_real_images_cost_no_other_start(name, monkeypatch):
    V = imgnmf.load_dataset(name).V[:, :300]
    names = starts_that_are_fitted(monkeypatch)
    for rank in (4, 25, 49):
        imgnmf.factorize(V, rank, stop=imgnmf.RelativeDecrease(0.05))
    assert names == ["nndsvd"] * 3


@pytest.mark.parametrize(
    "options",
    [
        {"init": "random"},
        {"n_init": 2},
        {"penalty_W": imgnmf.L2(0.1), "penalty_H": imgnmf.L2(0.1)},
        {"constraint_H": imgnmf.Simplex()},
        {"loss": "kullback-leibler"},
        {"weights": np.linspace(0.5, 1, 40)[None, :]},
    ],
    ids=" ".join,
)
def test_what_was_asked_for_in_particular_is_done_alone(options, monkeypatch):
    V = low_rank(30, 40, 4)
    monkeypatch.setattr(fitting, "STUCK", 0.0)  # every fit would be stuck
    names = starts_that_are_fitted(monkeypatch)
    imgnmf.factorize(V, 4, stop=imgnmf.RelativeDecrease(0.05), **options)
    assert names == [options.get("init", "nndsvd")] * options.get("n_init", 1)
