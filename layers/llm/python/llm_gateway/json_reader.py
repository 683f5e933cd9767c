"""JSON as models write it, read strictly: the one place where structured answers and tool arguments enter the gateway.

Python's `json` reads more than JSON (`NaN`, `Infinity`, `1e400` as infinity, half a surrogate pair) and vendors' SDKs use
it. None of that can be handed on: Step Functions refuses it, DynamoDB has no such number, UTF-8 no such character.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

MAX_ENCODINGS: Final = 3
"""How often arguments may be JSON within a text of JSON; some models do it twice."""

MAX_SHOWN_CHARACTERS: Final = 500

_FENCED: Final = re.compile(r"```[A-Za-z0-9_-]*\s*\n?(.*?)\n?\s*```", re.DOTALL)


class UnreadableJsonError(ValueError):
    """It cannot be read, or not be handed on. The message says why, as the end of a sentence, in words for the model."""


def read_json(text: str) -> Any:
    """The value of a JSON text (RFC 8259), all of whose numbers and texts other programs can read, too.

    Raises UnreadableJsonError.
    """
    try:
        value = _DECODER.decode(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise UnreadableJsonError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise UnreadableJsonError("it is nested too deeply") from None
    except ValueError as error:
        raise UnreadableJsonError(str(error)) from None
    return checked(value)


def read_json_at(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at a place of a text, and where it ends. Raises UnreadableJsonError."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        raise UnreadableJsonError("there is no JSON") from None
    return checked(value), end


def checked(value: Any) -> Any:
    """A value that was read from JSON elsewhere, unchanged. Raises UnreadableJsonError for one that cannot be handed on."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        match found:
            case str():
                _check_text(found)
            case bool() | None:
                pass
            case int() | float():
                _check_number(found)
            case dict():
                waiting += found
                waiting += found.values()
            case list():
                waiting += found
            case _:
                raise UnreadableJsonError(f"it holds a value that is not JSON ({type(found).__name__})")
    return value


def tool_arguments(given: object) -> Mapping[str, Any]:
    """The arguments of a tool call in any of the forms that models and servers give them: an object, its JSON, that in a
    code fence or encoded again; nothing, an empty text and null are no arguments.

    Raises UnreadableJsonError.
    """
    for _ in range(MAX_ENCODINGS):
        if not isinstance(given, str):
            break
        text = _unfenced(given.strip())
        given = read_json(text) if text else None
    if given is None:
        return {}
    if not isinstance(given, dict):
        kind = {list: "a list", str: "a text", bool: "a boolean"}.get(type(given), "a number")
        raise UnreadableJsonError(f"they are {kind}, not a JSON object")
    checked(given)
    return given


def read_arguments(given: object) -> tuple[Mapping[str, Any], str | None]:
    """`tool_arguments`, or none and a sentence to the model that says why they cannot be read."""
    try:
        return tool_arguments(given), None
    except UnreadableJsonError as error:
        shown = given if isinstance(given, str) else repr(given)
        excerpt = f" You sent: {whole_text(shown)[:MAX_SHOWN_CHARACTERS]}" if shown.strip() else ""
        return {}, f"The arguments cannot be read: {error}. Call the tool again with one JSON object.{excerpt}"


def unfenced(text: str) -> Iterator[str]:
    """What stands in the code fences of a text."""
    return (match[1].strip() for match in _FENCED.finditer(text))


def whole_text(text: str) -> str:
    """The text with U+FFFD in the place of each half of a surrogate pair, which UTF-8 cannot spell."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unfenced(text: str) -> str:
    match = _FENCED.fullmatch(text)
    return match[1].strip() if match else text


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableJsonError("a text holds half a surrogate pair, which is not a character") from None


def _check_number(number: int | float) -> None:
    try:
        is_finite = math.isfinite(number)
    except OverflowError:  # a whole number beyond what a double holds
        is_finite = False
    if not is_finite:
        raise UnreadableJsonError("a number is too large or not finite")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)
