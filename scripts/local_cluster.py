"""Start a dask scheduler and workers on this machine, until Ctrl-C or SIGTERM: `make cluster`.

Scheduler and workers belong to this one process. A port that is taken ends it before any worker starts, so no worker
registers with somebody else's scheduler.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading

HOST = "127.0.0.1"
# Ctrl-C reaches every process of the terminal. The workers leave it to this one, which closes them.
IGNORE_CTRL_C = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"


def main() -> int:
    """Run the cluster until a signal comes, and return the exit code."""
    options = _read_options()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        from distributed import LocalCluster
    except ImportError:
        print("no cluster: dask is not installed; install imgnmf[dask]", file=sys.stderr)
        return 1
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        cluster = LocalCluster(
            host=HOST,
            scheduler_port=options.port,
            n_workers=options.workers,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
            preload=[IGNORE_CTRL_C],
        )
    except Exception as error:
        if stopped.is_set():
            return 0
        print(
            f"no cluster on port {options.port}: {_first_cause(error)}; for another port: make cluster PORT=N",
            file=sys.stderr,
        )
        return 1
    with cluster:
        print(f"a scheduler and {options.workers} workers run here until Ctrl-C; in another terminal:")
        print(f"imgnmf fit photos/ -k 25 -o parts.imgnmf --scheduler {cluster.scheduler_address}", flush=True)
        stopped.wait()
    return 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8786)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _first_cause(error: BaseException) -> BaseException:
    """Return the error of the socket, which dask wraps in its own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


if __name__ == "__main__":
    sys.exit(main())
