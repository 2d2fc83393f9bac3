"""One cluster of two worker processes for all tests of a run, and data with known parts."""

import os

import numpy as np
import pytest

distributed = pytest.importorskip("distributed", reason="imgnmf[dask] is not installed")

from imgnmf import cluster as _  # noqa: E402, F401 - before the workers are forked off


@pytest.fixture(scope="session")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture(scope="session")
def V():
    return planted(48, 2600, np.float32)


def planted(n_pixels, n_images, dtype, order="F"):
    rng = np.random.default_rng(0)
    parts = rng.random((n_pixels, 6)) ** 4 @ rng.random((6, n_images)) ** 2
    return np.asarray(parts + 0.05 * rng.random((n_pixels, n_images)), dtype, order=order)


def kill_a_worker(client):
    """As the system does when memory runs out: at once, without a word."""

    def busy_here(dask_worker):
        return any(name.startswith("imgnmf") and plugin.pieces for name, plugin in dask_worker.plugins.items())

    pids, busy = client.run(os.getpid), client.run(busy_here)
    os.kill(next(pid for worker, pid in sorted(pids.items()) if busy[worker]), 9)
