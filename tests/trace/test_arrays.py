"""Arrays in a trace: kept once, written exactly or as a summary, and what is said of damaged ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.strategies import normal, seeds
from vizgrad import TraceError
from vizgrad.trace import arrays

any_array = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.int64, np.uint8, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@given(st.lists(any_array, max_size=8))
def test_equal_arrays_share_a_place_and_others_do_not(items):
    store = arrays.Arrays()
    places = [store.add(item) for item in items]
    keys = [(item.dtype.str, item.shape, item.tobytes()) for item in items]
    assert len(store.items) == len(set(keys))
    for item, key, place in zip(items, keys, places, strict=True):
        assert place == places[keys.index(key)]
        np.testing.assert_array_equal(store.items[place], item)
        assert store.items[place].dtype == item.dtype


def test_what_is_kept_is_a_copy():
    store, array = arrays.Arrays(), np.zeros(3)
    store.add(array)
    array[:] = 1
    np.testing.assert_array_equal(store.items[0], [0, 0, 0])
    assert store.add(array) == 1


def test_a_large_array_is_known_by_identity_and_copied_where_others_may_write():
    store, array = arrays.Arrays(), normal(0, (arrays.FULL + 1,))
    mine, fresh = array.copy(), normal(1, array.shape)
    assert [store.add(array), store.add(fresh, fresh=True), store.add(array), store.add(fresh)] == [0, 1, 0, 1]
    assert store.items[1] is fresh
    array *= 2
    assert store.add(array) == 2
    np.testing.assert_array_equal(store.items[0], mine)
    np.testing.assert_array_equal(store.items[2], 2 * mine)
    store.add(fresh[::-1], fresh=True)
    assert not np.shares_memory(store.items[3], fresh)


@given(any_array)
def test_small_arrays_are_written_exactly(array):
    written = json.loads(json.dumps(arrays.to_json(array), allow_nan=False))
    back = arrays.from_json(written)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("size", [arrays.FULL, arrays.FULL + 1])
def test_the_limit_between_entries_and_summary(size):
    assert ("data" in arrays.to_json(np.zeros(size))) == (size <= arrays.FULL)


large = st.sampled_from([(5000,), (1, 5000), (5000, 1), (65, 65), (128, 784), (3, 40, 50), (2, 3, 30, 30)])


@given(large, seeds, st.sampled_from([np.float32, np.float64]))
def test_a_summary_describes_its_array(shape, seed, dtype):
    array = normal(seed, shape, dtype)
    array.reshape(-1)[:3] = np.nan, np.inf, -np.inf
    record = json.loads(json.dumps(arrays.to_json(array), allow_nan=False))
    summary = record["summary"]
    finite = array[np.isfinite(array)].astype(np.float64)
    assert summary["nonfinite"] == 3
    np.testing.assert_allclose([summary["min"], summary["max"]], [finite.min(), finite.max()])
    np.testing.assert_allclose([summary["mean"], summary["std"]], [finite.mean(), finite.std()], rtol=1e-6, atol=1e-9)
    assert sum(summary["histogram"]["counts"]) == finite.size
    rows, columns = summary["thumbnail"]["shape"]
    assert max(rows, columns) <= 32
    assert rows * columns == len(summary["thumbnail"]["data"])
    back = arrays.from_json(record)
    assert (back.shape, back.dtype) == (array.shape, array.dtype)
    assert arrays.to_json(back) == record


@pytest.mark.parametrize(
    "array",
    [
        np.full(5000, 1e17),
        np.full(5000, 1e300),
        np.full(5000, -3.0),
        np.zeros(5000),
        np.tile([1e308, -1e308], 2500),
        np.full(5000, 5e-324),
        np.full(5000, np.inf),
        np.full(5000, 65504, np.float16),
        np.full(9000, 255, np.uint8),
        np.ones(5000, bool),
    ],
    ids=lambda array: f"{array.dtype} {array[0]}",
)
def test_extreme_values_have_a_summary(array):
    summary = arrays.to_json(array)["summary"]
    numbers = [summary["min"], summary["max"], summary["mean"], summary["std"], *summary["histogram"]["edges"]]
    assert np.isfinite(numbers).all()
    finite = array[np.isfinite(array)].astype(float)
    if finite.size:
        assert (summary["min"], summary["max"]) == (finite.min(), finite.max())
        margin = 1e-9 * abs(summary["max"])
        assert summary["min"] - margin <= summary["mean"] <= summary["max"] + margin
        assert sum(summary["histogram"]["counts"]) == finite.size
    edges = summary["histogram"]["edges"]
    assert edges == sorted(edges)
    json.dumps(summary, allow_nan=False)


@given(seeds)
def test_the_histogram_is_numpys(seed):
    array = normal(seed, (5000,))
    histogram = arrays.to_json(array)["summary"]["histogram"]
    counts, edges = np.histogram(array, bins=len(histogram["counts"]))
    np.testing.assert_allclose(histogram["edges"], edges, rtol=1e-9, atol=1e-12)
    assert np.abs(np.array(histogram["counts"]) - counts).sum() <= 2


def test_a_thumbnail_is_made_of_block_means():
    array = normal(0, (64, 96))
    blocks = array.reshape(32, 2, 32, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(arrays.thumbnail(array), blocks, rtol=1e-12)


def test_an_array_without_a_finite_entry_has_a_summary():
    record = arrays.to_json(np.full((70, 70), np.nan))
    assert record["summary"]["nonfinite"] == 4900
    json.dumps(record, allow_nan=False)


DAMAGED = [
    {},
    {"shape": [2]},
    {"shape": [2], "dtype": "float64", "data": [1]},
    {"shape": [-1], "dtype": "float64", "data": [1, 2]},
    {"shape": 2, "dtype": "float64", "data": [1, 2]},
    {"shape": [2], "dtype": "floaty", "data": [1, 2]},
    {"shape": [2], "dtype": "object", "data": [1, 2]},
    {"shape": [2], "dtype": "<U3", "data": [1, 2]},
    {"shape": [2], "dtype": None, "data": [1, 2]},
    {"shape": [2], "dtype": "float64", "data": ["one", 2]},
    {"shape": [2], "dtype": "float64", "data": [[], 2]},
    {"shape": [2], "dtype": "float64", "data": {}},
    {"shape": [1], "dtype": "uint8", "data": [10**30]},
    {"shape": [5000], "dtype": "float64", "summary": {}},
    {"shape": [5000], "dtype": "float64", "summary": {"thumbnail": {"shape": [2, 2], "data": [1]}}},
    {"shape": [10**15], "dtype": "float64", "summary": {"thumbnail": {"shape": [1, 1], "data": [1]}}},
    {"shape": [10**30], "dtype": "float64", "summary": {"thumbnail": {"shape": [1, 1], "data": [1]}}},
    [],
    None,
    3,
]


@pytest.mark.parametrize("record", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_array_is_refused(record):
    with pytest.raises(TraceError):
        arrays.from_json(record)
