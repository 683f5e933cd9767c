"""Templates: `Hi {{ a.data.name }}`, with `{{{x}}}` for the literal text `{{x}}`."""

from __future__ import annotations

import re
from typing import Final, cast, get_args

from workflow_engine.language.references import MalformedTextError, malformed, scan_reference
from workflow_engine.language.syntax import Reference, Template, TemplateVariable, TemplateVariableName

VARIABLES: Final[tuple[str, ...]] = get_args(TemplateVariableName)

_VARIABLE: Final = re.compile(rf"({'|'.join(VARIABLES)})(?=\s*\}}\}})")


def parse_template(text: str) -> Template:
    """Text and references in turn; adjacent text is one part, and empty text is none.

    A bare `{{ uuid }}` is always the variable, also where a step has that id (its output is `{{ uuid.output }}`).
    Raises `MalformedTextError` (WFE-E303).
    """
    parts: list[str | Reference | TemplateVariable] = []
    texts: list[str] = []  # adjacent ones, not joined yet
    position = 0
    while (opening := text.find("{{", position)) >= 0:
        texts.append(text[position:opening])
        if text.startswith("{{{", opening):
            closing = text.find("}}}", opening)
            if closing < 0:
                raise malformed("WFE-E303", text, opening, "'{{{' is not closed by '}}}'.")
            texts.append("{{" + text[opening + 3 : closing] + "}}")
            position = closing + 3
        else:
            part, position = _placeholder(text, opening)
            parts.extend(filter(None, ["".join(texts)]))
            parts.append(part)
            texts.clear()
    parts.extend(filter(None, ["".join([*texts, text[position:]])]))
    return Template(tuple(parts))


def may_hold_names(template: Template) -> bool:
    """Whether the author's own text in a template may hold `{names}` that are filled later."""
    return any(isinstance(part, str) and "{" in part for part in template.parts)


def _placeholder(text: str, opening: int) -> tuple[Reference | TemplateVariable, int]:
    """What stands between `{{` at `opening` and its `}}`, and the position after that."""
    part: Reference | TemplateVariable
    start = _skip_space(text, opening + 2)
    if variable := _VARIABLE.match(text, start):
        part, end = TemplateVariable(cast("TemplateVariableName", variable.group(1))), variable.end()
    else:
        try:
            part, end = scan_reference(text, start)
        except MalformedTextError as error:
            raise MalformedTextError("WFE-E303", error.detail) from None
    end = _skip_space(text, end)
    if not text.startswith("}}", end):
        raise malformed("WFE-E303", text, end, "'}}' is expected here. A literal '{{x}}' is written '{{{x}}}'.")
    return part, end + 2


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position
