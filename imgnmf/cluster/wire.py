"""Finding a cluster, seeing that its workers fit, and counting what goes over the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from distributed import Client
from distributed.protocol import serialize

import imgnmf
from imgnmf.core.parts import Array
from imgnmf.core.problem import Visit
from imgnmf.errors import ClusterError

__all__ = ["Passed", "aligned", "aligned_visit", "check_versions", "connected", "version_here", "wire_size"]

CONNECT_SECONDS = 8.0


@dataclass(frozen=True)
class Passed:
    """What one pass over V cost on the network.

    Attributes
    ----------
    number : int
        From 1.
    seconds : float
    workers : int
        That hold pieces.
    bytes_down : int
        W, as serialised, times the workers that are sent it.
    bytes_up : int
        Sums as serialised, times the steps from a worker to another one or to the client.
    restored : int
        Pieces that were loaded again in this pass because their worker was lost.
    """

    number: int
    seconds: float
    workers: int
    bytes_down: int
    bytes_up: int
    restored: int


@contextmanager
def connected(address: str, *, timeout: float = CONNECT_SECONDS) -> Iterator[Client]:
    """Give a client of the scheduler at `address`, and close it at the end.

    Parameters
    ----------
    address : str
        As ``dask scheduler`` prints it, say ``tcp://127.0.0.1:8786``.
    timeout : float
        In seconds.

    Raises
    ------
    ClusterError
        If no scheduler answers in time.

    Examples
    --------
    >>> with connected("nowhere"):
    ...     pass
    Traceback (most recent call last):
    imgnmf.errors.ClusterError: expected the address of a scheduler, say tcp://127.0.0.1:8786, got 'nowhere'
    """
    scheme, _, rest = address.partition("://")
    if not (scheme and rest.rpartition(":")[2].isdigit()):
        raise ClusterError(f"expected the address of a scheduler, say tcp://127.0.0.1:8786, got {address!r}")
    try:
        client = Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no dask scheduler answered at {address} within {timeout:g} s ({type(error).__name__}); "
            "start one with `dask scheduler`, and workers with `dask worker ADDRESS`"
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=2)


def _version_teller() -> Callable[[], str]:
    # Nested, so that it travels as code: a worker without imgnmf could not import it.
    def version() -> str:
        try:
            import imgnmf
        except ImportError:
            return "none"
        return str(getattr(imgnmf, "__version__", "unknown"))

    return version


version_here = _version_teller()


def check_versions(found: dict[str, str]) -> None:
    """Refuse workers that would compute with another imgnmf, or have none.

    Examples
    --------
    >>> check_versions({"tcp://10.0.0.1:40000": imgnmf.__version__})
    """
    wrong = {worker: has for worker, has in sorted(found.items()) if has != imgnmf.__version__}
    if wrong:
        listed = "; ".join(f"{worker} has {has}" for worker, has in list(wrong.items())[:5])
        raise ClusterError(
            f"all workers need imgnmf {imgnmf.__version__}, which runs here; {len(wrong)} of {len(found)} do not have "
            f"it: {listed}. Install imgnmf[dask]=={imgnmf.__version__} where these workers run, and start them again"
        )


def aligned(array: Array) -> Array:
    """The array, at an address that its numbers can be read from at once: what comes off the wire lies anywhere.

    Elsewhere NumPy multiplies copies, by another routine of the BLAS, and the last bits differ.
    """
    return np.require(array, requirements="A")


def aligned_visit(visit: Visit) -> Visit:
    """A visit, all its arrays `aligned`."""
    arrays = {name: aligned(value) for name, value in vars(visit.parts).items() if isinstance(value, np.ndarray)}
    parts: Any = visit.parts
    return visit._replace(parts=replace(parts, **arrays))


def wire_size(message: Any) -> int:
    """How many bytes `message` is when it is sent."""
    _, frames = serialize(message)
    return sum(memoryview(frame).nbytes for frame in frames)
