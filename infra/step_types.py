"""The step types, and what each becomes, as a page of the docs: `python -m infra.step_types > docs/step-types.md`.

Made of the code alone: the smallest step of a type is compiled by itself, the functions and their actions are those of the
catalogue, the tests and examples those that have such a step. Only what differs on a laptop is told here.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args

from infra.catalog import function
from infra.function import Function
from infra.reference.catalogue import sections
from workflow_engine.compiler import compile_workflow
from workflow_engine.language import parse_workflow
from workflow_engine.language.drafts import ContainerKind
from workflow_engine.language.walk import walk_steps
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.steps import Catalogue, builtin_catalogue

ROOT: Final = Path(__file__).parents[1]
TESTS: Final = ("journeys", "local", "e2e")
"""Folders of tests that are asked which types they run, those first that run in both places."""

MOST_NAMED: Final = 3
"""Tests, and examples, of a type that the page names. The rest is left out, so that it changes with what types become alone."""

_INNER: Final = [{"step_id": "inner", "step_type": "data_input", "config": {"data": 1}}]

SAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "data_input": {"data": {}},
    "data_processing": {"processing_type": "word_count"},
    "transform": {"expression": "$sum(list)"},
    "delay": {"delay_seconds": 1},
    "fail": {"error": "OrderRefused"},
    "map": {"items": "input.list", "max_items": 1, "steps": _INNER},
    "loop": {"until": "index == 0", "max_iterations": 1, "steps": _INNER},
    "switch": {"cases": [{"when": "input.a == 1", "steps": _INNER}]},
    "prompt": {"query_template": "Hello"},
    "agent_execution": {"query": "Hello", "mode": "simulation"},
    "tool_execution": {"tool_name": "calculator"},
    "subflow": {"workflow_id": "child"},
    "human_approval": {"prompt": "Release?"},
    "http_request": {"url": "https://example.com/"},
    "file_reader": {"file_path": "file:report"},
    "vector_storage": {"collection_name": "reports"},
    "vector_search": {"collection_name": "reports"},
}
"""The smallest configuration of each type; types that need none are left out."""

REGISTERED: Final[tuple[Mapping[str, Any], ...]] = (
    {"step_type": "lambda"},
    {
        "step_type": "http",
        "execution_type": "http",
        "endpoint_config": {"url": "https://example.com/", "timeout_seconds": 30},
    },
    {
        "step_type": "activity",
        "execution_type": "activity",
        "activity_arn": "arn:aws:states:us-east-1:123456789012:activity:a",
    },
)
"""One registration of each kind; `local` is called as a Lambda is."""

LAPTOP: Final[Mapping[str, str]] = {
    "delay": "`workflow run --skip-time` does not wait",
    "agent_execution": "keys of models come from the environment",
    "tool_execution": "a registered Lambda is not there, unless `--steps` has it",
    "human_approval": "everybody has every role, and `forbid_self` forbids nothing",
    "http_request": "secrets come from the environment",
    "file_reader": "paths below the server's directory are read, `s3://` is not",
    "embedding_generation": "keys of models come from the environment",
    "vector_storage": "SQLite, not S3 Vectors",
    "vector_search": "SQLite, not S3 Vectors: exact, not approximate",
    "lambda": "`execution_type: local`: a Python function in the folder of `--steps`",
    "http": "secrets come from the environment",
    "activity": "no relay: the server has the tasks itself",
}
"""What is otherwise on a laptop. Nothing is for the types that are not here."""

_OF_OTHERS: Final = {"lambda": "the client's", "activity": "a worker"}
_ENDPOINTS: Final = "step_http"
_ORIGINAL: Final = {"rpc": "http", "api": "http"}
_NAMED: Final = re.compile(r'(?:"(?:step|execution)_type": |\bstep\("\w+", )"(\w+)"')
"""A step type in the text of a test: a field, or what a function `step(step_id, step_type)` is called with."""
_TASK: Final = re.compile(r"arn:aws:states:::(?:aws-sdk:)?(.*)")


@dataclass(frozen=True, slots=True)
class Row:
    """A step type and what becomes of it. `states` and `events` are texts: a number, or from and to."""

    name: str
    lowered_to: str
    states: str
    events: str
    functions: tuple[Function, ...]
    tests: tuple[str, ...]
    examples: tuple[str, ...]


def rows() -> Iterator[Row]:
    """All step types that can run, built-in ones first, in the order of the catalogue."""
    catalogue = builtin_catalogue().with_registered(REGISTERED)
    tests, examples = _tests(), _examples()
    for step_type in catalogue.step_types():
        if step_type.available:
            names = (step_type.name, *step_type.aliases)
            tried = (
                sorted(set().union(*(found.get(name, ()) for name in names)), key=partial(_rank, step_type.name))
                for found in (tests, examples)
            )
            yield _row(catalogue, step_type.name, *map(tuple, tried))


def _rank(step_type: str, name: str) -> tuple[bool, bool, str]:
    """Journeys are told first, and of these the one whose subject the type is."""
    return not name.startswith(TESTS[0]), not any(word in name for word in step_type.split("_")), name


def _row(catalogue: Catalogue, name: str, tests: tuple[str, ...], examples: tuple[str, ...]) -> Row:
    step = {"step_id": "step", "step_type": name, "config": SAMPLES.get(name, {})}
    if catalogue.by_name[name].takes_input and name not in get_args(ContainerKind):
        step["input_mapping"] = {"list": "input.list"}
    parsed = parse_workflow({"name": "Sample", "steps": [step]}, catalogue)
    assert parsed.workflow is not None, (name, parsed.diagnostics)
    compilation = compile_workflow(parsed.workflow, catalogue)
    plan, bindings, of_the_run = compilation.plan, compilation.bindings, 2
    return Row(
        name,
        ", ".join(_states(compilation.machine)),
        _range(plan["transitions_min"], plan["transitions_max"]),
        _range(plan["history_events_min"] - of_the_run, plan["history_events_max"] - of_the_run),
        tuple(
            function(_ENDPOINTS if alias in bindings.get("endpoints", ()) else alias)
            for alias in bindings["functions"]
            if alias not in _OF_OTHERS
        ),
        tests,
        examples,
    )


def _states(machine: Mapping[str, Any]) -> dict[str, None]:
    """The kinds of states of a machine, each once; of those inside of others not one."""
    kinds = dict[str, None]()
    for state in machine["States"].values():
        resource = state.get("Resource", "")
        known = _TASK.fullmatch(resource)
        kind = known[1] if known else "activity" if ":activity:" in resource else ""
        kinds[f"{state['Type']} `{kind}`" if kind else state["Type"]] = None
    return kinds


def _range(least: int, most: int | None) -> str:
    return str(least) if least == most else f"{least} to {'any' if most is None else most}"


def _tests() -> dict[str, set[str]]:
    """Files of tests by the step types that stand in them."""
    found: dict[str, set[str]] = {}
    for folder in TESTS:
        for file in sorted((ROOT / "tests" / folder).glob("test_*.py")):
            text = file.read_text(encoding="utf-8")
            names = set(_NAMED.findall(text))
            names |= {"lambda"} if re.search(r'"(function_arn|execution_type)": "?(arn|local|lambda)', text) else set()
            for name in names:
                found.setdefault(_ORIGINAL.get(name, name), set()).add(f"{folder}/{file.name}")
    return found


def _examples() -> dict[str, set[str]]:
    """Examples by the step types that stand in them."""
    found: dict[str, set[str]] = {}
    for file in sorted((ROOT / "statemachines" / "examples").glob("*/workflow.json")):
        for _, step in walk_steps(json.loads(file.read_text(encoding="utf-8"))):
            found.setdefault(str(step["step_type"]), set()).add(file.parent.name)
    return found


_PAGE: Final = """# Step types

What each built-in step type does, its configuration and its output; then what it becomes and costs. Types of your own:
[steps.md](steps.md). Made of the catalogue's own descriptions by `make generate`.

{named}

## The types

{sections}

## What each step type becomes

Each type by itself, with the smallest configuration: how many states a run enters (what Step
Functions bills; the most counts the attempts that are made again by themselves), and how many of the 25,000 events of its history
that takes. `map` and `loop` hold one step here and run it once. What Lambda bills comes on top where there is a function.

| step type | lowered to | states | events | function |
|---|---|---|---|---|
{types}

The last three are registered types by their `execution_type`; `local` is `lambda` on a laptop.

## What their functions may do

Beside their own logs and traces, each with a role of its own; on which resources is in `tests/golden/infra/roles.json`.

| function | memory | at most | actions |
|---|---|---|---|
{functions}

## Where they are tried, and what differs on a laptop

Files of tests that have such a step; those of `journeys` run on a laptop and on the emulator. The examples of
`statemachines/examples` are compared with their machines and results.

| step type | tests | examples | on a laptop |
|---|---|---|---|
{trials}
"""


def as_markdown() -> str:
    """The page."""
    table = tuple(rows())
    used = {f.name: f for row in table for f in row.functions}
    return _PAGE.format(
        named=", ".join(f"[{t.name}](#{t.name})" for t in builtin_catalogue().step_types() if t.available) + ".",
        sections=sections(SAMPLES),
        types="\n".join(
            f"| `{r.name}` | {r.lowered_to} | {r.states} | {r.events} | {_functions_of(r)} |" for r in table
        ),
        functions="\n".join(
            f"| `{f.name}` | {f.memory_mb} MB | {f.timeout_seconds} s | {_actions_of(f)} |" for f in used.values()
        ),
        trials="\n".join(
            f"| `{r.name}` | {_some(r.tests)} | {_some(r.examples)} | {LAPTOP.get(r.name, 'as in the cloud')} |"
            for r in table
        ),
    )


def _functions_of(row: Row) -> str:
    return ", ".join(f"`{f.name}`" for f in row.functions) or _OF_OTHERS.get(row.name, "none")


def _actions_of(described: Function) -> str:
    actions = dict.fromkeys(action for grant in described.grants for action in grant.actions)
    return ", ".join(f"`{action}`" for action in actions) or "none"


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:MOST_NAMED])


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
