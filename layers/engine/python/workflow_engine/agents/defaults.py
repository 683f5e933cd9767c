"""What counts for an agent that says nothing of it."""

from __future__ import annotations

from typing import Final

TIMEOUT_SECONDS: Final = 840
"""A minute less than the longest that Lambda lets a function run (Lambda quotas, "Function timeout": 900 seconds)."""

TOOL_ITERATIONS: Final = 10
"""How often the model may ask for tools before it must answer."""
