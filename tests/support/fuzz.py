"""A pytest plugin: every property test over new random examples, until the time is over.

    pytest -p tests.support.fuzz --fuzz-seconds 600

`make test` tries the same examples every time, so that a red run is about the change; this is where new ones are looked
for. What fails here is told with its example, which is tried first the next time (folder `.hypothesis`): mend the code, and
write the example down as an `@example` of the test.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import pytest
from hypothesis import is_hypothesis_test, settings

from tests.support.examples import draw_new_examples

FIRST_EXAMPLES: Final = 3
"""Of a test's first round, which shows how long an example takes."""

MOST_EXAMPLES: Final = 2_000
"""Of one round: hypothesis remembers the examples of a round, and begins each with another seed."""

HEAVY_SHARE: Final = 4
"""Tests of tests/property start machines, or processes of Node: they get so many times the time of a test of one function."""

_COUNT: Final = "fuzz_examples"


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long to go on."""
    parser.addoption("--fuzz-seconds", type=float, default=600.0, help="seconds of wall clock to look for examples in")


def pytest_configure(config: pytest.Config) -> None:
    """Let chance decide."""
    draw_new_examples()
    config.pluginmanager.register(_Fuzz(config))


@dataclass(slots=True, eq=False)
class _Fuzz:
    """The time that is left for one process, and the shares of the tests that it will be spent on."""

    config: pytest.Config
    ends: float = 0.0
    shares_left: float = 0.0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what hypothesis gives no examples to."""
        left_out = [item for item in items if not is_hypothesis_test(_function(item))]
        items[:] = [item for item in items if is_hypothesis_test(_function(item))]
        self.config.hook.pytest_deselected(items=left_out)
        workers = int(getattr(self.config, "workerinput", {}).get("workercount", 1))
        self.shares_left = sum(map(_share, items)) / workers

    def pytest_collection_finish(self) -> None:
        """Start the clock: what comes before is no search."""
        self.ends = time.monotonic() + self.config.getoption("--fuzz-seconds")

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Run the test in rounds while its share of the time lasts."""
        share = _share(item)
        seconds = (self.ends - time.monotonic()) * share / max(self.shares_left, share)
        self.shares_left -= share
        ends = time.monotonic() + seconds
        examples = _Examples(item)
        try:
            examples.next_round(FIRST_EXAMPLES)
            yield
            while number := examples.that_fit(ends - time.monotonic()):
                examples.next_round(number)
                item.runtest()
        finally:
            item.user_properties.append((_COUNT, examples.tried))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how much was tried, and what to do with a failure."""
        counts = list(_counts(terminalreporter))
        terminalreporter.write_line(f"fuzz: {sum(counts):,} random examples for {len(counts)} property tests")
        if terminalreporter.stats.get("failed"):
            terminalreporter.write_line(
                "mend the code, and write each failing test case down as an @example of its test"
            )


class _Examples:
    """Rounds of a test's examples, and how many there were."""

    def __init__(self, item: pytest.Item) -> None:
        self.test = _function(item)
        self.tried = 0
        self.tried_before = 0
        self.wanted = 0
        self.began = time.monotonic()
        inner = self.test.hypothesis.inner_test

        @functools.wraps(inner)
        def counted(*arguments: Any, **named: Any) -> Any:
            self.tried += 1
            return inner(*arguments, **named)

        self.test.hypothesis.inner_test = counted

    def next_round(self, number: int) -> None:
        """Let the test's next run try so many examples, by another seed."""
        self.wanted, self.tried_before = number, self.tried
        # `@settings` can't be applied to a test that has it already: https://hypothesis.readthedocs.io ("settings")
        before = self.test._hypothesis_internal_use_settings
        self.test._hypothesis_internal_use_settings = settings(before, max_examples=number)

    def that_fit(self, seconds: float) -> int:
        """How many examples to try next; 0 at the end of the time, or when the last round found no more to try."""
        if self.tried - self.tried_before < self.wanted:
            return 0
        pace = (time.monotonic() - self.began) / self.tried
        return max(0, min(MOST_EXAMPLES, int(seconds / 2 / pace)))


def _function(item: pytest.Item) -> Any:
    function = getattr(item, "obj", None)
    return getattr(function, "__func__", function)


def _share(item: pytest.Item) -> float:
    return HEAVY_SHARE if "property" in item.path.parts else 1


def _counts(reporter: pytest.TerminalReporter) -> Iterator[int]:
    for outcome in ("passed", "failed"):
        for report in reporter.stats.get(outcome, []):
            yield from (cast(int, value) for name, value in report.user_properties if name == _COUNT)
