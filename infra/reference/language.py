"""`docs/language.md`: every field of a workflow and of a step, and what stands in them, from the language's own descriptions."""

from __future__ import annotations

import re
from typing import Any, Final

from infra.reference.tables import code, prose, rows, table
from workflow_engine.language import syntax
from workflow_engine.language.document import (
    CaseDocument,
    DocumentModel,
    LoopConfig,
    MapConfig,
    StepDocument,
    SwitchConfig,
    WorkflowDocument,
)
from workflow_engine.language.explanations import example_text
from workflow_engine.language.fields import EXAMPLES, FIELDS, OPERATORS, TEMPLATE_VARIABLES, TEXTS
from workflow_engine.language.schema.models import model_schema
from workflow_engine.language.scopes import RESERVED_IDS

_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Order report",
    "execution_pattern": "dependency",
    "input_schema": {
        "type": "object",
        "required": ["orders"],
        "properties": {"orders": {"type": "array", "items": {"type": "object"}}, "currency": {"type": "string"}},
    },
    "variables": {"limit": 100},
    "steps": [
        {
            "step_id": "totals",
            "step_type": "transform",
            "input_mapping": {"orders": "input.orders", "limit": "variables.limit"},
            "config": {"expression": "[orders[total >= $$.limit]]"},
        },
        {
            "step_id": "letters",
            "step_type": "data_processing",
            "for_each": "totals",
            "max_items": 100,
            "conditions": "item.country in ['DE', 'AT']",
            "input_mapping": {"input": {"template": "Dear {{ item.name }}, you ordered for {{ item.total }}."}},
            "config": {"processing_type": "uppercase"},
        },
    ],
    "output": {"letters": "letters.result", "status": "letters.status"},
}
"""The workflow at the top of the page, which the tests run."""

_PAGE: Final = """# The language

A workflow is a JSON or YAML document: steps, what each is given, and when it runs. This page has every field; what a step type may
be configured with is in [step-types.md](step-types.md), and what findings mean in [diagnostics.md](diagnostics.md). Your editor
knows all of it from the JSON Schema: [editors.md](editors.md). Made of the language's own descriptions by `make generate`.

```json
{example}
```

## A workflow

{workflow}

## A step

{step}

A step id begins with a letter or a digit, is no number, and is none of these words: {reserved}.

## References

{reference}

{reference_examples}

## Sources

{source}

{source_fields}

## Templates

Text with references in double braces. Objects are shown as JSON, what is missing as nothing. Beside references there are:

| | |
|---|---|
{variables}

## Conditions

{condition}

{condition_fields}

In a text, tests are joined by `and`, `or` and `not`, and parentheses group them. A reference by itself is false where its value is
null, false, 0, or an empty text, list or object. Texts stand in single or double quotes.

| operator | | example |
|---|---|---|
{operators}

## Containers

A container is a step that holds steps. Its own fields stand in its `config`.

### map

{map}

### loop

{loop}

### switch

{switch}

A case:

{case}

## How a run goes

{run}

## What a reference reads

{values}
"""


def example() -> dict[str, Any]:
    """The workflow at the top of the page."""
    return _EXAMPLE


def as_markdown() -> str:
    """The page."""
    run, values = _semantics()
    return _PAGE.format(
        example=example_text(_EXAMPLE),
        workflow=_model(WorkflowDocument),
        step=_model(StepDocument),
        reserved=", ".join(f"`{word}`" for word in sorted(RESERVED_IDS)),
        reference=TEXTS["Reference"],
        reference_examples=_examples("Reference"),
        source=TEXTS["Source"],
        source_fields=_fields("Source"),
        variables="\n".join(f"| `{{{{ {name} }}}}` | {meaning} |" for name, meaning in TEMPLATE_VARIABLES.items()),
        condition=TEXTS["Condition"],
        condition_fields=_fields("Condition"),
        operators="\n".join(f"| `{op}` | {prose(meaning)} | `{shown}` |" for op, (meaning, shown) in OPERATORS.items()),
        map=_model(MapConfig),
        loop=_model(LoopConfig),
        switch=_model(SwitchConfig),
        case=_model(CaseDocument),
        run=run,
        values=values,
    )


def _model(model: type[DocumentModel]) -> str:
    return table(rows(model_schema(model)))


def _fields(part: str) -> str:
    """The fields of a part of the language that has no model."""
    lines = [
        f"| `{name}` | {prose(words.description)} | {'<br>'.join(map(code, words.examples)) or ' '} |"
        for name, words in FIELDS[part].items()
    ]
    return "\n".join(["| field | meaning | examples |", "|---|---|---|", *lines])


def _examples(part: str) -> str:
    return "Examples: " + ", ".join(map(code, EXAMPLES[part])) + "."


def _semantics() -> tuple[str, str]:
    """How a run goes, and what references read: as `language.syntax` says it, where compiler and tests read it, too."""
    text = (syntax.__doc__ or "").replace("`MAX_LIST_NESTING`", str(syntax.MAX_LIST_NESTING))
    run, values = re.findall(r"^[^\n*]+\):\n\n((?:\* .*|  .*|\n)+)", text, flags=re.MULTILINE)
    return run.strip(), values.strip()
