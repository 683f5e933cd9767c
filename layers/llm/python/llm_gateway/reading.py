"""An answer of a provider, read: without the reasoning in it, with no text that cannot be handed on, and its JSON value."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from llm_gateway.json_reader import whole_text
from llm_gateway.reasoning import split_reasoning
from llm_gateway.request import ResponseFormat
from llm_gateway.response import ProviderAnswer, Remark
from llm_gateway.structured import Parsed, parsed


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """An answer, what was said beside it, and its JSON value where it has one."""

    answer: ProviderAnswer
    remarks: tuple[Remark, ...] = ()
    value: Any = None

    def with_value(self, found: Parsed) -> ReadAnswer:
        """The same with the value that counts; what else would have fitted is a remark."""
        drafts = (Remark("draft", json.dumps(draft, ensure_ascii=False)) for draft in found.drafts)
        return replace(self, value=found.value, remarks=(*self.remarks, *drafts))


def read_answer(answer: ProviderAnswer) -> ReadAnswer:
    """Take the reasoning off the text, and mend half surrogate pairs."""
    is_whole = answer.finish_reason not in ("length", "cut_off")
    text, thoughts = split_reasoning(whole_text(answer.text), is_whole=is_whole)
    warnings = answer.warnings
    if thoughts and not text and not answer.tool_calls:
        warnings = (*warnings, "The model gave its reasoning and no answer.")
    read = replace(answer, text=text, warnings=warnings)
    return ReadAnswer(read, tuple(Remark("reasoning", thought) for thought in thoughts))


def value_of(answer: ProviderAnswer, form: ResponseFormat) -> Parsed:
    """The JSON value of an answer that was read. Raises NotAsAskedError."""
    return parsed(answer.text, form, is_whole=answer.finish_reason != "length")
