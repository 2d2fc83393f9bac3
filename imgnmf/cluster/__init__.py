"""`factorize` on a dask cluster: V and H stay with the workers, W and small sums travel (extra ``dask``)."""

from imgnmf.images.extras import needed

needed("distributed", "dask", "a cluster")

from imgnmf.cluster.fit import factorize  # noqa: E402
from imgnmf.cluster.wire import Passed, connected  # noqa: E402

__all__ = ["Passed", "connected", "factorize"]
