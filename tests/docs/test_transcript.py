"""A newcomer's hour, really run: from an empty folder to a run that was mended and redriven.

After a wanted change: `UPDATE_GOLDENS=1 pytest tests/docs/test_transcript.py`, and read the diff.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.docs.fences import REPOSITORY, Fence, commands, fences
from tests.docs.shell import Done, run, steady

TRANSCRIPT = REPOSITORY / "docs" / "transcript.md"


def written(fence: Fence, done: Iterator[Done]) -> str:
    """A block with what its commands wrote."""
    lines = []
    for _ in commands(fence):
        one = next(done)
        lines.append(f"$ {one.command.text}\n{one.output}")
        if not lines[-1].endswith("\n"):
            lines[-1] += "\n"
    return "".join(lines)


def is_same(one: str, other: str) -> bool:
    """What is logged and what happens may be told in another order, where both are of one moment."""
    return sorted(steady(one)) == sorted(steady(other))


def test_the_transcript_is_what_happens(tmp_path: Path) -> None:
    blocks = [fence for fence in fences(TRANSCRIPT) if "transcript" in fence.info]
    done = run([command for fence in blocks for command in commands(fence)], tmp_path)
    assert {"init", "validate", "test", "serve", "deploy", "start", "events", "redrive"} <= {
        word for one in done for word in one.command.text.replace("&& workflow", "workflow").split()
    }
    following = iter(done)
    made = [(fence, written(fence, following)) for fence in blocks]
    text = TRANSCRIPT.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_GOLDENS"):
        for fence, block in reversed(made):
            if not is_same(fence.text, block):
                text = text[: fence.start] + block + text[fence.end :]
        TRANSCRIPT.write_text(text, encoding="utf-8")
        return
    assert [fence.place for fence, block in made if not is_same(fence.text, block)] == []
