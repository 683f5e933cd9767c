"""What an author of a text that is no JSON most likely did: comments, trailing commas, quotes and words of other languages."""

from __future__ import annotations

import json
import re
from typing import Final

_COMMENT: Final = re.compile(r"//|/\*|#")
_WORD: Final = re.compile(r"[A-Za-z_$][\w$-]*")
_YAML_LINE: Final = re.compile(r"---|(?:- +)?[\w-]+:(?: .*)?")
MAX_HEAD: Final = 2_000
"""Characters that are looked at to tell another format."""
_WORDS: Final = {"True": "true", "False": "false", "None": "null", "nil": "null", "undefined": "null"}
_CONFLICT: Final = ("<<<<<<<", "=======", ">>>>>>>")
_CURLY_QUOTES: Final = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"


def json_advice(error: json.JSONDecodeError) -> str:
    """What to do about an error of `json.loads`, with a space before it; the empty string where that is not known."""
    text, position, message = error.doc, error.pos, error.msg
    if _is_yaml(text):
        return " This looks like YAML: name the file .yaml, or send it as application/yaml."
    if not text[position:].strip():
        return " The document ends too early: a closing } or ] is missing."
    if message.startswith("Invalid \\escape"):
        return " A backslash in a text is written \\\\."
    if message.startswith(("Invalid control character", "Unterminated string")):
        return ' A text ends on its line with a "; a line break in it is written \\n.'
    if message.startswith("Extra data") and not _COMMENT.match(text, position):
        return " The document has ended before this. Remove what follows, or the bracket too many."
    return _advice_on_token(text, position, message)


def _is_yaml(text: str) -> bool:
    """Whether the first line that says something begins a YAML document."""
    lines = (line for line in text[:MAX_HEAD].splitlines() if line.strip() and not line.startswith("#"))
    return _YAML_LINE.fullmatch(next(lines, "").rstrip()) is not None


def _advice_on_token(text: str, position: int, message: str) -> str:
    """The same, by what stands at the position where something else was expected."""
    before, character = text[:position].rstrip(), text[position]
    if text.startswith(_CONFLICT, position):
        return " A merge conflict stands here. Decide what stays, and remove its marks."
    if character in _CURLY_QUOTES:
        return ' Use straight quotes: ".'
    if _COMMENT.match(text, position):
        return " JSON has no comments. Remove it."
    if character == "'":
        return ' Texts and names stand in double quotes: ".'
    if message.startswith("Illegal trailing comma") or (character in "}]" and before.endswith(",")):
        return " Remove the comma before the closing bracket."
    if word := _WORD.match(text, position):
        name = word.group()
        return (
            f" Write {_WORDS[name]}." if name in _WORDS else f' Names and texts stand in double quotes: "{name[:40]}".'
        )
    if message.startswith("Expecting ',' delimiter"):
        return ' A comma is missing before it, or a " in a text is not written \\".'
    return ""
