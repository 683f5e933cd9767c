"""The six workflows by whose cases the format was set: all pass, and changed in one place they fail with what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.testing.format import read_test_file
from infra.local.testing.session import Session, files_of_cases

REPOSITORY = Path(__file__).parents[3]
TESTED = REPOSITORY / "statemachines" / "tested"
TEMPLATES = REPOSITORY / "infra" / "local" / "cli" / "templates"


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(is_ci=True) as running:
        yield running


@pytest.mark.parametrize("path", files_of_cases([TESTED, TEMPLATES]), ids=lambda path: path.name)
def test_all_cases_pass(path: Path, session: Session) -> None:
    file = read_test_file(path)
    assert [(case.name, session.run(file, case).failures) for case in file.cases if case.skip is None] == [
        (case.name, ()) for case in file.cases
    ]


CHANGES = [
    ("order.yaml", "max_retries: 2", "max_retries: 1", "order.test.yaml:20: ship was called twice, expected 3"),
    ("order.yaml", "payment: paying.payment}", "payment: paying.declined}", "call 1 of refund: input.payment is null"),
    ("order.yaml", "'try_again'", "'another'", "order.test.yaml:24: charge was called once, expected 3"),
    (
        "approval.yaml",
        "timeout_seconds: 259200",
        "timeout_seconds: 86400",
        "Step 'escalate' has effects outside and no mock",
    ),
    (
        "approval.yaml",
        "delay_seconds: 86400",
        "delay_seconds: 80000",
        "call 1 of remind is at 22h 13m 20s, expected 1d",
    ),
    ("approval.yaml", "cost_centre: approve.payload.cost_centre", "cost_centre: approve.comment", "input.cost_centre"),
    ("poll.yaml", "30 * $power(2", "31 * $power(2", "the gap before call 2 of look is 31s, expected 30s"),
    ("poll.yaml", "max_iterations: 20", "max_iterations: 19", "look was called 19 times, expected 20"),
    ("rag.yaml", "{{ input.question }}", "{{ input.qestion }}", 'expected one that contains "How long"'),
    (
        "rag.yaml",
        "answer: answer.response",
        "answer: answer.mode",
        'output.answer is "llm", expected one that contains',
    ),
    ("report.yaml", "max_retries: 2", "max_retries: 3", "sales was called 207 times, expected 205"),
    ("report.yaml", "$millis() - 86400000", "$millis()", "expected a text that matches 2026-03-28"),
    ("report.yaml", "critical: false", "critical: true", "mail was called no times, and 1 inputs are expected"),
    ("webhook.yaml", "retry_delay_seconds: 3", "retry_delay_seconds: 5", "the gap before call 3 of deliver is 5s"),
    ("webhook.yaml", "timeout_seconds: 140", "timeout_seconds: 200", "the run took 6m 53s, expected at most 5m"),
    (
        "webhook.yaml",
        "type: bearer, ",
        "type: api_key, header: X-Key, ",
        "headers.authorization is nothing, expected the secret",
    ),
]


@pytest.mark.parametrize(("file", "before", "after", "told"), CHANGES, ids=lambda value: value[:30])
def test_a_change_in_one_place_is_found(
    file: str, before: str, after: str, told: str, tmp_path: Path, session: Session
) -> None:
    for path in TESTED.iterdir():
        (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / path.name)
    text = (tmp_path / file).read_text()
    assert text.count(before) == 1
    (tmp_path / file).write_text(text.replace(before, after))
    name = file if file.endswith(".test.yaml") else file.replace(".yaml", ".test.yaml")
    read = read_test_file(tmp_path / name)
    found = [str(failure) for case in read.cases for failure in session.run(read, case).failures]
    assert any(told in failure for failure in found), found
