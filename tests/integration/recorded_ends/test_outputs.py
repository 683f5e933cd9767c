"""Outputs that the event left out, and tables that are busy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.recorded_ends.support import ME, found, history
from tests.support.backend_history import History
from tests.support.recorded_ends import (
    TENANT,
    Machines,
    after,
    arn,
    event,
    machine_output,
    running,
    tell,
)
from tests.support.stores import sqlite_in_memory
from workflow_engine.errors import ThrottledError
from workflow_engine.store import keys
from workflow_engine.store.shared_budgets import LEFT_OUT_OUTPUTS
from workflow_engine.store.table import Table
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import read_results


def left_out() -> dict[str, Any]:
    return event(outputDetails={"included": False})


def test_an_output_that_only_the_event_left_out_is_read_from_the_end_of_the_history(
    engine: Engine, machines: Machines
) -> None:
    history(machines, {"large": True})
    tell(engine, [left_out()])
    assert (found(engine).status, found(engine).output) == ("completed", '{"large":true}')
    assert machines.calls == ["GetExecutionHistory"]


def refusing(wanted: str) -> Callable[[str], None]:
    def refuse(call: str) -> None:
        if call == wanted:
            raise ThrottledError("busy")

    return refuse


def test_recording_waits_for_no_history_and_an_output_is_added_when_it_is_read(
    engine: Engine, machines: Machines
) -> None:
    history(machines, {"large": True})
    machines.refuse = refusing("GetExecutionHistory")
    tell(engine, [left_out()])
    assert (found(engine).status, found(engine).output) == ("completed", None)
    assert engine.due.archive(iso(after(3600)), 10) == [(keys.execution(TENANT, "e"), keys.META)]
    machines.refuse = lambda _: None
    assert read_results.results(engine, ME, "e")["output"] == {"large": True}
    assert found(engine).output == '{"large":true}'
    assert engine.due.archive(iso(after(3600)), 10) == []


def test_outputs_that_were_left_out_are_read_within_a_budget(engine: Engine, machines: Machines) -> None:
    most = LEFT_OUT_OUTPUTS.at_once
    for number in range(2 * most):
        engine.executions.create(running(f"e{number}"))
        machines.histories[arn(f"e{number}")] = History().end(machine_output({"n": 1}))
    tell(engine, [event(execution_id=f"e{n}", outputDetails={"included": False}) for n in range(2 * most)])
    assert most / 2 <= len(machines.calls) <= most  # no time has passed
    assert all(engine.executions.get(TENANT, f"e{n}").status == "completed" for n in range(2 * most))


@pytest.mark.parametrize("table", [sqlite_in_memory], indirect=True)  # moto has changed what it refuses
def test_beside_long_metadata_an_output_is_kept_apart(engine: Engine) -> None:
    engine.executions.create(running("full", metadata={"text": "x" * 250_000}))
    output = {"n": "y" * 200_000}
    tell(engine, [event(execution_id="full", output=output)])
    run = engine.executions.get(TENANT, "full")
    assert run.output is not None
    assert run.output.startswith("s3:")
    assert read_results.output_of_run(engine, ME, "full").text == json.dumps(output, separators=(",", ":"))


class Busy:
    """A table that is too busy for the first so many updates."""

    def __init__(self, table: Table, times: int) -> None:
        self._table, self._left = table, times

    def update(self, *arguments: Any) -> Any:
        if self._left:
            self._left -= 1
            raise ThrottledError("busy")
        return self._table.update(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


def test_what_a_busy_table_did_not_take_is_told_again_and_recorded_then(table: Table, engine: Engine) -> None:
    busy: Any = Busy(table, 2)
    vars(engine).pop("ends", None)
    vars(engine)["_table"] = busy
    for _ in range(2):
        with pytest.raises(ThrottledError):
            tell(engine, [event(output={"n": 1})])
    tell(engine, [event(output={"n": 1})])
    assert found(engine).output == '{"n":1}'
