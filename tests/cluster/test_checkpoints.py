"""A fit on a cluster that is lost, or stopped, goes on there or on one machine as if nothing had happened."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
import imgnmf.cluster
from imgnmf.cluster.team import Team
from imgnmf.errors import ClusterError, IncompatibleError, ParameterError
from tests.cluster.conftest import planted
from tests.signals import best_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

OPTIONS = {
    "frobenius": {},
    "kullback-leibler": {"loss": "kullback-leibler"},
    "huber": {"loss": "huber"},
    "mu": {"solver": "mu"},
    "random": {"init": "random", "rng": 3},
}
SHORT = {"stop": (), "max_iter": 14}


def losing(monkeypatch, at):
    """The scheduler dies in a pass, once."""
    answer, calls = Team.total, []

    def lost(self, *details):
        calls.append(1)
        if len(calls) == at:
            raise ClusterError("the dask scheduler does not answer any more")
        return answer(self, *details)

    monkeypatch.setattr(Team, "total", lost)


def same(one, other):
    for name in ("W", "H"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.trace.objective, other.trace.objective)
    assert (one.reason, one.n_iter, one.objective) == (other.reason, other.n_iter, other.objective)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_lost_cluster_leaves_a_checkpoint_to_go_on_from(client, V, tmp_path, monkeypatch, options):
    options, path = {**SHORT, **options}, tmp_path / "run.ckpt"
    whole = imgnmf.cluster.factorize(V, 4, client=client, **options)
    with monkeypatch.context() as patch:
        losing(patch, 9)
        with pytest.raises(ClusterError, match=r"run\.ckpt': fit again with resume=True, on another cluster or by"):
            imgnmf.cluster.factorize(V, 4, client=client, keep_every=5, checkpoint=path, **options)
    copy = tmp_path / "copy.ckpt"
    copy.write_bytes(path.read_bytes())
    seen = []
    again = imgnmf.cluster.factorize(
        V, 4, client=client, checkpoint=path, resume=True, callback=lambda s: seen.append(s.iteration), **options
    )
    assert seen[0] == 5  # where H last came from
    same(again, whole)
    here = imgnmf.factorize(V, 4, checkpoint=copy, resume=True, **options)
    at_once = imgnmf.factorize(V, 4, **options)
    np.testing.assert_array_equal(here.W, at_once.W)
    np.testing.assert_array_equal(here.trace.objective, at_once.trace.objective)


def test_a_fit_that_ended_can_be_given_more_iterations(client, V, tmp_path):
    path = tmp_path / "run.ckpt"
    imgnmf.cluster.factorize(V, 4, client=client, checkpoint=path, stop=(), max_iter=7)
    again = imgnmf.cluster.factorize(V, 4, client=client, checkpoint=path, resume=True, **SHORT)
    same(again, imgnmf.cluster.factorize(V, 4, client=client, **SHORT))


def test_ctrl_c_leaves_what_came_last(client, V, tmp_path):
    def interrupt(state):
        if state.iteration == 9:
            raise KeyboardInterrupt

    kept = imgnmf.Checkpoint(tmp_path / "run.ckpt", every_iterations=3)
    given = {"client": client, "checkpoint": kept, "keep_every": 4, "callback": interrupt, **SHORT}
    stopped = best_of(imgnmf.cluster.factorize, V, 4, **given)
    assert (stopped.reason, stopped.n_iter) == ("interrupted", 9)
    again = imgnmf.cluster.factorize(V, 4, client=client, checkpoint=kept, resume=True, **SHORT)
    same(again, imgnmf.cluster.factorize(V, 4, client=client, **SHORT))


def test_a_fit_of_one_machine_goes_on_on_a_cluster(client, V, tmp_path):
    path = tmp_path / "run.ckpt"
    imgnmf.factorize(V, 4, checkpoint=path, stop=(), max_iter=6)
    again = imgnmf.cluster.factorize(V, 4, client=client, checkpoint=path, resume=True, **SHORT)
    np.testing.assert_array_equal(again.W, imgnmf.factorize(V, 4, **SHORT).W)


def test_a_checkpoint_of_other_images_is_refused(client, V, tmp_path):
    path = tmp_path / "run.ckpt"
    imgnmf.cluster.factorize(V, 4, client=client, checkpoint=path, **SHORT)
    with pytest.raises(ParameterError, match="pass resume=True"):
        imgnmf.cluster.factorize(V, 4, client=client, checkpoint=path, **SHORT)
    with pytest.raises(IncompatibleError, match="the values of V differ"):
        imgnmf.cluster.factorize(V[:, ::-1], 4, client=client, checkpoint=path, resume=True, **SHORT)


def test_without_a_checkpoint_the_error_says_what_is_left(client, V, monkeypatch):
    for at, words in (
        (1, "nothing had come back yet: begin again, with checkpoint="),
        (9, r"init=GivenFactors\(W, H\)"),
    ):
        with monkeypatch.context() as patch:
            losing(patch, at)
            with pytest.raises(ClusterError, match=words) as caught:
                imgnmf.cluster.factorize(V, 4, client=client, keep_every=4, **SHORT)
        assert (caught.value.best is None) == (at == 1)


def test_v_as_the_client_sees_it_is_read_as_any_matrix(client):
    """Helpers of the core that know V elsewhere by its type meet this one too: rows, runs, picks."""
    from imgnmf.cluster.sources import as_source
    from imgnmf.cluster.team import HeldColumns, working
    from imgnmf.core.columns import is_elsewhere, some_images, some_pixels

    V = planted(12, 700, np.float32)
    chosen, columns = np.array([7, 2, 9]), np.array([600, 3, 3, 41])
    with working(client, as_source(V, client)) as team:
        held = HeldColumns(team)
        assert not is_elsewhere(held)
        np.testing.assert_array_equal(some_pixels(held, chosen), V[chosen])
        np.testing.assert_array_equal(some_images(held, columns), V[:, columns])
        np.testing.assert_array_equal(held[:, 5:9], V[:, 5:9])
        np.testing.assert_array_equal(held[:, :0], V[:, :0])


def test_a_few_pixels_of_all_images_travel_alone(client, monkeypatch):
    from imgnmf.cluster.sources import as_source
    from imgnmf.cluster.team import HeldColumns, working
    from imgnmf.core.columns import some_pixels

    V, came, answer = planted(60, 900, np.float32), [], Team.each

    def watched(self, *details, **options):
        found = answer(self, *details, **options)
        came.append(sum(getattr(piece, "nbytes", 0) for piece in found))
        return found

    with working(client, as_source(V, client)) as team:
        monkeypatch.setattr(Team, "each", watched)
        some_pixels(HeldColumns(team), np.array([4, 2]))
    assert came == [2 * 900 * 4]
