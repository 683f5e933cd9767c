"""Durations counted in buckets whose bounds grow by a tenth. Pure.

A bucket is a whole number, a histogram counts by bucket, and two are merged by adding: that is what a table can do with numbers
of a record. The method is that of DDSketch ("A fast and fully-mergeable quantile sketch with relative-error guarantees"):
a quantile is off by `RELATIVE_ERROR` at most, however many durations and histograms it is made of.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Final

from workflow_engine.lazy_dataclass import dataclass

_GROWTH: Final = 1.1
"""Bucket `n` holds durations above `_GROWTH ** (n - 1)` and up to `_GROWTH ** n` milliseconds; 0 holds those of 0 and 1."""

_LOG_GROWTH: Final = math.log(_GROWTH)

RELATIVE_ERROR: Final = (_GROWTH - 1) / (_GROWTH + 1)
"""Of quantiles and means, for durations of a millisecond or more: 4.8 %."""

LAST_BUCKET: Final = 255
"""Up to 358,000 hours, while a run lasts a year at most."""


def bucket_of(milliseconds: int) -> int:
    """The bucket that a duration is counted in."""
    return min(math.ceil(math.log(milliseconds) / _LOG_GROWTH), LAST_BUCKET) if milliseconds > 1 else 0


def seconds_of(bucket: int) -> float:
    """What a duration in a bucket is taken for, in seconds: nowhere in it is the relative error larger than at its bounds."""
    milliseconds: float = 2 * _GROWTH**bucket / (_GROWTH + 1) if bucket else 1.0
    return milliseconds / 1000


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many durations there were, by bucket. All figures are in seconds, and off by `RELATIVE_ERROR` at most."""

    buckets: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, milliseconds: Iterable[int]) -> Histogram:
        """The histogram of some durations."""
        return cls(Counter(map(bucket_of, milliseconds)))

    @property
    def count(self) -> int:
        """How many durations it has."""
        return sum(self.buckets.values())

    @property
    def mean(self) -> float:
        """Their mean. ValueError where there are none."""
        return sum(seconds_of(bucket) * number for bucket, number in self.buckets.items()) / self._any_count()

    def quantile(self, share: float) -> float:
        """The least duration that a share of them, above 0 and up to 1, does not exceed: 0.5 for the median, 0.95 for p95.
        ValueError where there are none.
        """
        left = max(1, math.ceil(share * self._any_count()))
        for bucket in sorted(self.buckets):
            left -= self.buckets[bucket]
            if left <= 0:
                return seconds_of(bucket)
        raise ValueError(f"A share is above 0 and up to 1, which {share} is not.")

    def merged(self, other: Histogram) -> Histogram:
        """That of the durations of both."""
        sums = Counter(self.buckets)
        sums.update(other.buckets)
        return Histogram(sums)

    def _any_count(self) -> int:
        if count := self.count:
            return count
        raise ValueError("A histogram without durations has no mean and no quantiles.")
