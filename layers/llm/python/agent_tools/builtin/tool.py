"""What a built-in tool is, and what it may ask its surroundings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from workflow_engine.outbound import AddressPolicy

Json = Any
"""A JSON value: None, bool, int, float, str, list or dict of such."""

Schema = Mapping[str, Any]
"""A JSON Schema of draft 2020-12."""


def _now() -> datetime:
    return datetime.now(UTC)


def _no_limit() -> float:
    return math.inf


@dataclass(frozen=True, slots=True)
class ToolEnvironment:
    """The addresses that may be reached, the clock (aware, any zone), and how many seconds are left for everything."""

    policy: AddressPolicy = field(default_factory=AddressPolicy)
    now: Callable[[], datetime] = _now
    seconds_left: Callable[[], float] = _no_limit


Function = Callable[[Mapping[str, Any], ToolEnvironment], Json]
"""Called with arguments that fit the tool's schema. Raises ToolError."""


@dataclass(frozen=True, slots=True)
class BuiltinTool:
    """A tool as models are told of it: `name` fits `[A-Za-z0-9_-]{1,64}`, `parameters` is the schema of its arguments."""

    name: str
    description: str
    parameters: Schema
    function: Function
