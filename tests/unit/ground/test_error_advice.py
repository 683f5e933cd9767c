"""Every error that a run can end with has advice, or says why it has none; and the advice is what a reader can use."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from workflow_engine.error_advice import ERRORS, FAMILIES, JSONATA, WITHOUT_ADVICE, Entry, advice_on
from workflow_engine.language.diagnostics import CODES

ROOT: Final = Path(__file__).parents[3]
ENGINE: Final = ROOT / "layers/engine/python/workflow_engine"
IN_STEPS: Final = (
    *ENGINE.glob("*.py"),
    *(path for part in ("agents", "sdk", "steps") for path in (ENGINE / part).rglob("*.py")),
    *(ROOT / "layers/llm/python").rglob("*.py"),
    *(path for path in ROOT.glob("functions/step_*/*.py") if path.parent.name != "step_registrar"),
    ROOT / "infra/local/steps.py",
    ROOT / "infra/local/mocking/stage.py",
)
"""What runs where a step does, so that its exceptions' names may become the types of errors."""

OF_MACHINES: Final = (*ENGINE.rglob("*.py"), *(ROOT / "infra/local/stepfunctions").rglob("*.py"))
OF_AWS: Final = re.compile(r"(?:States|Lambda|Sandbox|Runtime|Function|StepFunctions)\.[A-Z]\w+")
EXCEPTION: Final = re.compile(r"_?[A-Z]\w*(?:Error|Exception|Failure|Input)")
ENTRIES: Final = {
    **ERRORS,
    **FAMILIES,
    **JSONATA,
    **{f"{name}: {pattern.pattern}": case for name, entry in ERRORS.items() for pattern, case in entry.cases},
}


def trees(paths: tuple[Path, ...]) -> Iterator[ast.AST]:
    for path in paths:
        if "error_advice" not in path.parts:
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def exceptions_of_steps() -> set[str]:
    """The classes of exceptions that such code defines or raises."""
    names = set()
    for node in trees(IN_STEPS):
        if isinstance(node, ast.ClassDef) and any(
            EXCEPTION.fullmatch(ast.unparse(b).split(".")[-1]) for b in node.bases
        ):
            names.add(node.name)
        elif isinstance(node, ast.Raise) and node.exc is not None:
            names |= {n.id for n in ast.walk(node.exc) if isinstance(n, ast.Name) and EXCEPTION.fullmatch(n.id)}
    return names


def errors_of_aws() -> set[str]:
    """The names of AWS's errors that the engine, and the interpreter of the laptop, have in their texts."""
    texts = (n.value for n in trees(OF_MACHINES) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return {text for text in texts if OF_AWS.fullmatch(text)}


def errors_in(machine: Any) -> Iterator[str]:
    """The names in a state machine: those that a Fail state ends with, and those that are retried or caught."""
    if isinstance(machine, dict):
        if machine.get("Type") == "Fail" and not str(machine.get("Error", "{%")).startswith("{%"):
            yield machine["Error"]
        if isinstance(machine.get("ErrorEquals"), list):
            yield from machine["ErrorEquals"]
        for value in machine.values():
            yield from errors_in(value)
    elif isinstance(machine, list):
        for value in machine:
            yield from errors_in(value)


def errors_of_golden_machines() -> set[str]:
    machines = [*ROOT.glob("statemachines/examples/*/*.asl.json"), *ROOT.glob("tests/golden/**/*.asl.json")]
    assert len(machines) > 10
    return {name for path in machines for name in errors_in(json.loads(path.read_text(encoding="utf-8")))}


@pytest.mark.parametrize("where", [exceptions_of_steps, errors_of_aws, errors_of_golden_machines])
def test_every_error_that_a_run_can_end_with_has_advice_or_a_reason_for_none(where: Any) -> None:
    named = where()
    assert len(named) > 5
    assert {name for name in named if advice_on(name) is None and name not in WITHOUT_ADVICE} == set()


def test_no_error_without_advice_is_kept_that_the_code_does_not_know() -> None:
    known = exceptions_of_steps() | errors_of_aws() | errors_of_golden_machines()
    assert set(WITHOUT_ADVICE) - known == set()
    assert set(WITHOUT_ADVICE) & set(ERRORS) == set()


def test_names_that_are_texts_in_the_code_have_advice() -> None:
    from workflow_engine.approval_errors import APPROVAL_DENIED
    from workflow_engine.compiler.lower.leaf import STEP_FAILED
    from workflow_engine.compiler.lower.loops import OUT_OF_TURNS
    from workflow_engine.compiler.lower.waits import INVALID_DELAY
    from workflow_engine.subflows import CHILD_CANCELLED
    from workflow_engine.told_failures import WORKFLOW_FAILED_ERROR

    for name in (APPROVAL_DENIED, STEP_FAILED, OUT_OF_TURNS, INVALID_DELAY, CHILD_CANCELLED, WORKFLOW_FAILED_ERROR):
        assert name in ERRORS
    for name, path in {
        "OutputTooLarge": "infra/local/worker.py",
        "ExecutionDoesNotExist": "layers/engine/python/workflow_engine/usecases/runs/read_results.py",
    }.items():
        assert name in ERRORS
        assert f'"{name}"' in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ENTRIES)
def test_advice_says_a_cause_and_what_to_do_with_a_page_that_is_there(name: str) -> None:
    entry = ENTRIES[name]
    for text in (entry.usual_cause, entry.what_to_do):
        assert text[0].isupper() or text.startswith(("$", "response_", "on_", "mode", "expect"))
        assert text.endswith(".")
        assert "  " not in text
        assert len(text) <= 260
    assert entry.code is None or entry.code in CODES
    page, _, section = entry.docs.partition("#")
    titles = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert not section or section in {anchor(title) for title in titles}, entry.docs


def anchor(title: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def told(error_type: str, message: str) -> Entry:
    entry = advice_on(error_type, message)
    assert entry is not None
    return entry


def test_a_status_of_http_narrows_the_advice() -> None:
    assert told("HttpClientError", "The server answered 401: no token").docs == "docs/steps.md#secrets"
    assert "nothing at this address" in told("HttpClientError", "The server answered 404: {}").usual_cause
    assert told("HttpClientError", "The server answered 422: {}") is ERRORS["HttpClientError"]


def test_a_code_of_jsonata_narrows_the_advice_on_an_expression() -> None:
    message = "The expression of 'sum' in the input_mapping of step 'total' failed. T2001: The left side of the \"+\" operator must"
    assert told("States.QueryEvaluationError", message) is JSONATA["T2001"]
    assert told("States.QueryEvaluationError", "odd") is ERRORS["States.QueryEvaluationError"]
    assert told("HttpServerError", "The server answered 500: T2001: no") is ERRORS["HttpServerError"]


def test_a_function_that_ran_out_of_memory_is_told_from_one_that_crashed() -> None:
    killed = "RequestId: 1 Error: Runtime exited with error: signal: killed"
    assert told("Runtime.ExitError", killed) is ERRORS["Runtime.OutOfMemory"]
    assert (
        told("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: exit status 1")
        is ERRORS["Runtime.ExitError"]
    )
    assert told("Lambda.Unknown", "2026-11-29 Task timed out after 3.00 seconds") is ERRORS["Sandbox.Timedout"]


@pytest.mark.parametrize(
    ("error_type", "message"),
    [
        ("HttpClientError", 'The server answered 409: {"message": "the ledger answered 401"}'),
        ("HttpClientError", "The endpoint answered 400: upstream answered 404 for /v1"),
        (
            "States.QueryEvaluationError",
            "The expression of 'D3030' in the input_mapping of step 'a' failed. No such customer",
        ),
        (
            "States.QueryEvaluationError",
            "The expression of 'a' in the input_mapping of step 'b' failed. The name is undefined",
        ),
        ("States.TaskFailed", "The printer timed out"),
        ("Lambda.KMSAccessDeniedException", "Lambda could not decrypt (Error Code: KMSAccessDeniedException)"),
        ("Lambda.AWSLambdaException", "The role is not authorized to perform: kms:Decrypt"),
    ],
)
def test_words_that_stand_in_a_message_by_chance_do_not_narrow_the_advice(error_type: str, message: str) -> None:
    assert told(error_type, message) is advice_on(error_type)


@pytest.mark.parametrize("value", ["undefined", "Needs a list", "The list has no items"])
def test_what_an_expression_read_does_not_hide_the_code_of_its_error(value: str) -> None:
    message = f"The expression of 'n' in the input_mapping of step 'a' failed. D3030: Unable to cast value to a number: {value}"
    assert told("States.QueryEvaluationError", message) is JSONATA["D3030"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("The items of step 'm' failed. Needs a list, not a value of type string", "WFE-E212"),
        ("The for_each of step 'm' failed. The list has 12 items, max_items is 10.", "WFE-E501"),
        ("The list has 9000 items; the 25,000 history events of a run have room for 3000", "WFE-E501"),
        ("The expression of 'n' in the input_mapping of step 'a' returned nothing (undefined).", "WFE-W211"),
    ],
)
def test_what_the_engine_itself_says_of_an_expression_narrows_the_advice(message: str, code: str) -> None:
    assert told("States.QueryEvaluationError", message).code == code


def test_a_role_that_may_not_call_a_function_is_told_from_a_key_that_may_not_be_used() -> None:
    refused = "User: arn:aws:sts::1:assumed-role/r is not authorized to perform: lambda:InvokeFunction on resource: f"
    assert told("Lambda.AWSLambdaException", refused) is ERRORS["Lambda.AccessDeniedException"]


def test_a_name_of_aws_without_an_entry_has_that_of_its_family() -> None:
    assert told("Lambda.EC2ThrottledException", "") is FAMILIES["Lambda."]


@pytest.mark.parametrize("name", ["KeyError", "CardDeclined", "", None, "States", "Lambda"])
def test_an_exception_of_a_steps_own_code_has_no_advice(name: str | None) -> None:
    assert advice_on(name, "401") is None
