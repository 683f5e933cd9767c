"""Many sampled durations in one integer, added and compared all at once.

Lane i of a packed number is its i-th group of `width` bits, and holds a duration in fixed-point units: the i-th sample.
Plain addition adds lane by lane, since lanes are wide enough never to overflow into the next. Integers instead of floats
also make results the same on every machine.
"""

import collections.abc as abc
import random
from collections.abc import Callable
from typing import TypeAlias

Duration: TypeAlias = float | tuple[float, ...]
"""How long a vertex takes: always the same, or any of some values that are equally likely."""

# The longest duration has this many bits, so that durations are told apart to about a ten-millionth of it.
_PRECISION = 24

# Seed of the sampled durations: any number does, but it must stay, since it is part of what makes trees reproducible.
_SEED = 20

# Unknown durations are spread over one decade. Which distribution is of little weight; that they differ at all is of much.
_SHORTEST, _LONGEST = 1.0, 10.0

# A duration that is given may be wrong by so many doublings, either way.
_INEXACT = 0.5


class Lanes:
    """Durations of all vertices, packed, with the arithmetic on them.

    `count` is the number of lanes. `durations[v]` is the packed duration of vertex v. `maximum(a, b)` is the larger of
    two packed numbers in each lane. `total(a)` is the sum over the lanes: an int, proportional to the samples' mean.
    """

    __slots__ = ("count", "durations", "maximum", "total")

    count: int
    durations: tuple[int, ...]
    maximum: Callable[[int, int], int]
    total: Callable[[int], int]

    def __init__(self, vectors: abc.Sequence[abc.Sequence[float]]) -> None:
        """Pack `vectors`: each has a non-negative duration for each vertex and becomes one lane."""
        longest = max(map(max, vectors)) or 1.0
        units = (1 << _PRECISION) - 1
        # A lane holds the sum of all durations in each of two terms (before and after a cut), `total` that of all lanes.
        width = _PRECISION + len(vectors[0]).bit_length() + len(vectors).bit_length() + 2
        packed = [0] * len(vectors[0])
        for vector in reversed(vectors):
            packed = [
                lanes << width | round(value / longest * units) for lanes, value in zip(packed, vector, strict=True)
            ]
        self.count = len(vectors)
        self.durations = tuple(packed)
        if len(vectors) == 1:
            self.maximum, self.total = max, int
        else:
            self.maximum, self.total = _maximum_of(len(vectors), width), _total_of(width)


def _maximum_of(count: int, width: int) -> Callable[[int, int], int]:
    guards = sum(1 << (lane * width + width - 1) for lane in range(count))
    shift = width - 1

    def maximum(first: int, second: int) -> int:
        # With the guard bit set, a lane's subtraction cannot borrow from the next; the bit survives where first >= second.
        at_least = ((first | guards) - second) & guards
        # guard - 1 in each such lane: all ones below the guard, which selects the lane of `first`.
        return second ^ ((first ^ second) & (at_least - (at_least >> shift)))

    return maximum


def _total_of(width: int) -> Callable[[int], int]:
    modulus = (1 << width) - 1

    def total(packed: int) -> int:
        # 2**width is 1 modulo 2**width - 1, so every lane counts with weight 1: casting out nines, in base 2**width.
        return packed % modulus

    return total


def sampled(durations: abc.Sequence[Duration | None], samples: int, *, inexact: bool = False) -> Lanes:
    """Pack `durations`, each unknown one (None) and each distribution as `samples` random values, the same at every call.

    Unknown ones are drawn around the median of the known ones that are not zero. Known durations are equal in every sample,
    or where they are `inexact`, drawn around what is given. Where all are known and exact, one lane is enough.
    """
    exact = [duration for duration in durations if isinstance(duration, int | float)]
    if len(exact) == len(durations) and not inexact:
        return Lanes([exact])
    return Lanes(drawn(durations, samples, inexact=inexact))


def drawn(
    durations: abc.Sequence[Duration | None], samples: int, *, inexact: bool = False, seed: int = _SEED
) -> list[list[float]]:
    """Values of `durations` as `sampled` packs them, a list for each sample, in units of the longest known one."""
    known = [mean(duration) for duration in durations if duration is not None]
    positive = sorted(filter(None, known)) or [1.0]
    # All is measured in units of the longest known duration, so that no finite number is too large to be scaled.
    typical = positive[len(positive) // 2] / positive[-1] / ((_SHORTEST + _LONGEST) / 2)
    draw, shuffle = random.Random(seed), random.Random(seed).shuffle
    columns: dict[int, list[float]] = {}
    for vertex, duration in enumerate(durations):
        if isinstance(duration, tuple):
            # Each value as often as any other, which tells more than as many that are drawn one by one.
            columns[vertex] = [duration[i * len(duration) // samples] for i in range(samples)]
            shuffle(columns[vertex])

    def one(sample: int, vertex: int, duration: Duration | None) -> float:
        if duration is None:
            return draw.uniform(_SHORTEST, _LONGEST) * typical
        value = columns[vertex][sample] if isinstance(duration, tuple) else duration
        return value / positive[-1] * (2 ** draw.uniform(-_INEXACT, _INEXACT) if inexact else 1)

    return [[one(sample, *vertex) for vertex in enumerate(durations)] for sample in range(samples)]


def mean(duration: Duration) -> float:
    """The mean of a duration, which is itself where it is one number."""
    return sum(value / len(duration) for value in duration) if isinstance(duration, tuple) else duration
