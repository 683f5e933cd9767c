"""JSON out of a model's answer, and what to say when it is not what was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from llm_gateway.json_reader import UnreadableJsonError, read_json, read_json_at, unfenced
from llm_gateway.request import GenerationRequest, Message, ResponseFormat, Schema, Text

MAX_PROBLEMS: Final = 5
MAX_FALSE_STARTS: Final = 50
"""Brackets of prose that may be taken for the beginning of a value before the answer counts as one without."""

_START: Final = re.compile(r"[{\[]|<(think|thinking|reasoning)>", re.IGNORECASE)
_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)


class NotAsAskedError(ValueError):
    """The answer is no JSON, or JSON that does not fit. The message says why, in words for the model."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The value of an answer, and other values in it that would have fitted as well: drafts, mostly."""

    value: Any
    drafts: tuple[Any, ...] = ()


def parsed(text: str, form: ResponseFormat, *, is_whole: bool = True) -> Parsed:
    """The JSON value of an answer without its reasoning: all of it, or the last value in it that fits, since models write
    drafts before what they settle on. `is_whole` is false for an answer that was cut off.

    Raises NotAsAskedError.
    """
    try:
        values = [read_json(text.strip())]
    except UnreadableJsonError as error:
        reason = f"The answer is not valid JSON: {error}."
        values = list(_values_in(text, is_whole=is_whole))
    if not values:
        raise NotAsAskedError(reason)
    if form.schema is None:
        # Everything fits: an object is more likely meant than the [1] of a citation.
        objects = [value for value in values if isinstance(value, dict)]
        return _settled(objects or values)
    problems = [_problems(value, form.schema) for value in values]
    fitting = [value for value, found in zip(values, problems, strict=True) if not found]
    if not fitting:
        raise NotAsAskedError("The JSON does not fit the schema: " + "; ".join(problems[-1]) + ".")
    return _settled(fitting)


def repair(request: GenerationRequest, answer: str, problem: NotAsAskedError) -> GenerationRequest:
    """The request that asks once more, the answer and what is wrong with it before the model's eyes. Without tools: what
    they had to tell is in the conversation.
    """
    schema = request.response_format.schema if request.response_format else None
    shape = "" if schema is None else f" The JSON Schema is: {json.dumps(schema, ensure_ascii=False)}"
    correction = f"{problem} Answer again with the corrected JSON value alone, without prose or code fences.{shape}"
    said = answer or "(nothing)"
    return replace(
        request,
        messages=(*request.messages, Message("assistant", (Text(said),)), Message("user", (Text(correction),))),
        tool_choice="none",
    )


def _settled(values: list[Any]) -> Parsed:
    last = values[-1]
    drafts: list[Any] = []
    for value in values[:-1]:
        if not _same(value, last) and not any(_same(value, draft) for draft in drafts):
            drafts.append(value)
    return Parsed(last, tuple(drafts))


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _values_in(text: str, *, is_whole: bool) -> Iterator[Any]:
    """Objects and lists within prose, in order, and other values that stand in code fences alone."""
    scalars = []
    for fenced in unfenced(text):
        try:
            value = read_json(fenced)
        except UnreadableJsonError:
            continue
        if not isinstance(value, dict | list):
            scalars.append(value)
    yield from scalars
    place, false_starts = 0, 0
    while false_starts < MAX_FALSE_STARTS and (start := _START.search(text, place)):
        if start[1]:  # reasoning within a line: what it considers is not the answer
            end = re.compile(f"</{start[1]}>", re.IGNORECASE).search(text, start.end())
            place = end.end() if end else start.end()
            continue
        try:
            value, place = read_json_at(text, start.start())
        except UnreadableJsonError:
            false_starts += 1
            end_of_it = _end_of_brackets(text, start.start())
            if end_of_it is None and not is_whole:
                return  # a value that was cut off: what stands in it is a part, not the answer
            place = end_of_it or start.end()
            continue
        yield value


def _end_of_brackets(text: str, start: int) -> int | None:
    """Where the brackets that begin here are closed again; None where they are not."""
    depth = 0
    for match in _BRACKET.finditer(text, start):
        if match[0] in "{[":
            depth += 1
        elif match[0] in "}]":
            depth -= 1
            if depth == 0:
                return match.end()
    return None


def _problems(value: Any, schema: Schema) -> list[str]:
    """What does not fit, in sentences; the first few."""
    from workflow_engine.json_schema import CannotApplyError, SchemaValidator

    try:
        misfits = SchemaValidator(schema).misfits(value, MAX_PROBLEMS)
    except CannotApplyError as error:
        return [f"the schema itself cannot be applied ({error})"]
    return [
        f"{'/' + '/'.join(map(str, misfit.path)) if misfit.path else 'the value'}: {misfit.message[:300]}"
        for misfit in misfits
    ]
