"""What is kept of each step beside its result: what it received, and the attempts at it.

Most readers ask for results alone, so details stand apart from them: in `details` of the same item where they are few, else in
chunks of about 1 MB in the payload store. A chunk is a JSON list of `[ordinal of the result, details]`. What a step received of
more than 64 KB is kept by itself, as outputs are.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store.items import dump
from workflow_engine.store.payloads import Keep, Link, PayloadStore

CHUNK_BYTES: Final = 1024 * 1024

INLINE_BYTES: Final = 48 * 1024
"""Details that fit into the item beside the results, which leave a hundred KB of it (`items.MAX_INLINE_BYTES`)."""


@dataclass(frozen=True, slots=True)
class StepDetails:
    """`received` is `{input_data, config}`, None for a step without a task of its own, and where it is kept by itself: under
    `link`, in so many bytes of JSON. `attempts` are those at the step, oldest first, as they are answered.
    """

    received: Json
    link: tuple[Link, int] | None
    attempts: list[Json]
    function_name: str | None


def kept(details: Iterable[tuple[int, StepDetails]], keep: Keep) -> str:
    """Keep the details of a run's steps, given with the ordinals of their results; gives what `KeptDetails.of` reads."""
    chunks: list[tuple[int, Link]] = []
    lines: list[str] = []
    first = size = 0
    for ordinal, one in details:
        line = dump([ordinal, [one.received, one.link, one.attempts, one.function_name]])
        if lines and size + len(line) > CHUNK_BYTES:
            chunks.append((first, keep((f"[{','.join(lines)}]".encode(),))))
            lines, size = [], 0
        if not lines:
            first = ordinal
        lines.append(line)
        size += len(line)
    rest = f"[{','.join(lines)}]"
    if not chunks and len(rest.encode()) <= INLINE_BYTES:
        return f'{{"lines":{rest}}}'
    return dump({"chunks": [*chunks, (first, keep((rest.encode(),)))]})


@dataclass(frozen=True, slots=True)
class KeptDetails:
    """The details of a run that has ended, by the ordinal of the result. One chunk is in memory at a time."""

    chunks: list[tuple[int, Link]]
    load: Callable[[Link], Any]
    _loaded: dict[int, dict[int, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, payloads: PayloadStore) -> KeptDetails:
        """Those of a record."""
        told = json.loads(text)
        if "lines" in told:
            return cls([(0, "")], payloads.load, {0: dict(told["lines"])})
        return cls([(first, link) for first, link in told["chunks"]], payloads.load)

    def find(self, ordinal: int) -> StepDetails | None:
        """The details of one step, None where there are none."""
        at = bisect_right(self.chunks, ordinal, key=lambda chunk: chunk[0]) - 1
        if at < 0:
            return None
        if at not in self._loaded:
            self._loaded.clear()
            self._loaded[at] = dict(self.load(self.chunks[at][1]))
        found = self._loaded[at].get(ordinal)
        if found is None:
            return None
        received, link, attempts, function_name = found
        return StepDetails(received, None if link is None else (link[0], link[1]), attempts, function_name)
