"""JSON out of a model's answer, and what to say when it is not what was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from llm_gateway.request import GenerationRequest, Message, ResponseFormat, Schema, Text

_FENCED: Final = re.compile(r"```(?:json|JSON)?\s*\n(.*?)```", re.DOTALL)
MAX_PROBLEMS: Final = 5


class NotAsAskedError(ValueError):
    """The answer is no JSON, or JSON that does not fit. The message says why, in words for the model."""


def parsed(text: str, form: ResponseFormat) -> Any:
    """The JSON value of an answer: all of it, or what stands in a code fence or after some prose.

    Raises NotAsAskedError.
    """
    values = list(_candidates(text))
    if not values:
        raise NotAsAskedError("The answer is not valid JSON.")
    if form.schema is None:
        return values[0]
    problems = [_problems(value, form.schema) for value in values]
    for value, found in zip(values, problems, strict=True):
        if not found:
            return value
    raise NotAsAskedError("The JSON does not fit the schema: " + "; ".join(problems[0]) + ".")


def repair(request: GenerationRequest, answer: str, problem: NotAsAskedError) -> GenerationRequest:
    """The request that asks once more, the answer and what is wrong with it before the model's eyes. Without tools: what
    they had to tell is in the conversation.
    """
    schema = request.response_format.schema if request.response_format else None
    shape = "" if schema is None else f" The JSON Schema is: {json.dumps(schema, ensure_ascii=False)}"
    complaint = f"{problem} Answer again with the corrected JSON value alone, without prose or code fences.{shape}"
    said = answer or "(nothing)"
    return GenerationRequest(
        messages=(*request.messages, Message("assistant", (Text(said),)), Message("user", (Text(complaint),))),
        system=request.system,
        tools=request.tools,
        tool_choice="none",
        temperature=request.temperature,
        top_p=request.top_p,
        max_tokens=request.max_tokens,
        stop=request.stop,
        response_format=request.response_format,
        timeout_seconds=request.timeout_seconds,
    )


def _candidates(text: str) -> Iterator[Any]:
    texts = [text.strip(), *(match[1].strip() for match in _FENCED.finditer(text))]
    for candidate in texts:
        try:
            yield json.loads(candidate, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            continue
    starts = [position for position in (text.find("{"), text.find("[")) if position > 0]
    for start in sorted(starts):
        try:
            yield json.JSONDecoder(parse_constant=_no_constant).raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


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
