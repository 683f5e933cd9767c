"""The tools that every agent may have, as models and authors are told of them.

What calling them does is code with packages of its own (`agent_tools.builtin`), which is made of these descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.lazy_dataclass import dataclass

MAX_EXPRESSION_CHARACTERS: Final = 500
MAX_QUERY_CHARACTERS: Final = 1_000
MAX_PAGE_CHARACTERS: Final = 100_000
DEFAULT_PAGE_CHARACTERS: Final = 20_000


@dataclass(frozen=True, slots=True)
class BuiltinToolDescription:
    """A tool as models are told of it: `name` fits `[A-Za-z0-9_-]{1,64}`, `parameters` is the JSON Schema (draft
    2020-12) of its arguments.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]


def _arguments(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": False}


BUILTIN_TOOL_DESCRIPTIONS: Final[Mapping[str, BuiltinToolDescription]] = {
    tool.name: tool
    for tool in (
        BuiltinToolDescription(
            "calculator",
            "Evaluates an arithmetic expression exactly as written and gives the number (or true or false for a "
            "comparison). Use it for every calculation.",
            _arguments(
                {
                    "expression": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": MAX_EXPRESSION_CHARACTERS,
                        "description": "Numbers, + - * / // % **, comparisons, parentheses, pi, e, and abs, ceil, cos, "
                        "degrees, exp, factorial, floor, gcd, hypot, log (natural, or log(x, base)), log10, log2, max, "
                        "min, radians, round, sin, sqrt, tan, trunc, acos, asin, atan, atan2. Example: "
                        "round(1250 * 1.19 ** 3, 2)",
                    }
                },
                "expression",
            ),
        ),
        BuiltinToolDescription(
            "current_time",
            "Tells the date and time now.",
            _arguments(
                {
                    "timezone": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 64,
                        "description": "IANA name such as Europe/Berlin. Default: UTC.",
                    }
                }
            ),
        ),
        BuiltinToolDescription(
            "json_query",
            "Picks, filters and reshapes JSON data by a JMESPath query.",
            _arguments(
                {
                    "query": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": MAX_QUERY_CHARACTERS,
                        "description": "JMESPath. Example: orders[?total > `100`].customer.name | sort(@)",
                    },
                    "data": {"description": "The JSON value to be queried."},
                },
                "query",
                "data",
            ),
        ),
        BuiltinToolDescription(
            "web_page",
            "Fetches a public web page or text document and gives it as Markdown.",
            _arguments(
                {
                    "url": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 2048,
                        "description": "An http or https URL.",
                    },
                    "max_characters": {
                        "type": "integer",
                        "minimum": 100,
                        "maximum": MAX_PAGE_CHARACTERS,
                        "description": f"Where to cut the text. Default: {DEFAULT_PAGE_CHARACTERS}.",
                    },
                },
                "url",
            ),
        ),
    )
}

BUILTIN_TOOL_NAMES: Final = tuple(BUILTIN_TOOL_DESCRIPTIONS)
