"""What an MCP tool gives, as a model can take it: text or JSON, of a bounded length.

The kinds of content are those of https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-result.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mcp_types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

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


def outcome_of(result: CallToolResult, max_bytes: int, secret: str | None = None) -> ToolOutcome:
    """A call's result: its structured content where there is one, else its texts, with a line in place of each image,
    sound and file. What is longer than `max_bytes` of UTF-8 becomes text that ends early. `secret` is blotted out.
    """
    text = "\n".join(map(_as_text, result.content))
    value: Json = text
    if result.structured_content is not None and not result.is_error:
        value = result.structured_content
        if not all(isinstance(block, TextContent) for block in result.content):
            # By the specification texts repeat what is structured; other kinds of content do not.
            value = {"structured_content": value, "content": text}
        text = json.dumps(value, ensure_ascii=False)
    if secret and secret in text:
        text = text.replace(secret, "[secret]")
        value = text
    encoded = text.encode(errors="replace")
    if len(encoded) > max_bytes:
        return ToolOutcome(encoded[:max_bytes].decode(errors="ignore"), result.is_error, truncated=True)
    return ToolOutcome(value, result.is_error)


def _as_text(block: ContentBlock) -> str:
    match block:
        case TextContent():
            return block.text
        case ImageContent():
            return f"[image, {block.mime_type}, {_size(block.data)}: not shown]"
        case AudioContent():
            return f"[audio, {block.mime_type}, {_size(block.data)}: not shown]"
        case ResourceLink():
            said = f" ({block.description})" if block.description else ""
            return f"[link to resource '{block.name}': {block.uri}{said}]"
        case EmbeddedResource():
            held = block.resource
            if isinstance(held, TextResourceContents):
                return f"[resource {held.uri}]\n{held.text}"
            return f"[resource {held.uri}, {held.mime_type or 'binary'}, {_size(held.blob)}: not shown]"


def _size(base64_text: str) -> str:
    """Bytes behind a base64 text, which has 4 characters for 3."""
    return f"{len(base64_text.rstrip('=')) * 3 // 4:,} bytes"
