"""Saves that race, and what a precondition makes of them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.integration.support import HELLO, ME, new_id
from tests.support.backend_cloud import counted
from workflow_engine.errors import ConflictError, NotFoundError, PausedError, PreconditionFailedError
from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import start_run
from workflow_engine.usecases.workflows import compilation, pause_workflow, read_workflows, roll_back, save_workflow
from workflow_engine.usecases.workflows.preconditions import ANY, Precondition

RACERS = 4


def named(name: str) -> dict[str, Any]:
    return HELLO | {"name": name}


def race(engine: Engine, workflow_id: str, precondition: Precondition) -> list[object]:
    """What each of several saves at once, of contents of their own, comes to: the version, or the type of its error."""
    together, outcomes = threading.Barrier(RACERS), list[object]()

    def save(number: int) -> None:
        together.wait()
        try:
            saved, _ = save_workflow.update(engine, ME, workflow_id, named(f"racer {number}"), precondition)
            outcomes.append(saved["version"])
        except (ConflictError, PreconditionFailedError) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_saves_that_name_the_same_version_one_wins(engine: Engine) -> None:
    for _ in range(3):
        workflow_id = new_id("race")
        save_workflow.update(engine, ME, workflow_id, named("before"))
        tag = save_workflow.tag_of(engine.workflows.newest("default", workflow_id))
        outcomes = race(engine, workflow_id, Precondition(match=(tag,)))
        assert outcomes.count(2) == 1
        assert outcomes.count(PreconditionFailedError) == RACERS - 1
        assert engine.workflows.newest("default", workflow_id).version == 2


def test_of_saves_that_only_create_one_does(engine: Engine) -> None:
    outcomes = race(engine, new_id("new"), Precondition(none_match=(ANY,)))
    assert outcomes.count(1) == 1
    assert outcomes.count(PreconditionFailedError) == RACERS - 1


def test_a_save_that_was_made_may_be_repeated_with_its_precondition(engine: Engine) -> None:
    workflow_id = new_id("again")
    save_workflow.update(engine, ME, workflow_id, named("one"))
    precondition = Precondition(match=(save_workflow.tag_of(engine.workflows.newest("default", workflow_id)),))
    for _ in range(2):
        assert save_workflow.update(engine, ME, workflow_id, named("two"), precondition)[0]["version"] == 2
    with pytest.raises(PreconditionFailedError):
        save_workflow.update(engine, ME, workflow_id, named("three"), precondition)


def test_a_workflow_is_deleted_in_the_version_that_is_named(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow_id = new_id("gone")
    save_workflow.update(engine, ME, workflow_id, named("one"))
    first = engine.workflows.newest("default", workflow_id)
    save_workflow.update(engine, ME, workflow_id, named("two"))
    stale = Precondition(match=(save_workflow.tag_of(first),))
    with pytest.raises(PreconditionFailedError):
        save_workflow.delete(engine, ME, workflow_id, stale)
    with monkeypatch.context() as racing:  # another save comes between reading and deleting
        find, looks = type(engine.workflows).find, iter([first])
        racing.setattr(type(engine.workflows), "find", lambda *a, **k: next(looks, None) or find(*a, **k))
        with pytest.raises(PreconditionFailedError):
            save_workflow.delete(engine, ME, workflow_id, stale)
    assert read_workflows.get(engine, ME, workflow_id)["version"] == 2
    tag = save_workflow.tag_of(engine.workflows.newest("default", workflow_id))
    for _ in range(2):
        save_workflow.delete(engine, ME, workflow_id, Precondition(match=(tag,)))
    with pytest.raises(NotFoundError):
        read_workflows.get(engine, ME, workflow_id)


def test_a_pause_outlives_a_save_that_races_with_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow_id = new_id("pause")
    save_workflow.update(engine, ME, workflow_id, named("one"))
    compiled = compilation.compile_posted

    def pausing_meanwhile(*args: Any) -> Any:
        pause_workflow.pause(engine, ME, workflow_id, {})
        return compiled(*args)

    monkeypatch.setattr(save_workflow, "compile_posted", pausing_meanwhile)
    with pytest.raises(ConflictError):
        save_workflow.update(engine, ME, workflow_id, named("two"))
    monkeypatch.undo()
    saved, _ = save_workflow.update(engine, ME, workflow_id, named("two"))
    assert (saved["version"], saved["paused_by"]) == (2, "me")
    with pytest.raises(PausedError, match="by me"):
        start_run.start_stored(engine, ME, workflow_id, {})
    assert pause_workflow.resume(engine, ME, workflow_id)["resumed_by"] == "me"
    start_run.start_stored(engine, ME, workflow_id, {})
    with counted(engine.dynamodb, engine.stepfunctions) as calls:
        start_run.start_stored(engine, ME, workflow_id, {})
    assert calls == ["GetItem", "PutItem", "StartExecution"]


def test_what_compiles_no_longer_is_not_rolled_back_to(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow_id = new_id("back")
    for name in ("one", "two"):
        save_workflow.update(engine, ME, workflow_id, named(name))

    def refuse(*_: Any) -> Any:
        raise InvalidWorkflowError([Diagnostic("WFE-E301", "/steps/0/step_type", "There is no step type 'x'.")])

    monkeypatch.setattr(save_workflow, "compile_posted", refuse)
    with pytest.raises(
        ConflictError, match=r"Version 1 can be compiled no longer\. At /steps/0/step_type: There is no"
    ):
        roll_back.roll_back(engine, ME, workflow_id, {"version": 1})
    monkeypatch.undo()
    back = roll_back.roll_back(engine, ME, workflow_id, {"version": 1})
    assert (back["version"], back["name"], back["created_by"]) == (3, "one", "me")
