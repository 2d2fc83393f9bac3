"""What the cluster's `factorize` takes for V, before anything is sent."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("distributed")

import dask.array as da

from imgnmf.cluster.sources import as_source
from imgnmf.errors import DataError

V = np.random.default_rng(0).random((12, 40))


def test_a_mask_is_refused_in_any_container():
    masked = np.ma.masked_greater(V, 0.9)
    for source in (masked, [masked], da.ma.masked_greater(da.from_array(V, chunks=(-1, 10)), 0.9)):
        with pytest.raises(DataError, match="masked"):
            as_source(source, None)


@pytest.mark.parametrize("dtype", [">f8", np.longdouble])
def test_byte_order_and_long_double_are_float64(dtype):
    for source in (V.astype(dtype), [V.astype(dtype)], da.from_array(V.astype(dtype))):
        assert as_source(source, None).dtype == np.float64
