"""Numbers, tables, rows, rounding: each against what it must be."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgnmf.compression.pixels import differences, rebuilt, undone
from imgnmf.compression.rounding import Quadratic
from imgnmf.compression.rows import read_rows, rows_as_bytes
from imgnmf.compression.tables import Table, table_of
from imgnmf.compression.wire import Reader, varint, zigzag
from imgnmf.errors import CodecError


@given(st.integers(0, 2**60), st.integers(-(2**40), 2**40))
def test_numbers_survive(value, signed):
    assert Reader(varint(value)).varint(2**60, "x") == value
    assert Reader(varint(zigzag(signed))).signed(2**40, "x") == signed


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(st.integers(-6000, 6000), min_size=n, max_size=n), min_size=1, max_size=6)
    ),
    st.sampled_from(["range", "lzma"]),
)
def test_rows_survive_with_their_own_tables(lists, coder):
    rows = [np.array(row, np.int64) for row in lists]
    reader = Reader(rows_as_bytes(rows, coder))
    again = read_rows(reader, len(rows), len(rows[0]))
    reader.end()
    assert np.array_equal(again, rows)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-400, 400), min_size=1, max_size=30))
def test_values_that_a_shared_table_has_never_seen_are_escaped(values):
    rows, tables = [np.array(values, np.int64)], [table_of(np.array([0, 0, 0, 1, 2]))]
    reader = Reader(rows_as_bytes(rows, "range", tables))
    assert np.array_equal(read_rows(reader, 1, len(values), tables), rows)


def test_a_coded_row_is_near_its_entropy():
    rng = np.random.default_rng(0)
    row = rng.geometric(0.4, 20_000) - 1
    share = np.bincount(row) / row.size
    entropy = -(share[share > 0] * np.log2(share[share > 0])).sum() * row.size / 8
    assert entropy < len(rows_as_bytes([row], "range")) < 1.02 * entropy + 30


def test_tables_cost_what_they_say():
    table = Table(-1, bytes([9, 1, 5]))
    assert table.bits[0] == pytest.approx(np.log2(table.frequencies.sum() / table.frequencies[0]))
    assert (np.diff(table.frequencies[[1, 2, 0]]) > 0).all()


def test_pixels_are_those_of_integer_arithmetic_in_any_order():
    rng = np.random.default_rng(0)
    W, H = rng.integers(-300, 300, (20, 30)), rng.integers(-90, 90, (20, 40))
    scale, offset = rng.integers(1, 10**4, 20), rng.integers(0, 256, 30)
    total = (W * scale[:, None]).T @ H
    expected = np.clip(((total + (1 << 27)) >> 28) + offset[:, None], 0, 255)
    assert np.array_equal(rebuilt(W, H, scale, offset), expected)
    order = rng.permutation(20)
    assert np.array_equal(rebuilt(W[order], H[order], scale[order], offset), expected)


def test_sums_that_would_not_be_exact_are_refused():
    with pytest.raises(CodecError, match="too large for exact arithmetic"):
        rebuilt(np.array([[1 << 20]]), np.array([[1 << 20]]), np.array([1 << 20]))


@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 3), (1, 7)])
def test_differences_are_undone(shape):
    W = np.random.default_rng(0).integers(0, 99, (4, int(np.prod(shape))))
    W[0] = np.arange(W.shape[1])
    rows, kinds = differences(W, shape)
    assert np.array_equal(undone(rows, kinds, shape), W)


def test_rounding_together_beats_rounding_each_and_is_near_the_best_there_is():
    rng = np.random.default_rng(0)
    A = rng.random((6, 3)) + 0.5
    truth = rng.integers(0, 4, (3, 25)) + rng.normal(0, 0.3, (3, 25))
    problem = Quadratic(A.T @ A, A.T @ (A @ truth), price=0)
    tables = [table_of(np.arange(6))] * 3

    def loss(Q):
        return (Q * (problem.gram @ Q)).sum() - 2 * (Q * problem.product).sum()

    found = problem.rounded(tables)
    assert loss(found) < loss(np.rint(problem.guess()))
    grid = np.array(list(itertools.product(range(7), repeat=3))).T.astype(float)
    values = (grid * (problem.gram @ grid)).sum(axis=0)[:, None] - 2 * grid.T @ problem.product
    worst = (np.abs(loss(grid[:, values.argmin(axis=0)])) - np.abs(loss(found))) / np.abs(loss(found))
    assert 0 <= worst < 0.01


def test_a_dear_bit_makes_more_zeros():
    rng = np.random.default_rng(0)
    A = rng.random((20, 5))
    V = A @ (rng.random((5, 200)) * 3 * (rng.random((5, 200)) > 0.5))
    zeros = [(Quadratic(A.T @ A, A.T @ V, price=price).tuned()[0] == 0).mean() for price in (0, 0.3, 3)]
    assert zeros[0] < zeros[1] < zeros[2]


def test_coefficients_are_never_negative_unless_signed():
    rng = np.random.default_rng(0)
    A = rng.random((20, 5))
    V = rng.normal(size=(20, 50)) * 5
    assert Quadratic(A.T @ A, A.T @ V).tuned()[0].min() == 0
    assert Quadratic(A.T @ A, A.T @ V, signed=True).tuned()[0].min() < 0
