"""Where an engine keeps its records: on AWS, or where it is told to; neither loads what the other needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from infra.catalog import FUNCTIONS

ON_A_LAPTOP: Final = """
import sys
from pathlib import Path
from workflow_engine.settings import Settings
from workflow_engine.store.executions import Execution
from workflow_engine.store.payloads.files import FileObjects
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.usecases.engine import Engine, Laptop

directory = Path(sys.argv[1])
laptop = Laptop(SqliteTable(directory / "t"), FileObjects(directory / "o"), None, None, None)
engine = Engine(Settings("t", "b", "arn"), laptop=laptop)
run = Execution("t", "e", "w", 1, "Name", "running", engine.timestamp(), "arn:e", metadata={"x": 1})
engine.executions.create(run, "{}", 2_000_000_000)
engine.executions.update_status(run, "failed", 0, error={"message": "x" * 400_000})
assert len(engine.executions.get("t", "e").error["message"]) == 400_000
assert engine.executions.page("t", RunFilter(status="failed"), 5).runs[0].record["execution_id"] == "e"
assert engine.idempotency.once("t", "op", "key", {}, lambda _: [1]) == engine.idempotency.once("t", "op", "key", {}, None)
engine.steps.put("t", {"step_type": "ocr"}, "r")
assert engine.steps.count("t") == 1
assert engine.due.executions("9", 5) == []
print(sorted({m.partition(".")[0] for m in sys.modules} & {"boto3", "botocore", "moto"}))
"""

IN_LAMBDA: Final = """
import importlib, sys
importlib.import_module(sys.argv[1])
from workflow_engine.usecases.engine import Engine
import workflow_engine.store.results, workflow_engine.store.machines, workflow_engine.store.due
print(sorted({m.partition(".")[0] for m in sys.modules} & {"sqlite3", "_sqlite3", "moto"}))
"""


def loaded(code: str, argument: str) -> str:
    return subprocess.run([sys.executable, "-c", code, argument], capture_output=True, text=True, check=True).stdout


def test_an_engine_with_its_own_table_and_objects_works_without_any_of_aws(tmp_path: Path) -> None:
    assert loaded(ON_A_LAPTOP, str(tmp_path)) == "[]\n"
    assert len(list((tmp_path / "o").rglob("*.json"))) == 1


@pytest.mark.parametrize("name", [f.name for f in FUNCTIONS if f.routes])
def test_no_function_of_the_api_loads_sqlite(name: str) -> None:
    assert loaded(IN_LAMBDA, f"functions.{name}.handler") == "[]\n"
