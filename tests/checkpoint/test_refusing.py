"""A checkpoint of another fit, a damaged one, one of a newer format, and places that cannot be written to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from safetensors import safe_open
from safetensors.numpy import load as tensors_of
from safetensors.numpy import save as to_bytes

import imgnmf
from imgnmf.archive import digest_of
from imgnmf.checkpoint_file import ENTRY
from imgnmf.checkpoint_task import described
from imgnmf.errors import ArchiveError, CheckpointWarning, IncompatibleError, OutputError, ParameterError
from tests.checkpoint.test_resuming import PENALTIES, V, assert_same, stopping
from tests.damage import mutated
from tests.signals import best_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")


@pytest.fixture
def path(tmp_path):
    kept = tmp_path / "run.ckpt"
    best_of(imgnmf.factorize, V, 4, checkpoint=kept, callback=stopping(8))
    return kept


OTHERS = [
    ({"rank": 5}, "rank was 4 and is 5"),
    ({"loss": "l21"}, r"loss was Frobenius\(\) and is L21\(axis=0\)"),
    ({"loss": "kullback-leibler"}, r"loss was Frobenius\(\) and is BetaDivergence.*; solver was HALS"),
    ({"solver": "anls"}, "solver was HALS.* and is ANLS"),
    ({"solver": imgnmf.HALS(inner=3)}, "inner='auto'.* and is .*inner=3"),
    ({"init": "random"}, "init was NNDSVD.* and is RandomInit"),
    ({"init": imgnmf.GivenFactors(V[:, :4])}, "init differs"),
    ({"rng": 7}, "rng was PCG64 of seed 0 and is PCG64 of seed 7"),
    ({"rng": np.random.default_rng(0).spawn(1)[0]}, "spawned as"),
    ({"n_init": 2}, "n_init was 1 and is 2"),
    (PENALTIES, r"penalty_W was None and is L2\(strength=0.01\); penalty_H was None"),
    ({"fixed_W": V[:, :1]}, "fixed_W differs"),
    ({"constraint_W": imgnmf.Sparseness(0.5)}, "constraint_W was None and is Sparseness"),
    ({"constraint_H": imgnmf.Simplex()}, "constraint_H was None and is Simplex"),
    ({"weights": np.full(V.shape, 0.5) + np.eye(*V.shape)}, "weights differ"),
    ({"V": V[:, 1:]}, "the shape of V was 30 x 40 and is 30 x 39; the values of V differ"),
    ({"V": V.astype(np.float32)}, "the precision of V was float64, dense and is float32, dense"),
    ({"V": scipy.sparse.csc_array(V)}, "float64, dense and is float64, sparse"),
    ({"V": V + 1e-13 * (np.arange(40) == 39)}, "the values of V differ. Give"),
]  # fmt: skip


@pytest.mark.parametrize(("other", "words"), OTHERS, ids=[str(i) for i in range(len(OTHERS))])
def test_a_checkpoint_of_another_fit_is_refused_by_what_differs(other, words, path):
    before = path.read_bytes()
    with pytest.raises(IncompatibleError, match=rf"run\.ckpt: it is of another fit: .*{words}"):
        imgnmf.factorize(**{"V": V, "rank": 4, **other}, checkpoint=path, resume=True)
    assert path.read_bytes() == before


def test_a_folder_is_no_checkpoint_and_is_not_to_be_deleted(tmp_path):
    for resume in (False, True):
        with pytest.raises(ParameterError, match=r"checkpoint must be a file.*is a folder: give the name of a file"):
            imgnmf.factorize(V, 4, checkpoint=tmp_path, resume=resume)


def test_fewer_iterations_than_were_done_are_told_without_contradiction(path):
    before = path.read_bytes()
    with pytest.warns(imgnmf.errors.ConvergenceWarning, match="max_iter = 1 is less than the 8 iterations done before"):
        fit = imgnmf.factorize(V, 4, checkpoint=path, resume=True, max_iter=1)
    assert (fit.n_iter, fit.converged) == (8, False)
    assert fit.relative_error == pytest.approx(np.linalg.norm(V - fit.W @ fit.H) / np.linalg.norm(V), rel=1e-9)
    assert len(path.read_bytes()) == len(before)


def test_what_only_says_where_a_fit_ends_may_change_unless_starts_are_compared(path, tmp_path):
    imgnmf.factorize(V, 4, checkpoint=path, resume=True, max_iter=12, stop=imgnmf.KKTBelow(), threads=2, rng=None)
    several, options = tmp_path / "several.ckpt", {"n_init": 2, "init": "random"}
    best_of(imgnmf.factorize, V, 4, checkpoint=several, callback=stopping(8), **options)
    with pytest.raises(
        IncompatibleError, match=r"stop was .RelativeDecrease.* and is .KKTBelow.*; max_iter was 500 and"
    ):
        imgnmf.factorize(V, 4, checkpoint=several, resume=True, stop=imgnmf.KKTBelow(), max_iter=9, **options)


def test_what_is_there_is_not_replaced_unasked(path):
    before = path.read_bytes()
    with pytest.raises(ParameterError, match="may hold hours of work: pass resume=True"):
        imgnmf.factorize(V, 4, checkpoint=path)
    assert path.read_bytes() == before


def test_resume_alone_says_what_is_missing():
    with pytest.raises(ParameterError, match="needs the checkpoint"):
        imgnmf.factorize(V, 4, resume=True)


def test_resume_begins_where_there_is_nothing_yet(tmp_path):
    fit = imgnmf.factorize(V, 4, checkpoint=tmp_path / "run.ckpt", resume=True)
    assert_same(fit, imgnmf.factorize(V, 4))


def test_damaged_files_are_refused_or_go_on_as_they_were(path):
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    expected, refused = imgnmf.factorize(V, 4), 0
    for _ in range(150):
        path.write_bytes(mutated(whole, rng))
        try:
            assert_same(imgnmf.factorize(V, 4, checkpoint=path, resume=True), expected)
        except ArchiveError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017 - either way is right
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_truncated_files_are_refused(share, path):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ArchiveError, match="damaged, or not a checkpoint"):
        imgnmf.factorize(V, 4, checkpoint=path, resume=True)


def rewritten(path, **changes):
    """Save again with an honest digest, as a later or a malicious program would."""
    with safe_open(path, framework="np") as file:
        document = json.loads(file.metadata()[ENTRY][64:])
    text = json.dumps({**document, **changes})
    path.write_bytes(to_bytes(tensors_of(path.read_bytes()), {ENTRY: digest_of(text.encode()) + text}))


def test_a_newer_format_is_refused(path):
    rewritten(path, format=2)
    with pytest.raises(ArchiveError, match="found format 2, supported is 1 to 1; install a newer imgnmf"):
        imgnmf.factorize(V, 4, checkpoint=path, resume=True)


@pytest.mark.parametrize(
    "changes",
    [{"task": 3}, {"seed": None}, {"standing": None}, {"tensors": {}}, {"standing": {"way": {}}}, {"best": 1}],
)
def test_a_foreign_description_is_refused(changes, path):
    rewritten(path, **changes)
    with pytest.raises(ArchiveError, match=r"run\.ckpt: "):
        imgnmf.factorize(V, 4, checkpoint=path, resume=True)


def test_another_version_of_the_package_is_refused(path, monkeypatch):
    monkeypatch.setattr("imgnmf.checkpoint_task.__version__", "9.0")
    with pytest.raises(IncompatibleError, match=r"the version of imgnmf was \S+ and is 9.0"):
        imgnmf.factorize(V, 4, checkpoint=path, resume=True)


def test_a_model_is_no_checkpoint_and_a_checkpoint_no_model(path, tmp_path):
    model = tmp_path / "m.imgnmf"
    imgnmf.save(model, imgnmf.factorize(V, 4))
    with pytest.raises(ArchiveError, match="not a checkpoint that imgnmf saved, or one of another kind"):
        imgnmf.factorize(V, 4, checkpoint=model, resume=True)
    with pytest.raises(ArchiveError, match="not a model"):
        imgnmf.load(path)


def test_a_place_that_cannot_be_written_to_is_told_before_the_work(tmp_path):
    calls = []
    with pytest.raises(OutputError, match="create the folder first"):
        imgnmf.factorize(V, 4, checkpoint=tmp_path / "none" / "run.ckpt", callback=calls.append)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if not os.access(locked, os.W_OK):
        with pytest.raises(OutputError, match="choose a folder that you may write to"):
            imgnmf.factorize(V, 4, checkpoint=locked / "run.ckpt", callback=calls.append)
    assert not calls


def test_a_full_disk_keeps_the_fit_and_the_file_before(path, monkeypatch):
    from imgnmf import checkpoint_file

    def full(*_):
        raise OutputError("cannot write 'run.ckpt': No space left on device; free some space")

    before = path.read_bytes()
    monkeypatch.setattr(checkpoint_file, "write_bytes", full)
    kept = imgnmf.Checkpoint(path, every_iterations=2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = imgnmf.factorize(V, 4, checkpoint=kept, resume=True)
    told = [str(warning.message) for warning in caught if warning.category is CheckpointWarning]
    assert len(told) == 1
    assert "the fit goes on without: cannot write 'run.ckpt': No space left" in told[0]
    assert_same(fit, imgnmf.factorize(V, 4))
    assert path.read_bytes() == before


LIMITED = """
import resource, sys, warnings
import imgnmf
from tests.checkpoint.test_resuming import V, assert_same
from tests.signals import best_of
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    fit = imgnmf.factorize(V, 4, checkpoint=sys.argv[1])
print(*(warning.message for warning in caught))
assert_same(fit, imgnmf.factorize(V, 4))
assert_same(imgnmf.factorize(V, 4, checkpoint=sys.argv[1], resume=True), fit)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no such limit")
def test_a_file_that_may_not_grow_that_large_leaves_the_one_before(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", LIMITED, str(tmp_path / "run.ckpt")]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the fit goes on without" in done.stdout
    assert "File too large; raise the file size limit" in done.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["run.ckpt"]


@pytest.mark.parametrize("bad", [{"every_iterations": 0}, {"every_iterations": 1.5}, {"every_seconds": -1}])
def test_how_often_is_checked(bad):
    with pytest.raises(ParameterError, match=f"{next(iter(bad))} must be"):
        imgnmf.Checkpoint("run.ckpt", **bad)


def written_at(monkeypatch, path, **how_often):
    """After which iterations the file was written."""
    from imgnmf import checkpoint_file

    write, seen = checkpoint_file.write_progress, []

    def watched(path, identity, progress):
        seen.append(progress.standing.iterate.iteration if progress.standing else 0)
        write(path, identity, progress)

    monkeypatch.setattr(checkpoint_file, "write_progress", watched)
    imgnmf.factorize(V, 4, stop=(), max_iter=30, checkpoint=imgnmf.Checkpoint(path, **how_often))
    return seen


def test_it_is_written_as_often_as_asked(tmp_path, monkeypatch):
    assert written_at(monkeypatch, tmp_path / "a.ckpt", every_iterations=7) == [0, 7, 14, 21, 28, 30]
    assert written_at(monkeypatch, tmp_path / "b.ckpt") == [0, 30]
    # The clock is read twice an iteration and gives 10 s more each time, so a writing takes 10 s as well: a twentieth
    # of the time is one writing in 200 s, that is in 10 iterations.
    ticks = iter(range(0, 10**9, 10))
    monkeypatch.setattr("imgnmf.checkpoint.time.perf_counter", lambda: float(next(ticks)))
    begun, first, *later, last = written_at(monkeypatch, tmp_path / "c.ckpt", every_seconds=50)
    assert (begun, last) == (0, 30)
    assert 1 <= first <= 3
    assert later == [first + 10, first + 20]


def test_an_option_of_your_own_is_described_by_what_it_holds():
    class Mine:
        def __init__(self, level):
            self.level = level

    assert described(Mine(2)) == described(Mine(2)) != described(Mine(3))
    assert described(np.eye(2)) != described(np.eye(2, dtype=np.float32)) != described(np.eye(3))
