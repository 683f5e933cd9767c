"""The local interpreter against what AWS itself answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from infra.local.moto_seams import register_lambda, unregister_lambda
from tests.support.asl_cases import AslCase, cases_folder, load_cases
from tests.support.local_machines import LocalMachines, local_machines

REQUIRED_RATE: Final = 0.95

# Recordings that the local interpreter answers otherwise, each with the reason. Empty is what we want.
KNOWN_MISSES: Final[dict[str, str]] = {}
KNOWN_HISTORY_MISSES: Final[dict[str, str]] = {}

pytestmark = pytest.mark.skipif(cases_folder() is None, reason="no AWS recordings: set ASL_CASES to their folder")


@contextmanager
def functions_of(case: AslCase) -> Iterator[None]:
    """Register the Lambda functions whose code a recording holds."""
    for name, code in case.functions.items():
        namespace: dict[str, Any] = {}
        exec(compile(code, "/var/task/handler.py", "exec"), namespace)  # recorded functions, run as AWS ran them
        register_lambda(name, namespace["handler"])
    try:
        yield
    finally:
        for name in case.functions:
            unregister_lambda(name)


def misses_of(machines: LocalMachines, case: AslCase) -> tuple[str | None, list[str]]:
    """What the end and the history of a recorded machine have different from AWS's when it runs here."""
    with functions_of(case):
        definition = json.dumps(case.definition)
        name = f"recording-{abs(hash(case.name))}"
        created = machines.client.create_state_machine(
            name=name, definition=definition, roleArn="arn:aws:iam::111111111111:role/recorded"
        )
        started = machines.client.start_execution(
            stateMachineArn=created["stateMachineArn"], input=json.dumps(case.input)
        )
        ended = machines.end_of(started["executionArn"])
        machines.client.delete_state_machine(stateMachineArn=created["stateMachineArn"])
    end = case.difference(ended.status, ended.output, ended.error)
    if end is None and case.cause is not None and not case.equal(case.cause, ended.cause or ""):
        return None, [f"cause {ended.cause!r}, AWS: {case.cause!r}"]
    return end, case.history_differences(ended.events)


@pytest.mark.parametrize("kind", ["pure", "lambda"])
def test_recorded_machines_end_and_are_recorded_as_on_aws(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    cases = load_cases(kind)
    ends: dict[str, str] = {}
    histories: dict[str, list[str]] = {}
    with local_machines() as machines:
        for case in cases:
            end, history = misses_of(machines, case)
            if end is not None:
                ends[case.name] = end
            if history:
                histories[case.name] = history
    rate, history_rate = 1 - len(ends) / len(cases), 1 - len(histories) / len(cases)
    with capsys.disabled():
        print(f"\n{kind}: {len(cases)} recordings, ends as on AWS {rate:.1%}, histories {history_rate:.1%}")
        for name, end in ends.items():
            print(f"  {name}: {end} ({KNOWN_MISSES.get(name, 'unexpected')})")
        for name, history in histories.items():
            print(f"  {name}: {'; '.join(history)[:500]} ({KNOWN_HISTORY_MISSES.get(name, 'unexpected')})")
    assert rate >= REQUIRED_RATE
    assert history_rate >= REQUIRED_RATE
    assert ends.keys() <= KNOWN_MISSES.keys()
    assert histories.keys() <= KNOWN_HISTORY_MISSES.keys()


def test_the_tables_of_misses_name_recordings() -> None:
    names = {case.name for kind in ("pure", "lambda") for case in load_cases(kind)}
    assert KNOWN_MISSES.keys() <= names
    assert KNOWN_HISTORY_MISSES.keys() <= names
