"""Each expectation against one run: what holds passes, and the same with a wrong value fails, at its own line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.local.mocking.model import Place
from infra.local.testing.checks import Context
from infra.local.testing.expectations import CHECKS, failures
from infra.local.testing.expected_calls import OF_CALLS
from infra.local.testing.format import case_of
from infra.local.testing.model import Stored
from infra.local.testing.observed import Observed
from infra.local.testing.session import Session, Subject
from tests.local.testing.conftest import RunCases, told

WORKFLOW = """
name: w
execution_pattern: dependency
steps:
  - {step_id: first, step_type: other, max_retries: 2, retry_delay_seconds: 5, input_mapping: {n: input.n}}
  - {step_id: pure, step_type: transform, input_mapping: {n: first.n}, config: {expression: n + 1}}
  - {step_id: sometimes, step_type: other, conditions: input.n == 99}
  - {step_id: tolerated, step_type: other, critical: false, dependencies: [first]}
  - step_id: all
    step_type: map
    config:
      items: first.items
      max_items: 5
      steps: [{step_id: one, step_type: other, input_mapping: {v: item}}]
output: {n: pure, ok: all}
"""
MOCKS: dict[str, Any] = {
    "first": [{"error": "Busy"}, {"output": {"n": 1, "items": [7, 8, 9]}}],
    "tolerated": {"error": "Gone", "message": "away"},
    "one": {"after": "2s", "expression": '{"v": item, "key": "k"}'},
}

TABLE: list[tuple[str, Any, Any]] = [
    ("status", "completed", "failed"),
    ("output", {"n": 2, "ok": [{"one": {"v": 7}}, {}, {}]}, {"n": 3}),
    ("output", {"ok": {"$length": 3}}, {"missing": 1}),
    ("error", None, {"type": "Gone"}),
    ("steps", {"sometimes": "skipped"}, {"sometimes": "completed"}),
    ("steps", {"pure": {"output": 2}}, {"pure": {"output": 1}}),
    (
        "steps",
        {"tolerated": {"status": "failed", "error": {"message": "away"}}},
        {"tolerated": {"error": {"type": "X"}}},
    ),
    ("steps", {"one[1]": {"output": {"v": 8}, "input": {"v": 9}}}, {"one[1]": {"output": {"v": 7}}}),
    ("steps", {"all[2].one": "completed"}, {"one[3]": "completed"}),
    ("steps", {"first": {"input": {"n": 5}}}, {"first": {"input": {"n": 6}}}),
    ("steps", {"first": "completed"}, {"frist": "completed"}),
    ("calls", {"first": 2}, {"first": 1}),
    ("calls", {"first": {"min": 2}}, {"first": {"min": 3}}),
    ("calls", {"first": {"max": 2}}, {"first": {"max": 1}}),
    ("calls", {"sometimes": 0}, {"sometimes": 1}),
    ("calls", {"first": 2}, {"frist": 2}),
    ("count", {"one": {"count": 3}}, {"one": {"count": 2}}),
    ("count", {"one": {"count": {"max": 3}}}, {"one": {"count": {"min": 4}}}),
    ("inputs", {"one": {"inputs": [{"v": 7}, {"v": 8}, {"v": 9}]}}, {"one": {"inputs": [{"v": 7}, {"v": 8}]}}),
    ("inputs", {"first": {"inputs": [{"n": 5}, {"n": 5}]}}, {"first": {"inputs": [{"n": 5}, {"n": 6}]}}),
    ("inputs", {"sometimes": {"inputs": []}}, {"sometimes": {"inputs": [{}]}}),
    ("each", {"first": {"each": {"n": {"$same": True}}}}, {"one": {"each": {"v": {"$same": True}}}}),
    ("each", {"one": {"each": {"v": {"$min": 7}}}}, {"one": {"each": {"v": 7}}}),
    ("each", {"one": {"each": {}}}, {"sometimes": {"each": {}}}),
    ("gaps", {"first": {"gaps": ["5s"]}}, {"first": {"gaps": ["4s"]}}),
    ("gaps", {"first": {"gaps": [{"min": 5}]}}, {"first": {"gaps": [{"min": 6}]}}),
    ("gaps", {"first": {"gaps": [{"max": "5s"}]}}, {"first": {"gaps": ["5s", "5s"]}}),
    ("at", {"first": {"at": ["0s", "5s"]}}, {"first": {"at": ["0s", "6s"]}}),
    ("at", {"one": {"at": ["5s", "5s", "5s"]}}, {"one": {"at": ["5s"]}}),
    ("parallel", {"one": {"parallel": 3}}, {"one": {"parallel": {"max": 2}}}),
    ("parallel", {"first": {"parallel": {"max": 1}}}, {"one": {"parallel": {"min": 4}}}),
    ("order", ["first", "one"], ["one", "first"]),
    ("order", ["first", ["one", "tolerated"]], [["first", "one"], "tolerated"]),
    ("order", ["first", "all"], ["first", "sometimes"]),
    ("order", ["first"], ["nothing"]),
    ("never", ["sometimes"], ["first"]),
    ("never", ["sometimes"], ["pure"]),
    ("never", ["sometimes"], ["one"]),
    ("never", ["sometimes"], ["sometimse"]),
    ("duration", "7s", "8s"),
    ("duration", {"min": 7, "max": 7}, {"max": "6s"}),
    ("duration", {"min": 0}, {"min": "8s"}),
    ("cost_usd", {"max": 0.001}, {"max": 0.0000001}),
    ("cost_usd", {"min": 0}, 1),
    ("transitions", {"min": 5, "max": 20}, {"max": 4}),
    ("transitions", {"min": 5}, 0),
    ("check", "output.n = 2", "output.n = 3"),
    ("check", ["steps.first.status = 'completed'", "$count(calls.one) = 3", "input.n = 5"], ["true", "output.n"]),
    ("check", "status = 'completed'", "nothing.there"),
    ("check", "$sum(output.ok.one.v) = 24", "1 +"),
]


class Ran:
    """The one run of this module."""

    def __init__(self, session: Session, folder: Path, steps: Path) -> None:
        (folder / "w.yaml").write_text(WORKFLOW)
        self.given = {"name": "c", "input": {"n": 5}, "mocks": MOCKS}
        self.folder = folder
        bench, self.subject = session.subject(folder / "w.yaml", steps, Stored())
        self.case = case_of({**self.given, "expect": {"status": "completed"}}, folder, Place("here", 1))
        self.observed: Observed = session.observe(bench, self.subject, self.case)

    def told(self, expect: dict[str, Any]) -> list[str]:
        case = case_of({**self.given, "expect": expect}, self.folder, Place("here", 1))
        assert self.subject.flow is not None
        return [failure.told for failure in failures(Context(case, self.observed, self.subject.flow.steps))]


@pytest.fixture(scope="module")
def ran(session: Session, steps: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(session, tmp_path_factory.mktemp("w"), steps)


@pytest.mark.parametrize(("name", "right", "wrong"), TABLE)
def test_an_expectation_takes_what_holds_and_nothing_else(ran: Ran, name: str, right: Any, wrong: Any) -> None:
    field = "calls" if name in OF_CALLS else name
    assert ran.told({field: right}) == []
    assert ran.told({field: wrong}) != []


def test_every_expectation_is_in_the_table() -> None:
    elsewhere = {"snapshot", "findings"}  # below
    assert {name for name, _, _ in TABLE} | elsewhere == set(CHECKS) | set(OF_CALLS)


def test_a_run_that_was_refused_fails_whatever_is_expected(ran: Ran) -> None:
    subject: Subject = replace(
        ran.subject, flow=None, findings=({"code": "WFE-E204", "pointer": "/steps", "detail": "No."},)
    )
    refused = Observed(findings=subject.findings)
    context = Context(ran.case, refused, {})
    assert [failure.told for failure in failures(context)] == ["the workflow is refused: WFE-E204 /steps No."]


def test_findings_are_just_those(run: RunCases) -> None:
    cases = """
    cases:
      - {name: right, expect: {findings: [WFE-E204]}}
      - {name: wrong, expect: {findings: []}}
      - {name: another, expect: {findings: [WFE-E204, WFE-E301]}}
    """
    right, wrong, another = run([{"step_id": "a", "step_type": "output", "input_mapping": {"x": "nobody.x"}}], cases)
    assert right.failures == ()
    assert told(wrong) == ["w.test.yaml:5: the findings are WFE-E204, expected none"]
    assert told(another) == ["w.test.yaml:6: the findings are WFE-E204, expected WFE-E204, WFE-E301"]


def test_a_failure_names_the_line_of_the_expectation_and_that_of_the_mock(run: RunCases) -> None:
    (outcome,) = run(
        [{"step_id": "a", "step_type": "other", "input_mapping": {"x": "input.x"}}],
        """
        cases:
          - name: c
            input: {x: 1}
            mocks:
              a: {output: {y: 2}}
            expect:
              output: {a: {y: 3}}
              calls:
                a:
                  inputs:
                    - {x: 2}
        """,
    )
    assert told(outcome) == [
        "w.test.yaml:9: output.a.y is 2, expected 3",
        "w.test.yaml:13: call 1 of a: input.x is 1, expected 2 (answered by the mock at w.test.yaml:7)",
    ]


def test_the_error_that_a_case_is_held_to_has_no_advice_whose_words_may_change() -> None:
    error = {"step_id": "a", "type": "States.Timeout", "message": "late"}
    advice = {"usual_cause": "x", "what_to_do": "y", "code": None, "docs": "z"}
    assert Observed({"error": {**error, "advice": advice}}).error == error
    assert Observed({"error": None}).error is None
