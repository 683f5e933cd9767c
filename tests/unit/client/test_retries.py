"""What is sent again, after how long, and what never is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.support.scripted_api import AsyncScriptedApi, Scripted, ScriptedApi, answered, problem
from workflow_engine.client import (
    ApiProblem,
    AsyncClient,
    Client,
    ConnectionFailedError,
    ConnectionLostError,
    RefusedError,
    Retries,
    TimedOutError,
)

AT_ONCE = Retries(first_pause=0.0)
STARTED = {"execution_id": "e1", "status": "running"}
DECIDED = {"decision": "approved"}


def start(client: Client) -> object:
    return client.runs.start("orders")


def approve(client: Client) -> object:
    return client.approvals.approve("e1", "ask")


def read(client: Client) -> object:
    return client.runs.get("e1")


@pytest.mark.parametrize("failure", [ConnectionLostError("cut"), TimedOutError("late"), RefusedError("down")])
def test_a_start_whose_answer_is_lost_is_sent_again_under_the_same_key(failure: ConnectionFailedError) -> None:
    api = ScriptedApi(failure, answered(STARTED, 202))
    assert Client(api, retries=AT_ONCE).runs.start("orders")["execution_id"] == "e1"
    first, second = api.requests
    assert first == second
    assert len(first.headers["idempotency-key"]) == 32


def test_two_starts_have_keys_of_their_own() -> None:
    api = ScriptedApi(answered(STARTED, 202), answered(STARTED, 202))
    client = Client(api)
    client.runs.start("orders")
    client.runs.start("orders")
    first, second = api.requests
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


def test_a_key_of_the_caller_is_sent_as_it_is() -> None:
    api = ScriptedApi(answered(STARTED, 202))
    Client(api).runs.start("orders", idempotency_key="order-7")
    assert api.requests[0].headers["idempotency-key"] == "order-7"


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("method", [start, read])
def test_what_may_be_sent_twice_is_sent_again_after_a_failure_that_passes(
    status: int, method: Callable[[Client], object]
) -> None:
    api = ScriptedApi(problem(status, "passing"), answered(STARTED))
    method(Client(api, retries=AT_ONCE))
    assert len(api.requests) == 2


@pytest.mark.parametrize("failure", [problem(504, "gateway"), problem(503, "unavailable"), ConnectionLostError("cut")])
def test_a_decision_that_may_have_been_made_is_not_sent_again(failure: Scripted) -> None:
    api = ScriptedApi(failure, answered(DECIDED))
    with pytest.raises((ApiProblem, ConnectionLostError)):
        approve(Client(api, retries=AT_ONCE))
    assert len(api.requests) == 1


@pytest.mark.parametrize("failure", [problem(429, "throttled"), RefusedError("down")])
def test_a_decision_that_nobody_took_is_sent_again(failure: Scripted) -> None:
    api = ScriptedApi(failure, answered(DECIDED))
    assert approve(Client(api, retries=AT_ONCE)) == DECIDED


def test_a_start_that_the_api_still_works_on_is_asked_for_again() -> None:
    api = ScriptedApi(problem(409, "idempotent_request_under_way", retry_after="0"), answered(STARTED, 202))
    start(Client(api, retries=AT_ONCE))
    assert len(api.requests) == 2


@pytest.mark.parametrize("status", [400, 404, 409, 412, 413, 422, 500])
def test_what_would_be_refused_again_is_not_sent_again(status: int) -> None:
    api = ScriptedApi(problem(status, "wrong"))
    with pytest.raises(ApiProblem) as raised:
        start(Client(api, retries=AT_ONCE))
    assert (raised.value.status, raised.value.code) == (status, "wrong")
    assert len(api.requests) == 1


def test_after_so_many_attempts_the_last_failure_is_raised() -> None:
    api = ScriptedApi(*[ConnectionLostError(str(n)) for n in range(3)])
    with pytest.raises(ConnectionLostError, match="2"):
        start(Client(api, retries=AT_ONCE._replace(attempts=3)))


def test_a_delete_whose_answer_was_lost_has_done_its_work_when_nothing_is_found() -> None:
    api = ScriptedApi(ConnectionLostError("cut"), problem(404, "not_found"))
    assert Client(api, retries=AT_ONCE).workflows.delete("orders") is None


def test_a_delete_of_what_never_was_there_is_told() -> None:
    api = ScriptedApi(RefusedError("down"), problem(404, "not_found"))
    with pytest.raises(ApiProblem, match="not_found"):
        Client(api, retries=AT_ONCE).workflows.delete("orders")


def test_a_save_of_what_may_only_be_new_is_not_sent_again() -> None:
    api = ScriptedApi(ConnectionLostError("cut"), problem(412, "precondition_failed"))
    with pytest.raises(ConnectionLostError):
        Client(api, retries=AT_ONCE).workflows.deploy({"steps": []}, "orders", only_new=True)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client has slept, which here takes no time."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


def test_a_pause_is_what_the_answer_asks_for_and_a_random_part_of_a_growing_time(pauses: list[float]) -> None:
    busy = problem(429, "throttled", retry_after="3")
    api = ScriptedApi(busy, problem(503, "unavailable"), problem(503, "unavailable"), answered(STARTED))
    read(Client(api, retries=Retries(attempts=4, first_pause=1.0, longest_pause=1.5)))
    assert 3 <= pauses[0] <= 4
    assert 0 <= pauses[1] <= 1.5
    assert 0 <= pauses[2] <= 1.5


def test_pauses_of_two_clients_are_not_the_same(pauses: list[float]) -> None:
    for _ in range(2):
        read(Client(ScriptedApi(problem(503, "unavailable"), answered(STARTED))))
    assert pauses[0] != pauses[1]


def test_a_quota_that_is_used_up_for_long_is_told_at_once(pauses: list[float]) -> None:
    api = ScriptedApi(problem(429, "quota_exceeded", retry_after="3600"))
    with pytest.raises(ApiProblem, match="quota_exceeded"):
        start(Client(api))
    assert pauses == []


def test_a_date_in_retry_after_is_understood(pauses: list[float]) -> None:
    api = ScriptedApi(problem(429, "throttled", retry_after="Sat, 01 Jan 2000 00:00:00 GMT"), answered(STARTED))
    start(Client(api, retries=AT_ONCE))
    assert pauses == [0.0]


def test_the_asynchronous_client_sends_again_in_the_same_way() -> None:
    api = AsyncScriptedApi(ConnectionLostError("cut"), problem(503, "unavailable"), answered(STARTED, 202))
    started = asyncio.run(AsyncClient(api, retries=AT_ONCE).runs.start("orders"))
    assert started["execution_id"] == "e1"
    assert len({request.headers["idempotency-key"] for request in api.sync.requests}) == 1
