"""Idempotency keys on moto's DynamoDB: one answer a key, whoever else works at it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.catalog import FUNCTIONS
from workflow_engine.errors import ConflictError, NotFoundError, RequestUnderWayError
from workflow_engine.store import keys
from workflow_engine.store.idempotency import CLAIM_SECONDS, KEEP_SECONDS, Attempt, IdempotencyStore
from workflow_engine.usecases.engine import Engine


class Clock:
    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


def test_a_claim_outlives_every_function_of_the_api() -> None:
    longest = max(function.timeout_seconds for function in FUNCTIONS if function.routes)

    assert longest + 10 <= CLAIM_SECONDS


def test_the_same_key_and_body_give_the_same_answer_without_working_again(engine: Engine) -> None:
    store = IdempotencyStore(engine._table, engine._payloads, Clock())
    done: list[int] = []

    def work(_: Attempt) -> dict[str, Any]:
        done.append(1)
        return {"answer": len(done), "float": 0.5}

    first = store.once("t", "op", "key", {"a": 1, "b": 2}, work)
    assert store.once("t", "op", "key", {"b": 2, "a": 1}, work) == first
    assert done == [1]
    assert store.once("t", "other", "key", {}, work)["answer"] == 2
    assert store.once("u", "op", "key", {}, work)["answer"] == 3
    assert store.once("t", "op", None, {}, work)["answer"] == 4


def test_the_same_key_with_another_body_is_a_conflict(engine: Engine) -> None:
    store = IdempotencyStore(engine._table, engine._payloads, Clock())
    store.once("t", "op", "key", {"a": 1}, lambda _: 1)
    with pytest.raises(ConflictError, match="another body"):
        store.once("t", "op", "key", {"a": 2}, lambda _: 2)


def test_a_second_request_while_the_first_is_under_way_is_a_conflict(engine: Engine) -> None:
    store = IdempotencyStore(engine._table, engine._payloads, Clock())

    def work(_: Attempt) -> Any:
        with pytest.raises(RequestUnderWayError, match="under way"):
            store.once("t", "op", "key", {}, lambda _: 2)
        return 1

    assert store.once("t", "op", "key", {}, work) == 1


def test_a_key_is_free_again_after_a_failure_a_crash_or_a_day(engine: Engine) -> None:
    clock = Clock()
    store = IdempotencyStore(engine._table, engine._payloads, clock)

    def refuse(_: Attempt) -> Any:
        raise NotFoundError("x")

    with pytest.raises(NotFoundError):
        store.once("t", "op", "key", {}, refuse)
    assert store.once("t", "op", "key", {}, lambda _: 1) == 1
    clock.time += KEEP_SECONDS + 1
    assert store.once("t", "op", "key", {"other": True}, lambda _: 2) == 2

    def crash(_: Attempt) -> Any:
        clock.time += CLAIM_SECONDS + 1
        assert store.once("t", "op", "crashed", {}, lambda _: 3) == 3
        return 4

    assert store.once("t", "op", "crashed", {}, crash) == 4
    assert store.once("t", "op", "crashed", {}, lambda _: 5) == 3


def test_a_claim_of_an_earlier_version_is_taken_over(engine: Engine) -> None:
    clock = Clock()
    store = IdempotencyStore(engine._table, engine._payloads, clock)

    def killed(_: Attempt) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.once("t", "op", "key", {}, killed)
    engine._table.update(keys.idempotency("t", "op", "key"), keys.META, {"made_id": None, "attempt_id": None})

    assert store.once("t", "op", "key", {}, lambda attempt: attempt.is_repeat) is False
    assert store.once("t", "op", "key", {}, lambda _: True) is False
