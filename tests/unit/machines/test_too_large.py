"""Results of steps whose data was over 256 KiB, whichever events the history has of it."""

from __future__ import annotations

from typing import Any

from tests.support.backend_history import History
from tests.support.run_report import RunReport, report
from workflow_engine.data_limit import told_as_caught

CAUSE = "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit."
TOO_LARGE = "States.DataLimitExceeded"


def outline(*steps: str, each: bool = False) -> dict[str, Any]:
    each_of = {"each": True} if each else {}
    return {"steps": [{"id": step, "type": "work", **each_of} for step in steps], "sinks": list(steps)}


def told(run: RunReport, step: str) -> tuple[Any, Any, str]:
    found = run.step_results[step]
    assert found["output_data"] is None
    return found["status"], found["error_type"], str(found["error_message"])


def list_of(results: list[str], *, ends: str | None) -> RunReport:
    """A for_each whose elements succeed, and whose results together are caught as too large."""
    history = History()
    started = history.map("s", len(results))
    for i, result in enumerate(results):
        history.iteration("s", i, previous=started)
        history.enter("s.each")
        history.schedule()
        history.succeed(result)
        history.exit("s.each", output=result)
        history.iteration("s", i, "Succeeded")
    if ends is not None:
        history.add(f"MapState{ends}", previous=started)
    history.exit("s", "Map", told_as_caught("s"), previous=started)
    return report(history.end({}), outline("s", each=True))


def test_a_list_that_is_too_large_says_by_how_much() -> None:
    for ends in ("Failed", "Succeeded", None):
        run = list_of(["x" * 200_000, "y" * 70_000], ends=ends)
        status, error, message = told(run, "s")
        assert (status, error) == ("failed", TOO_LARGE), ends
        assert message.startswith("The results of its 2 elements together with 270,007 bytes exceeded"), ends
        assert "by 7,863 bytes. Return less from each element" in message
        assert run.step_results["s[0]"]["status"] == "completed"


def test_a_list_whose_size_is_not_that_of_what_was_too_large_says_none() -> None:
    assert "together exceeded the 262,144 bytes" in told(list_of(["x"], ends="Failed"), "s")[2]


def test_an_element_that_is_too_large_is_not_taken_for_the_list() -> None:
    history = History()
    started = history.map("s", 1)
    history.iteration("s", 0, previous=started)
    history.enter("s.each")
    history.schedule()
    details = {"resourceType": "lambda", "resource": "invoke", "error": TOO_LARGE, "cause": CAUSE}
    history.add("TaskFailed", taskFailedEventDetails=details)
    history.iteration("s", 0, "Failed")
    history.add("MapStateFailed", previous=started)
    history.exit("s", "Map", told_as_caught("s"))
    run = report(history.end({}), outline("s", each=True))
    assert told(run, "s")[2].startswith("What one of its elements received or gave exceeded")
    assert told(run, "s[0]")[2].startswith("Its result exceeded")


def test_a_task_that_was_never_called_had_too_much_to_take() -> None:
    history = History()
    history.enter("a")
    history.exit("a", output=told_as_caught("a"))
    history.task("b", 1)
    run = report(history.end({}), outline("a", "b"))
    status, error, message = told(run, "a")
    assert (status, error) == ("failed", TOO_LARGE)
    assert message.startswith("What its input_mapping and configuration give the step exceeded")
    assert run.step_results["b"]["status"] == "completed"


def test_a_task_that_succeeded_and_was_caught_has_failed() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.succeed("x" * 262_100)
    history.exit("a", output=told_as_caught("a"))
    assert told(report(history.end({}), outline("a")), "a")[:2] == ("failed", TOO_LARGE)


def test_what_another_state_told_and_this_one_hands_on_is_not_its_own() -> None:
    history = History()
    history.enter("a")
    history.exit("a", output={**told_as_caught("a"), "item": 1, "index": 0})
    history.enter("b")
    history.schedule()
    history.succeed(2)
    history.exit("b", output={**told_as_caught("a"), "item": 1, "index": 0})
    run = report(history.end({}), outline("a", "b"))
    assert run.step_results["a"]["status"] == "failed"
    assert (run.step_results["b"]["status"], run.step_results["b"]["output_data"]) == ("completed", 2)


def test_a_critical_step_tells_the_run_in_the_same_words() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    details = {"resourceType": "lambda", "resource": "invoke", "error": TOO_LARGE, "cause": CAUSE}
    history.add("TaskFailed", taskFailedEventDetails=details)
    run = report(history.end_failed(TOO_LARGE, CAUSE), outline("a"))
    assert run.error is not None
    assert (run.error["step_id"], run.error["type"]) == ("a", TOO_LARGE)
    assert str(run.error["message"]).startswith("Its result exceeded the 262,144 bytes")
    assert run.error["message"] == run.step_results["a"]["error_message"]
