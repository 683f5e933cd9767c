"""A state of a run for tests of generated expressions: what each reference starts from, as JSONata and as a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from infra.local.stepfunctions.jsonata import evaluate
from tests.support.jsonata_node import Answer, Case, evaluate_all
from tests.support.reference_semantics import Json, equal
from workflow_engine.compiler.asl.expressions import expression
from workflow_engine.compiler.jsonata.fragments import Fragment, Read, Text
from workflow_engine.compiler.jsonata.references import Root
from workflow_engine.language.syntax import Reference, ScopeReference, Segment, StepReference, Wildcard

UUID = "00000000-0000-4000-8000-000000000000"
TEMPLATE_VARIABLES = {
    "current_timestamp": "2031-02-03T04:05:06.789Z",
    "current_date": "2031-02-03",
    "current_time": "04:05:06",
    "current_year": "2031",
    "current_month": "02",
    "current_day": "03",
    "uuid": UUID,
    "execution_id": "exec-1",
    "workflow_id": "wf-1",
    "user_id": "ann",
    "session_id": "",
}
"""What the variables of templates show in a `World`."""

MAX_SYNTAX_DEPTH = 80
MAX_EVALUATION_DEPTH = 90
"""AWS stops at an evaluation depth of about 100; a machine wraps what is measured here in a few levels more."""


@dataclass
class World:
    """Steps' records by id (`{"status", "output"?, "error"?}`) and the values of the scope words.

    It is a `Scope`: `locate` says where values stand in the bindings. Literals that a fragment places go to the input.
    """

    steps: dict[str, dict[str, Json]] = field(default_factory=dict)
    input: Json = None
    item: Json = None
    variables: Json = None
    literals: list[Json] = field(default_factory=list)

    def locate(self, reference: Reference) -> Root:
        match reference:
            case StepReference(step_id, facet):
                return Root(Read(f"s0_{step_id}", (facet,)), defined=facet in self.steps[step_id])
            case ScopeReference("item"):
                return Root(Text("$states.context.Map.Item.Value"), defined=True)
            case ScopeReference("index"):
                return Root(Text("$states.context.Map.Item.Index"), defined=True)
            case ScopeReference(word):
                return Root(Text(f"$states.context.Execution.Input.{word}"), defined=True)

    def lookup(self, reference: Reference) -> Json:
        match reference:
            case StepReference(step_id, facet):
                return self.steps[step_id].get(facet)
            case ScopeReference("index"):
                return 7
            case ScopeReference("execution"):
                return {"id": "exec-1", "started_at": "2031-02-03T04:05:00Z", "workflow_id": "wf-1"}
            case ScopeReference(word):
                return getattr(self, word)

    def literal(self, value: Json) -> Fragment:
        self.literals.append(value)
        return Text(f"$states.context.Execution.Input.literals[{len(self.literals) - 1}]")

    def bindings(self) -> dict[str, Any]:
        run = {"execution_id": "exec-1", "workflow_id": "wf-1", "user_id": "ann", "session_id": None}
        execution_input = {
            "input": self.input,
            "variables": self.variables,
            "literals": self.literals,
            "run": run,
        }
        context = {
            "Execution": {"Input": execution_input, "StartTime": "2031-02-03T04:05:00Z"},
            "State": {"EnteredTime": "2031-02-03T04:05:06.789Z"},
            "Map": {"Item": {"Value": self.item, "Index": 7}},
        }
        records = {f"s0_{step_id}": record for step_id, record in self.steps.items()}
        return {"states": {"context": context}, **records}


def source_of(fragment: Fragment) -> str:
    """The JSONata of a fragment as it stands in a machine, without `{% ` and ` %}`."""
    text = expression(fragment)
    assert text.startswith("{% ")
    assert text.find("%}") == len(text) - 2
    return text[3:-3]


def assert_values(cases: Iterable[tuple[Fragment, World, Json]]) -> list[Answer]:
    """Each fragment has its value in each world, on the local evaluator and on AWS's, defined and not too deep."""
    rows = [(source_of(fragment), world.bindings(), expected) for fragment, world, expected in cases]
    answers = evaluate_all([Case(source, bindings) for source, bindings, _ in rows], measure=True)
    for (source, bindings, expected), answer in zip(rows, answers, strict=True):
        seen = f"{source}\n  over {bindings}\n  expected {expected!r}"
        assert answer.error is None, f"{seen}\n  raised {answer.error}"
        assert not answer.undefined, f"{seen}\n  is undefined"
        assert equal(answer.value, expected), f"{seen}\n  on AWS's evaluator {answer.value!r}"
        local = evaluate(source, bindings)
        local = UUID if expected == UUID and _is_uuid(local) else local
        assert equal(local, expected), f"{seen}\n  on the local evaluator {local!r}"
        assert answer.syntax_depth <= MAX_SYNTAX_DEPTH, f"{seen}\n  syntax is {answer.syntax_depth} deep"
        assert answer.evaluation_depth <= MAX_EVALUATION_DEPTH, (
            f"{seen}\n  evaluation is {answer.evaluation_depth} deep"
        )
    return answers


def _is_uuid(value: Json) -> bool:
    return isinstance(value, str) and len(value) == len(UUID) and value.count("-") == 4


ALL = Wildcard()
MISSING = object()
"""The output of a step that was skipped."""


def world_of(output: Any) -> World:
    """A world in which step `a` completed with this output, or was skipped if it is MISSING."""
    record = {"status": "skipped"} if output is MISSING else {"status": "completed", "output": output}
    return World(steps={"a": record})


def output(*path: Segment) -> StepReference:
    """What is at the path in the output of step `a`."""
    return StepReference("a", "output", path)
