"""The same result as on one machine, whatever happens to the workers."""

from __future__ import annotations

import gc
import time

import numpy as np
import pytest

import imgnmf
import imgnmf.cluster
import imgnmf.cluster.fit as cluster_fit
from imgnmf.errors import ClusterError, DataError, ImageReadError, IncompatibleError, ParameterError, ShapeMismatchError
from tests.cluster.conftest import kill_a_worker, planted
from tests.signals import best_of

SHORT = {"max_iter": 12, "stop": ()}
CASES = {
    "frobenius": {},
    "frobenius random": {"init": imgnmf.RandomInit(lead_in=False)},
    "spa": {"init": "spa", "max_iter": 3},
    "mu": {"solver": "mu"},
    "kullback-leibler": {"loss": "kullback-leibler", "max_iter": 6},
    "itakura-saito": {"loss": "itakura-saito", "max_iter": 4},
    "huber": {"loss": "huber"},
    "penalties": {"penalty_W": imgnmf.L2(0.01), "penalty_H": imgnmf.L1(0.01)},
    "smooth": {"penalty_W": imgnmf.Smooth(0.01, (6, 8)), "penalty_H": imgnmf.L2(0.01)},
    "sparse parts": {"constraint_W": imgnmf.Sparseness(0.5)},
    "abundances": {"constraint_H": imgnmf.Simplex()},
    "fixed parts": {"fixed_W": planted(48, 2, np.float64)},
}


@pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")
@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_the_parts_and_the_trace_are_those_of_one_machine_to_the_last_bit(client, V, options):
    options = {**SHORT, **options}
    here = imgnmf.factorize(V, 5, threads=1, **options)
    there = imgnmf.cluster.factorize(V, 5, client=client, **options)
    np.testing.assert_array_equal(there.W, here.W)
    np.testing.assert_array_equal(there.trace.objective, here.trace.objective)
    np.testing.assert_allclose(there.H, here.H, rtol=1e-5, atol=1e-6 * here.H.max())
    assert there.objective == pytest.approx(here.objective, rel=1e-6)
    assert there.relative_error == pytest.approx(here.relative_error, rel=1e-6)
    assert (there.reason, there.converged, there.loss) == (here.reason, here.converged, here.loss)


@pytest.mark.parametrize(("dtype", "order"), [(np.uint8, "F"), (np.float64, "C")])
def test_dtypes_and_memory_orders(client, dtype, order):
    V = planted(48, 900, np.float64, order)
    V = np.asarray(255 * V / V.max(), dtype, order=order)
    here = imgnmf.factorize(V, 4, threads=1)
    there = imgnmf.cluster.factorize(V, 4, client=client)
    np.testing.assert_array_equal(there.W, here.W)
    assert there.converged
    assert there.n_iter == here.n_iter


def test_a_sequence_of_blocks_a_dask_array_and_files_are_one_and_the_same(client, tmp_path):
    da, zarr = pytest.importorskip("dask.array"), pytest.importorskip("zarr")
    V = planted(48, 2600, np.float64)
    rows = np.ascontiguousarray(V.T)
    np.save(tmp_path / "first.npy", rows[:1000].reshape(-1, 6, 8))
    np.save(tmp_path / "second.npy", rows[1000:])
    zarr.create_array(tmp_path / "all.zarr", data=rows, chunks=(700, 48))
    sources = {
        "blocks": [V[:, :10], V[:, 10:2000], V[:, 2000:]],
        "dask": da.from_array(V, chunks=(48, 700)),
        "npy": [tmp_path / "first.npy", tmp_path / "second.npy"],
        "zarr": tmp_path / "all.zarr",
    }
    options = {"max_iter": 10, "callback": lambda state: state.iteration == 10}
    here = imgnmf.factorize(V, 4, threads=1, **options)
    for name, source in sources.items():
        there = imgnmf.cluster.factorize(source, 4, client=client, **options)
        assert there.objective == pytest.approx(here.objective, rel=1e-6), name
        np.testing.assert_allclose(there.W, here.W, rtol=1e-6, atol=1e-8 * here.W.max(), err_msg=name)


def test_the_network_carries_w_and_the_sums_whatever_n_is(client):
    seen = {}
    for n_images in (1000, 3000):
        V = planted(200, n_images, np.float32)
        imgnmf.cluster.factorize(
            V,
            20,
            client=client,
            max_iter=3,
            stop=(),
            watch=lambda p: seen.setdefault(p.number, []).append(p),
            callback=lambda s: s.iteration == 3,
        )
    m, k, workers = 200, 20, 2
    reports = [passed for both in seen.values() for passed in both]
    for passed in reports:
        assert passed.workers == workers
        assert passed.restored == 0
        for counted, numbers in ((passed.bytes_down, m * k), (passed.bytes_up, m * k + k * k)):
            assert 4 * numbers * workers <= counted <= 4 * numbers * workers + 1500 * workers
    assert len({(p.bytes_down, p.bytes_up) for p in reports}) == 1


def test_a_killed_worker_costs_time_alone(client, V):
    """Killed twice: before anything was kept, and after."""
    options = {"max_iter": 40, "stop": (), "keep_every": 8, "callback": lambda s: s.iteration == 40}
    whole = imgnmf.cluster.factorize(V, 5, client=client, **options)
    seen = []

    def watch(passed):
        seen.append(passed)
        if passed.number in (1, 29):
            kill_a_worker(client)

    fit = imgnmf.cluster.factorize(V, 5, client=client, watch=watch, **options)
    np.testing.assert_array_equal(fit.W, whole.W)
    np.testing.assert_array_equal(fit.H, whole.H)
    np.testing.assert_array_equal(fit.trace.objective, whole.trace.objective)
    assert sum(passed.restored for passed in seen) >= 2
    client.wait_for_workers(2, timeout=60)


def test_files_are_read_again_by_whoever_takes_over(client, V, tmp_path):
    np.save(tmp_path / "rows.npy", V.T)
    seen = []

    def watch(passed):
        seen.append(passed.restored)
        if passed.number == 5:
            kill_a_worker(client)

    fit = imgnmf.cluster.factorize(tmp_path / "rows.npy", 4, client=client, watch=watch)
    assert fit.objective == pytest.approx(imgnmf.factorize(V, 4).objective, rel=1e-6)
    assert sum(seen) >= 1
    client.wait_for_workers(2, timeout=60)


def test_callbacks_see_the_factors_and_can_stop(client, V):
    states = {}

    def keep(state):
        states[state.iteration] = (state.W, state.H, state.relative_error)
        return state.iteration == 4

    fit = imgnmf.cluster.factorize(V, 4, client=client, callback=keep)
    W, H, error = states[4]
    assert fit.reason == "the callback asked to stop"
    lengths = np.linalg.norm(W, axis=0)  # the fit has parts of length 1, the callback's are as the iteration has them
    np.testing.assert_allclose(lengths[:, None] * H, fit.H, atol=0.01 * fit.H.max())  # the fit's are exact for its W
    np.testing.assert_allclose(W / lengths, fit.W, rtol=1e-5)
    assert np.linalg.norm(V - W @ H) / np.linalg.norm(V) == pytest.approx(error, rel=1e-4)


def test_an_interruption_keeps_the_best_so_far(client, V):
    def interrupt(state):
        if state.iteration == 3:
            raise KeyboardInterrupt

    fit = best_of(imgnmf.cluster.factorize, V, 4, client=client, callback=interrupt)
    assert fit.reason == "interrupted"
    assert fit.relative_error == pytest.approx(float(fit.trace.relative_error[-1]), rel=1e-4)


def test_a_cluster_that_is_lost_leaves_what_had_come_back(client, V, monkeypatch):
    from imgnmf.cluster.team import Team

    answer, calls = Team.total, []

    def lost(self, *details):
        calls.append(1)
        if len(calls) == 13:
            raise ClusterError("the dask scheduler does not answer any more")
        return answer(self, *details)

    monkeypatch.setattr(Team, "total", lost)
    with pytest.raises(ClusterError, match="does not answer") as caught:
        imgnmf.cluster.factorize(V, 4, client=client, keep_every=5)
    best = caught.value.best
    assert best.reason.startswith("lost: ")
    assert not best.converged
    assert np.linalg.norm(V - best.reconstruct()) / np.linalg.norm(V) == pytest.approx(best.relative_error, rel=1e-4)
    assert best.relative_error == pytest.approx(float(best.trace.relative_error[9]), rel=1e-6)


def test_zeros_and_no_iterations(client):
    with pytest.warns(imgnmf.errors.DataWarning, match="zero everywhere"):
        fit = imgnmf.cluster.factorize(np.zeros((8, 500)), 2, client=client)
    assert fit.relative_error == 0
    V = planted(8, 500, np.float32)
    assert imgnmf.cluster.factorize(V, 2, client=client, max_iter=0).n_iter == 0
    with pytest.warns(imgnmf.errors.ConvergenceWarning):
        imgnmf.cluster.factorize(V, 2, client=client, max_iter=1)


def refused(V, client, error, match, **options):
    with pytest.raises(error, match=match):
        imgnmf.cluster.factorize(V, 2, client=client, **options)


def test_bad_data_is_refused_with_its_place(client, tmp_path):
    for bad, word in ((np.nan, "non-finite"), (-1.0, "negative")):
        V = planted(8, 900, np.float64)
        V[3, 700] = bad
        refused(V, client, DataError, rf"{word}.*pixel 3, image 700")
    np.save(tmp_path / "short.npy", np.ones((50, 8)))
    whole = (tmp_path / "short.npy").read_bytes()
    (tmp_path / "short.npy").write_bytes(whole[:-100])
    refused(tmp_path / "short.npy", client, ImageReadError, "short.npy: a worker could not read it")
    refused(tmp_path / "absent.npy", client, ImageReadError, "absent.npy")
    refused(tmp_path / "photo.png", client, ParameterError, "expected a .npy file or a .zarr folder")
    np.save(tmp_path / "line.npy", np.ones(50))
    refused(tmp_path / "line.npy", client, ImageReadError, "one image a row")
    np.save(tmp_path / "other.npy", np.ones((5, 9)))
    np.save(tmp_path / "fine.npy", np.ones((5, 8)))
    refused([tmp_path / "other.npy", tmp_path / "fine.npy"], client, ShapeMismatchError, "one size")
    refused([np.ones((4, 9)), np.ones((5, 9))], client, ShapeMismatchError, "same number of pixels")


def test_bad_options_are_refused(client):
    from scipy.sparse import csc_array

    V = planted(8, 500, np.float32)
    refused(csc_array(V), client, IncompatibleError, "sparse")
    refused(V, client, ParameterError, "keep_every", keep_every=0)
    refused(V, client, IncompatibleError, "penalty_H", penalty_W=imgnmf.L1(1.0))
    refused(V, client, IncompatibleError, "hals", loss="kullback-leibler", solver="hals")


def test_what_ties_images_is_refused_before_anything_is_sent():
    class Untouched:
        """A client whose every use but one is an error."""

        asynchronous = False

    with pytest.raises(IncompatibleError, match="needs all of H in one place"):
        imgnmf.cluster.factorize(np.ones((4, 9)), 2, client=Untouched(), constraint_H=imgnmf.Sparseness(0.5))


def test_nothing_stays_with_the_workers(client, V):
    before = {key for keys in client.has_what().values() for key in keys}
    imgnmf.cluster.factorize(V, 4, client=client)
    left = client.run(lambda dask_worker: [name for name in dask_worker.plugins if name.startswith("imgnmf")])
    assert not any(left.values())
    gc.collect()
    deadline, more = time.monotonic() + 10, {"?"}
    while more and time.monotonic() < deadline:
        more = {key for keys in client.has_what().values() for key in keys} - before
        time.sleep(0.1)
    assert not more


def test_no_scheduler_is_a_clear_error_at_once():
    started = time.monotonic()
    with (
        pytest.raises(ClusterError, match="no dask scheduler answered at tcp"),
        imgnmf.cluster.connected("tcp://127.0.0.1:9", timeout=2),
    ):
        pass
    assert time.monotonic() - started < 10
    with pytest.raises(ClusterError, match="expected the address"), imgnmf.cluster.connected("8786"):
        pass


@pytest.mark.parametrize("init", [imgnmf.SPA(), imgnmf.ColumnSample(lead_in=False)], ids=["spa", "columns"])
def test_a_start_that_picks_images_picks_the_same_from_the_workers(client, V, init, monkeypatch):
    monkeypatch.setattr(cluster_fit, "SMALL_V", 0)
    there = imgnmf.cluster.factorize(V, 4, client=client, init=init, max_iter=0)
    assert np.allclose(there.W, imgnmf.factorize(V, 4, init=init, max_iter=0).W, rtol=1e-6)
