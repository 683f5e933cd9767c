"""No secret that a run received, and no token of a task, is in what is answered of it, whatever it stands in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from tests.support.backend_history import History
from tests.support.outlines import leaf, outline
from workflow_engine.machines import results
from workflow_engine.machines.outputs import Outputs
from workflow_engine.store.executions import Execution
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.results import ResultsStore
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.record_execution import reported_results
from workflow_engine.usecases.runs.results_page import ResultsQuery, results_page

MARK = "§"
"""In every secret, so that none is a word of the answer itself."""

secrets = st.text(st.sampled_from('aZ9"\\/ =&%\n<ü😀'), min_size=6, max_size=20).map(lambda text: f"{MARK}{text}{MARK}")
secret_names = st.sampled_from(["password", "apiKey", "X-Auth-Token", "client_secret", "credentials", "Authorization"])


@st.composite
def values(draw: st.DrawFn, secret: str) -> Any:
    """A value with the secret in it: under its name, in the middle of texts, in names, deep down."""
    held = {draw(secret_names): draw(st.sampled_from([secret, [secret], {"value": secret}]))}
    text = draw(st.sampled_from([secret, f"see {secret}.", json.dumps({"a": secret}), repr(secret)]))
    inner: Any = draw(st.sampled_from([{"x": text}, [text], {"n": [{"text": text}]}, {text: 1}, text]))
    return {**held, "other": inner}


def _attempt(history: History, payload: Any, error: str | None) -> None:
    parameters = json.dumps({"FunctionName": "f", "Payload": payload})
    resource = {"resourceType": "lambda", "resource": "invoke"}
    history.add("TaskScheduled", taskScheduledEventDetails={**resource, "parameters": parameters})
    if error is not None:
        told = {"errorMessage": error, "stackTrace": [f"  File x\n    call({error})\n", error]}
        history.add("TaskFailed", taskFailedEventDetails={**resource, "error": "E", "cause": json.dumps(told)})


@given(st.data(), secrets, secrets)
def test_neither_secrets_nor_tokens_are_in_what_is_answered(data: st.DataObject, secret: str, token: str) -> None:
    history = History()
    for number in range(2):
        history.enter(f"s{number}")
        payload = {
            "step_config": {"config": data.draw(values(secret))},
            "input_data": data.draw(values(secret)),
            "call": {"task_token": token},
        }
        _attempt(history, payload, f"no: {secret} {token}")
        _attempt(history, payload, None if number == 0 else f"{token}{secret}")
        if number == 0:
            history.succeed({})
            history.exit("s0")
    history.end_failed("E", history.cause_of_last_failure())

    payloads = PayloadStore(MemoryObjects())
    keep = lambda pieces: payloads.keep("t", pieces)  # noqa: E731  # a port of one call
    run = results.report(iter(history.events), outline(leaf("s0"), leaf("s1")), Outputs(keep))
    execution = Execution("t", "e", "w", 1, "W", "running", "2026-01-02T03:04:05.000Z", "arn")
    engine = cast(Engine, _Engine(ResultsStore(SqliteTable(), payloads)))
    reported = reported_results(engine, execution, run)
    engine.results.save("t", "e", 0, lambda keep: reported_results(engine, execution, run, keep))
    kept = engine.results.find("t", "e")
    assert kept is not None
    for found in (reported, kept):
        answer = results_page(Caller("t"), "e", found, ResultsQuery(include=("inputs", "attempts")))
        assert [s["attempts"] and len(s["attempts"]) for s in answer["step_results"].values()] == [2, 2]
        for text in _texts(answer):
            assert MARK not in text


class _Engine:
    def __init__(self, store: ResultsStore) -> None:
        self.results = store


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from value
            yield from _all(value.values())
        case list():
            yield from _all(value)


def _all(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from _texts(value)
