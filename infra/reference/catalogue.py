"""The built-in step types for people: what each does, its configuration and its output, from the catalogue's own descriptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from infra.reference.tables import kind, prose, rows, table
from workflow_engine.language.drafts import ContainerKind
from workflow_engine.language.explanations import example_text
from workflow_engine.steps import StepType, builtin_catalogue

_CONTAINERS: Final = get_args(ContainerKind)


def sections(samples: Mapping[str, Mapping[str, Any]]) -> str:
    """A section for each built-in step type that can run. `samples` has a configuration of each type that needs one."""
    types = [t for t in builtin_catalogue().step_types() if t.available]
    return "\n".join(line for t in types for line in _section(t, samples.get(t.name)))


def _section(step_type: StepType, sample: Mapping[str, Any] | None) -> Iterator[str]:
    yield f"### {step_type.name}\n"
    also = f" Also called {', '.join(f'`{alias}`' for alias in step_type.aliases)}." if step_type.aliases else ""
    yield f"{prose(step_type.description)}{also} {_reads(step_type)}".rstrip() + "\n"
    step = {"step_id": f"my_{step_type.name}", "step_type": step_type.name} | ({"config": sample} if sample else {})
    yield f"```json\n{example_text(step)}\n```\n"
    if step_type.name in _CONTAINERS:
        yield f"Its configuration: [{step_type.name}](language.md#{step_type.name}).\n"
    elif step_type.config_schema.get("properties"):
        yield f"Configuration:\n\n{table(rows(step_type.config_schema))}\n"
    yield f"{_output(step_type)}\n"


def _reads(step_type: StepType) -> str:
    """How a step of the type gets what it works on."""
    sentences = []
    if step_type.name in _CONTAINERS:
        sentences.append("The steps inside read what they need by themselves.")
    elif not step_type.takes_input:
        sentences.append("It takes no `input_mapping`.")
    elif step_type.needs_input:
        sentences.append("It works on what it is given: name a step in `dependencies`, or write an `input_mapping`.")
    templates = [*step_type.template_fields, *step_type.nested_template_fields]
    if templates:
        names = ", ".join(f"`{name}`" for name in templates)
        sentences.append(f"{names} may hold [templates](language.md#templates).")
    return " ".join(sentences)


def _output(step_type: StepType) -> str:
    schema = step_type.output_schema
    if schema.get("properties"):
        outputs = (row._replace(default="" if row.default == "required" else row.default) for row in rows(schema))
        lines = [f"| `{row.name}` | {row.kind} | {row.meaning} |" for row in outputs]
        return "\n".join(["Output:", "", "| field | type | meaning |", "|---|---|---|", *lines])
    described = prose(str(schema.get("description", "")))
    return f"Output: {kind(schema)}. {described}".rstrip() if schema else "Output: the value that it computes."
