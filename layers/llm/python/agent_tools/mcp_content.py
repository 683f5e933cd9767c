"""What an MCP tool gives, as a model can take it: text or JSON, of a bounded length.

The kinds of content are those of https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-result.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Any
"""A JSON value: None, bool, int, float, str, list or dict of such."""


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What a tool call gave: a text or another JSON value. `is_error`: the tool says that it failed, or it was not called
    at all; the text tells the model why. `truncated`: the end was left out.
    """

    content: Json
    is_error: bool = False
    truncated: bool = False


def outcome_of(result: Mapping[str, Any], output_schema: Any, max_bytes: int, secret: str | None = None) -> ToolOutcome:
    """A call's result, as the server gave it: its structured content where there is one that fits the tool's schema, else its
    texts, with a line in place of each image, sound and file. What is longer than `max_bytes` of UTF-8 becomes text that
    ends early. `secret` is blotted out.
    """
    is_error = result.get("isError") is True
    content = result.get("content")
    blocks = content if isinstance(content, list) else [] if content is None else [content]
    text = "\n".join(map(_as_text, blocks))
    value: Json = text
    structured = result.get("structuredContent")
    if structured is not None and not is_error:
        problem = _misfit(structured, output_schema)
        if problem is not None:
            # Nothing is lost: what the tool said is worth more to a model than that it broke its own rule.
            said = text or json.dumps(structured, ensure_ascii=False)
            value = text = f"{said}\n[The structured content is left out: {problem}]"
        else:
            value = structured
            if not all(isinstance(block, dict) and block.get("type") == "text" for block in blocks):
                # By the specification texts repeat what is structured; other kinds of content do not.
                value = {"structured_content": value, "content": text}
            text = json.dumps(value, ensure_ascii=False)
    if secret and secret in text:
        text = text.replace(secret, "[secret]")
        value = text
    encoded = text.encode(errors="replace")
    if len(encoded) > max_bytes:
        return ToolOutcome(encoded[:max_bytes].decode(errors="ignore"), is_error, truncated=True)
    return ToolOutcome(value, is_error)


def _misfit(structured: Json, schema: Any) -> str | None:
    """Why structured content cannot be used. A schema that cannot be applied rules nothing out."""
    from workflow_engine.json_schema import CannotApplyError, SchemaValidator

    try:
        json.dumps(structured, allow_nan=False)
    except ValueError:
        return "it holds a number that is not finite."
    if schema is None:
        return None
    try:
        misfits = SchemaValidator(schema).misfits(structured, 1)
    except CannotApplyError:
        return None
    if not misfits:
        return None
    place = "/".join(map(str, misfits[0].path))
    return f"it does not fit the tool's schema{f' at {place!r}' if place else ''}: {misfits[0].message[:300]}"


def _as_text(block: Any) -> str:
    """A part of the content, of whatever kind; a field that it should have and lacks is told as unknown."""
    if not isinstance(block, dict):
        return block if isinstance(block, str) else json.dumps(block, ensure_ascii=False)
    kind = block.get("type")
    match kind:
        case "text" if isinstance(block.get("text"), str):
            return str(block["text"])
        case "image" | "audio":
            return f"[{kind}, {block.get('mimeType') or 'unknown'}, {_size(block.get('data'))}: not shown]"
        case "resource_link":
            said = f" ({block['description']})" if block.get("description") else ""
            return f"[link to resource '{block.get('name')}': {block.get('uri')}{said}]"
        case "resource" if isinstance(block.get("resource"), dict):
            held = block["resource"]
            if isinstance(held.get("text"), str):
                return f"[resource {held.get('uri')}]\n{held['text']}"
            return f"[resource {held.get('uri')}, {held.get('mimeType') or 'binary'}, {_size(held.get('blob'))}: not shown]"
        case _ if isinstance(block.get("text"), str):
            return str(block["text"])
        case _:
            return f"[content of the kind '{kind}': not shown]"


def _size(base64_text: Any) -> str:
    """Bytes behind a base64 text, which has 4 characters for 3."""
    length = len(base64_text.rstrip("=")) if isinstance(base64_text, str) else 0
    return f"{length * 3 // 4:,} bytes"
