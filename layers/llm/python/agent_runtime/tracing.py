"""One tool call: done, timed, cut to size."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent_runtime.toolbox import Toolbox, ToolFailedError
from llm_gateway.request import ToolCall
from llm_gateway.response import Remark
from workflow_engine.observability import get_logger

logger = get_logger(__name__)

MAX_RESULT_CHARACTERS: Final = 32_000
"""What of a result the model is shown."""

MAX_TRACED_CHARACTERS: Final = 2_000
"""What of arguments and results the trace keeps: it travels with the step's output, which holds 256 KiB at most."""

MAX_TRACE: Final = 50
"""How many calls the trace keeps."""

MAX_REMARKS: Final = 20
"""How many remarks of the model it keeps; the last ones, which are about the answer."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A tool call and how it went. `content` is what the model is shown."""

    name: str
    arguments: Mapping[str, Any]
    content: str
    is_error: bool
    duration_ms: int
    round: int

    def as_dict(self) -> dict[str, Any]:
        """As the step's output shows it: `{tool, arguments, result, is_error, truncated, duration_ms, iteration}`."""
        arguments = json.dumps(self.arguments, ensure_ascii=False)
        return {
            "tool": self.name,
            "arguments": dict(self.arguments)
            if len(arguments) <= MAX_TRACED_CHARACTERS
            else arguments[:MAX_TRACED_CHARACTERS],
            "result": self.content[:MAX_TRACED_CHARACTERS],
            "is_error": self.is_error,
            "truncated": max(len(self.content), len(arguments)) > MAX_TRACED_CHARACTERS,
            "duration_ms": self.duration_ms,
            "iteration": self.round,
        }


def traced_call(toolbox: Toolbox, call: ToolCall, round_: int) -> Traced:
    """Call a tool. What goes wrong is told to the model, which may do better; it never fails the step."""
    started = time.monotonic()
    is_error = False
    try:
        if call.problem is not None:
            raise ToolFailedError(call.problem)
        result = toolbox.call(call.name, call.arguments)
        content = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, allow_nan=False)
    except ToolFailedError as error:
        content, is_error = str(error), True
    except Exception as error:
        # A tool is foreign code: whatever it raises, the model should hear of it and the agent go on.
        logger.exception("tool failed", extra={"tool": call.name})
        content, is_error = f"The tool failed: {type(error).__name__}.", True
    duration = round((time.monotonic() - started) * 1000)
    logger.info("tool called", extra={"tool": call.name, "duration_ms": duration, "is_error": is_error})
    return Traced(call.name, call.arguments, _cut(content), is_error, duration, round_)


def remark_of(remark: Remark, round_: int) -> dict[str, Any]:
    """As the step's output shows what the model said beside its answer: `{kind, text, truncated, iteration}`."""
    return {
        "kind": remark.kind,
        "text": remark.text[:MAX_TRACED_CHARACTERS],
        "truncated": len(remark.text) > MAX_TRACED_CHARACTERS,
        "iteration": round_,
    }


def unfinished(call: ToolCall, round_: int) -> Traced:
    """A tool call whose end was not waited for."""
    return Traced(call.name, call.arguments, "The tool was not done when the agent's time was over.", True, 0, round_)


def _cut(content: str) -> str:
    if len(content) <= MAX_RESULT_CHARACTERS:
        return content
    return content[:MAX_RESULT_CHARACTERS] + f"\n[cut: {len(content):,} characters in all]"
