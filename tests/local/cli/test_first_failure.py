"""Which step is named as the one that failed first."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.cli.waiting import first_failure


def step(status: str, at: int | None = None) -> dict[str, Any]:
    return {"status": status, "completed_at": None if at is None else f"2026-11-28T12:00:{at:02d}.000Z"}


@pytest.mark.parametrize(
    ("error", "steps", "first"),
    [
        ("b", {"a": step("completed", 1), "b": step("failed", 2), "c": step("failed", 3)}, "b"),
        (None, {"b": step("failed", 3), "c": step("failed", 2)}, "c"),
        ("b", {"tolerated": step("failed", 1), "b": step("failed", 2)}, "b"),
        ("rows", {"rows": step("failed", 5), "rows[0]": step("failed", 4), "rows[1]": step("failed", 3)}, "rows[1]"),
        (
            "m",
            {"m": step("failed", 5), "m[3].inner": step("failed", 5), "m[2].inner": step("completed", 1)},
            "m[3].inner",
        ),
        ("inner", {"m": step("failed", 5), "m[3].inner": step("failed", 5)}, "m[3].inner"),
        ("gone", {}, "gone"),
        (None, {"a": step("completed", 1)}, None),
    ],
)
def test_the_first_failure(error: str | None, steps: dict[str, Any], first: str | None) -> None:
    assert first_failure({"error": {"step_id": error}, "step_results": steps}) == first
