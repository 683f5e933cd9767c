"""How many tokens a text has, near enough where no vendor counts: for simulation, budgets, and servers without usage.

No tokenizer is asked, since each model has its own and all of them are downloads. English prose comes to about four
characters a token, as OpenAI's "What are tokens and how to count them?" puts it; a Chinese, Japanese or Korean character
is one token. Equal texts have equal counts, everywhere.
"""

from __future__ import annotations

import json
import re
from typing import Final

from llm_gateway.request import GenerationRequest, Image, Part, Text, ToolCall, ToolResult

TOKENS_OF_AN_IMAGE: Final = 765
"""An image of 1024 by 1024 pixels in high detail with gpt-4o: 85, and 170 for each of its four tiles (OpenAI, "Images and
vision", "Calculating costs").
"""

_TOKENS_AROUND_A_MESSAGE: Final = 4
"""Its role and what parts it from the next one."""

_CJK: Final = (
    "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3100-\u318f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)

_PIECE: Final = re.compile(
    rf"(?P<cjk>[{_CJK}]+)"
    r"|(?P<latin>[A-Za-z]+)"
    rf"|(?P<other>[^\W\d_A-Za-z{_CJK}]+)"
    r"|(?P<number>\d+)"
    r"|(?P<marks>[!-/:-@\[-`{-~]+)"
    r"|(?P<lines>\s*\n\s*)"
    r"|(?P<gap>[^\S\n]{2,})"
    r"|(?P<symbols>[^\w\s]+)"
)
"""A text's pieces; a single blank belongs to the word after it and is none."""

_CHARACTERS_A_TOKEN: Final = {
    "cjk": 1,
    "latin": 7,
    "other": 4,
    "number": 3,
    "marks": 2,
    "lines": 64,
    "gap": 64,
    "symbols": 1,
}
"""At most this many characters of a piece make a token: most English words are one."""


def count_tokens(text: str) -> int:
    """About how many tokens a text has; 0 for none, at least 1 for any text that is not blank. Linear in its length."""
    return sum(
        -(-len(piece.group()) // _CHARACTERS_A_TOKEN[piece.lastgroup or "symbols"]) for piece in _PIECE.finditer(text)
    )


def count_request(request: GenerationRequest) -> int:
    """About how many tokens a model reads: system prompt, messages, tools, and the schema of the answer."""
    total = 0 if request.system is None else _TOKENS_AROUND_A_MESSAGE + count_tokens(request.system)
    for message in request.messages:
        total += _TOKENS_AROUND_A_MESSAGE + sum(map(_count_part, message.parts))
    for tool in request.tools:
        total += count_tokens(tool.name) + count_tokens(tool.description) + count_tokens(_json(tool.parameters))
    if request.response_format is not None and request.response_format.schema is not None:
        total += count_tokens(_json(request.response_format.schema))
    return total


def _count_part(part: Part) -> int:
    match part:
        case Text(text):
            return count_tokens(text)
        case Image():
            return TOKENS_OF_AN_IMAGE
        case ToolCall(_, name, arguments):
            return count_tokens(name) + count_tokens(_json(arguments))
        case ToolResult(_, _, content):
            return _TOKENS_AROUND_A_MESSAGE + count_tokens(content)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
