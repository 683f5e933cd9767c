"""Durations in buckets: what their quantiles and means are worth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.store.aggregates.histogram import LAST_BUCKET, RELATIVE_ERROR, Histogram, bucket_of, seconds_of

YEAR = 366 * 24 * 3600 * 1000
durations = st.lists(st.integers(1, YEAR), min_size=1, max_size=200)


@given(durations, st.sampled_from((0.01, 0.5, 0.95, 0.99, 1.0)))
def test_a_quantile_is_that_of_the_sorted_durations_within_the_error(milliseconds: list[int], share: float) -> None:
    exact = sorted(milliseconds)[math.ceil(share * len(milliseconds)) - 1] / 1000
    told = Histogram.of(milliseconds).quantile(share)
    assert abs(told - exact) <= RELATIVE_ERROR * exact * (1 + 1e-9)


@given(durations)
def test_a_mean_is_within_the_error(milliseconds: list[int]) -> None:
    exact = sum(milliseconds) / len(milliseconds) / 1000
    assert abs(Histogram.of(milliseconds).mean - exact) <= RELATIVE_ERROR * exact * (1 + 1e-9)


@given(durations, durations)
def test_merging_histograms_is_counting_all_at_once(some: list[int], others: list[int]) -> None:
    merged = Histogram.of(some).merged(Histogram.of(others))
    assert merged == Histogram.of(some + others)
    assert merged.count == len(some) + len(others)


def test_a_year_has_a_bucket_of_its_own_and_nothing_lies_beyond_the_last() -> None:
    assert bucket_of(YEAR) < LAST_BUCKET
    assert bucket_of(10**20) == LAST_BUCKET


def test_no_time_at_all_counts_as_a_millisecond() -> None:
    assert bucket_of(0) == bucket_of(1) == 0
    assert Histogram.of([0]).quantile(0.5) == seconds_of(0) == 0.001


def test_the_error_is_below_five_percent() -> None:
    assert RELATIVE_ERROR < 0.05


def test_without_durations_there_is_no_mean_and_no_quantile() -> None:
    assert Histogram().count == 0
    with pytest.raises(ValueError, match="without durations"):
        _ = Histogram().mean
    with pytest.raises(ValueError, match="without durations"):
        Histogram().quantile(0.5)
