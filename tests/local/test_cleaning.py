"""`workflow gc`: what goes, and what must not."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local import cleaning
from infra.local.cleaning import Cleaned, clean
from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder, DataFolderError
from infra.local.stepfunctions.sqlite_journal import SqliteJournal
from workflow_engine.store import keys
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.store.vectors import Vector
from workflow_engine.store.vectors.sqlite import SqliteVectors

pytestmark = pytest.mark.xdist_group("local-cloud")

LONG = "x" * 400_000


def echo(data: Any) -> dict[str, Any]:
    return {"name": "Echo", "steps": [{"step_id": "given", "step_type": "data_input", "config": {"data": data}}]}


def waiting() -> dict[str, Any]:
    return {"name": "Waits", "steps": [{"step_id": "w", "step_type": "delay", "config": {"delay_seconds": 3600}}]}


def run(cloud: LocalCloud, body: dict[str, Any]) -> str:
    status, started = cloud.call("POST", "/workflows/execute?wait=20", body)
    assert status == 200, started
    return str(started["execution_id"])


def later(**time: float) -> datetime:
    return datetime.now(UTC) + timedelta(**time)


def files(folder: DataFolder) -> int:
    return sum(path.is_file() for path in folder.objects.rglob("*.json"))


def test_what_ended_long_ago_goes_and_the_rest_stays(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with LocalCloud(data=folder) as cloud:
        old = run(cloud, echo("old"))
    between = datetime.now(UTC)
    with LocalCloud(data=folder) as cloud:
        young = run(cloud, echo("young"))
        _, going = cloud.call("POST", "/workflows/execute", waiting())
    assert clean(folder, between).runs == 1
    with LocalCloud(data=folder) as cloud:
        assert cloud.call("GET", f"/executions/{old}")[0] == 404
        assert cloud.call("GET", f"/executions/{young}/results")[1]["status"] == "completed"
        assert cloud.call("GET", f"/executions/{young}/events")[1]["items"]
        assert cloud.call("GET", f"/executions/{going['execution_id']}")[1]["status"] == "running"
        assert [e["execution_id"] for e in cloud.call("GET", "/executions")[1]["items"]] == [
            going["execution_id"],
            young,
        ]
    journal = SqliteJournal(folder.journal)
    assert len(journal.ended_before(later(days=1).timestamp())) == 1
    journal.close()


def test_the_log_of_a_run_goes_with_the_run(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "cleaning_talks.py").write_text("def handler(event, context):\n    print('hello')\n")
    document = {"name": "Talks", "steps": [{"step_id": "a", "step_type": "cleaning_talks"}]}
    with LocalCloud(data=folder, steps_directory=tmp_path / "steps") as cloud:
        old = run(cloud, document)
    between = datetime.now(UTC)
    with LocalCloud(data=folder, steps_directory=tmp_path / "steps") as cloud:
        young = run(cloud, document)
        # The log of an earlier server is read by the next.
        assert [line["message"] for line in cloud.call("GET", f"/executions/{old}/logs")[1]["items"]] == ["hello"]
    assert clean(folder, between).files >= 1
    assert [file.name for file in folder.logs.iterdir()] == [f"{young}.jsonl"]
    with LocalCloud(data=folder) as cloud:
        assert [line["message"] for line in cloud.call("GET", f"/executions/{young}/logs")[1]["items"]] == ["hello"]


def test_a_file_stays_for_as_long_as_a_record_leads_to_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with LocalCloud(data=folder) as cloud:
        status, saved = cloud.call("POST", "/workflows", {**waiting(), "metadata": {"long": LONG}})
        assert status == 201, saved
    kept = files(folder)
    assert kept > 0
    assert clean(folder, later(days=1)) == Cleaned(0, 0, 0, 0, 0)
    assert files(folder) == kept
    (folder.objects / "payloads" / "lost.json").write_text("{}")
    assert clean(folder, later(days=1)) == Cleaned(0, 0, 0, 1, 2)
    with LocalCloud(data=folder) as cloud:
        stored = cloud.call("GET", f"/workflows/{saved['workflow_id']}")[1]
        assert stored["configuration"]["metadata"]["long"] == LONG
        assert cloud.call("DELETE", f"/workflows/{saved['workflow_id']}")[0] == 204


def test_a_file_stays_for_as_long_as_a_run_that_goes_on_leads_to_it(tmp_path: Path) -> None:
    folder, steps = DataFolder(tmp_path / "data"), tmp_path / "steps"
    steps.mkdir()
    (steps / "keeps_large.py").write_text(
        "def handler(event, context):\n    return {'ref': 's3:payloads/large.json'}\n"
    )
    wait = waiting()["steps"][0] | {"dependencies": ["large"]}
    body = {"name": "Keeps", "steps": [{"step_id": "large", "step_type": "keeps_large"}, wait]}
    with LocalCloud(data=folder, steps_directory=steps) as cloud:
        _, going = cloud.call("POST", "/workflows/execute", body)
        for _ in range(600):
            found = cloud.call("GET", f"/executions/{going['execution_id']}/results")[1]["step_results"]
            if found.get("large", {}).get("status") == "completed":
                break
            time.sleep(0.05)
    large = folder.objects / "payloads" / "large.json"
    large.parent.mkdir(exist_ok=True)
    large.write_text("{}")
    assert clean(folder, later(days=1)) == Cleaned(0, 0, 0, 0, 0)
    assert large.exists()


def test_figures_of_a_workflow_that_was_only_sent_go_with_it_and_those_of_all_runs_stay(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with LocalCloud(data=folder) as cloud:
        run(cloud, echo("one"))
        for _ in range(600):
            if cloud.call("GET", "/stats")[1]["total"]["runs"] == 1:
                break
            time.sleep(0.05)
    table = SqliteTable(folder.table)
    of_workflow = [pk for pk in table.partitions(keys.workflow("default", "adhoc-")) if "FIGURES" in pk]
    table.close()
    assert of_workflow
    assert clean(folder, later()).workflows == 1
    table = SqliteTable(folder.table)
    assert table.partitions(keys.workflow("default", "")) == []
    table.close()
    with LocalCloud(data=folder) as cloud:
        assert cloud.call("GET", "/stats")[1]["total"]["runs"] == 1


def test_a_workflow_that_was_only_sent_to_be_run_goes_with_its_last_run(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with LocalCloud(data=folder) as cloud:
        for body in (echo("one"), echo("two"), echo("two"), {**echo("long"), "metadata": {"long": LONG}}):
            run(cloud, body)
        assert cloud.call("POST", "/workflows", {**echo("saved"), "workflow_id": "kept"})[0] == 201
        assert cloud.call("POST", "/workflows/execute", waiting())[0] == 202
    assert files(folder) > 0
    done = clean(folder, later())
    assert (done.runs, done.workflows, files(folder)) == (4, 3, 0)
    with LocalCloud(data=folder) as cloud:
        run(cloud, echo("two"))
        assert cloud.call("GET", "/workflows/kept")[0] == 200
        _, runs = cloud.call("GET", "/executions?status=running")
        (going,) = runs["items"]
        assert cloud.call("GET", f"/executions/{going['execution_id']}/results")[1]["step_results"]["w"]


def test_a_disk_too_full_to_make_files_smaller_keeps_nobody_from_cleaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    folder = DataFolder(tmp_path / "data")
    with LocalCloud(data=folder) as cloud:
        run(cloud, echo("old"))
    monkeypatch.setattr(cleaning, "sqlite3", SimpleNamespace(connect=full, Error=sqlite3.Error))
    assert clean(folder, later()).runs == 1


def test_nothing_is_cleaned_under_a_server(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with LocalCloud(data=folder), pytest.raises(DataFolderError, match="Another server"):
        clean(folder, later())


def test_the_space_of_vectors_that_were_deleted_is_given_back_and_the_others_are_found(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with LocalCloud(data=folder):
        pass
    vectors = SqliteVectors(folder.vectors)
    many = [Vector(str(n), [float(n + i % 7) for i in range(512)], {"n": n}) for n in range(1, 500)]
    vectors.upsert("default", "kept", many[:10])
    vectors.upsert("default", "gone", many)
    vectors.drop("default", "gone")
    vectors.close()
    before = folder.vectors.stat().st_size
    assert clean(folder, later(days=1)).runs == 0
    assert folder.vectors.stat().st_size < before / 4
    vectors = SqliteVectors(folder.vectors)
    assert [m.key for m in vectors.query("default", "kept", many[4].values, 1, {"n": {"$lte": 10}})] == ["5"]
    vectors.close()


def test_no_file_of_vectors_is_made_where_there_is_none(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with LocalCloud(data=folder) as cloud:
        run(cloud, echo("x"))
    clean(folder, later(days=1))
    assert not folder.vectors.exists()
