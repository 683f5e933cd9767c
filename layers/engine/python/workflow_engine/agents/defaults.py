"""What counts for an agent that says nothing of it."""

from __future__ import annotations

from typing import Final

from workflow_engine.aws_quotas import FUNCTION_SECONDS

TIMEOUT_SECONDS: Final = FUNCTION_SECONDS - 60
"""The minute is for telling why it takes so long, before Lambda ends the function."""

TOOL_ITERATIONS: Final = 10
"""How often the model may ask for tools before it must answer."""
