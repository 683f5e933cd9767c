"""Opening and closing the local cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from infra.catalog import FUNCTIONS
from infra.function import Function
from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from infra.local.ended_runs import queued_event
from infra.local.lambda_context import LambdaContext
from infra.local.stepfunctions.journal import Head
from infra.local.steps import StepsDirectoryError
from tests.support.http_events import sample

pytestmark = pytest.mark.xdist_group("local-cloud")


def test_a_process_has_one_cloud_at_a_time() -> None:
    with LocalCloud(), pytest.raises(RuntimeError, match="Another local cloud"):
        LocalCloud().__enter__()


def test_a_step_type_of_the_folder_that_is_refused_says_why(tmp_path: Path) -> None:
    (tmp_path / "data_input.py").write_text("def handler(event, context): ...\n", encoding="utf-8")
    cloud = LocalCloud(steps_directory=tmp_path)
    with pytest.raises(StepsDirectoryError, match="'data_input'"):
        cloud.__enter__()


def test_a_step_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "cloud_words.py").write_text("GREETING = 'hi'\n", encoding="utf-8")
    step = "from cloud_words import GREETING\ndef handler(event, context):\n    return GREETING\n"
    (tmp_path / "cloud_greet.py").write_text(step, encoding="utf-8")
    with LocalCloud(steps_directory=tmp_path) as cloud:
        assert cloud.call("GET", "/steps/cloud_greet")[0] == 200
        assert cloud.call("GET", "/steps/cloud_words")[0] == 404
    assert str(tmp_path) not in sys.path


def test_a_local_step_goes_on_with_its_function_after_a_restart(tmp_path: Path) -> None:
    steps, data = tmp_path / "steps", tmp_path / "data"
    steps.mkdir()
    source = "def {}(event, context):\n    return '{}'\n"
    (steps / "cloud_texts.py").write_text(source.format("one", "one") + source.format("two", "two"), encoding="utf-8")
    body = {"step_type": "cloud_texts_step", "execution_type": "local"}
    workflow = {"name": "Texts", "steps": [{"step_id": "a", "step_type": "cloud_texts_step"}]}
    with LocalCloud(steps_directory=steps, data=DataFolder(data)) as cloud:
        assert cloud.call("POST", "/steps/register", {**body, "handler": "cloud_texts:one"})[0] == 201
        _, again = cloud.call("POST", "/steps/register", {**body, "handler": "cloud_texts:one"})
        assert again["version"] == 1
        _, second = cloud.call("POST", "/steps/register", {**body, "handler": "cloud_texts:two"})
        assert second["version"] == 2
        _, saved = cloud.call("POST", "/workflows", workflow)
    with LocalCloud(steps_directory=steps, data=DataFolder(data)) as cloud:
        status, results = cloud.call("POST", f"/workflows/{saved['workflow_id']}/execute?wait=20", {})
        assert (status, results["step_results"]["a"]["output_data"]) == (200, "two")


def test_a_cloud_leaves_the_environment_as_it_was() -> None:
    before = dict(os.environ)
    with LocalCloud() as cloud:
        assert cloud.call("GET", "/health")[0] == 200
    assert dict(os.environ) == before


def test_a_run_loads_neither_moto_nor_boto3() -> None:
    code = """
import sys
from infra.local.cloud import LocalCloud
step = {"step_id": "words", "step_type": "data_input", "config": {"data": 1}}
with LocalCloud() as cloud:
    status, _ = cloud.call("POST", "/workflows/execute", {"workflow": {"name": "Words", "steps": [step]}})
    assert cloud.wait_for_an_end(60)
print(status, [m for m in ("moto", "boto3", "botocore") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "202 []\n"


def test_a_run_whose_record_is_gone_is_told_of_once_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("infra.local.cloud.PAUSES_BETWEEN_RECORDINGS", (3600.0,))
    folder = DataFolder(tmp_path / "data")
    steps = [{"step_id": "w", "step_type": "delay", "config": {"delay_seconds": 1}}]
    with LocalCloud(data=folder) as cloud:
        assert cloud.call("POST", "/workflows/execute", {"name": "Lost", "steps": steps})[0] == 202
    folder.table.unlink()
    with LocalCloud(data=folder) as cloud:
        assert cloud.wait_for_an_end(20)
    assert "its record is gone" in caplog.text
    caplog.clear()
    with LocalCloud(data=folder) as cloud:
        assert not cloud.wait_for_an_end(0.5)
    assert caplog.text == ""


def test_what_a_schedule_calls_is_called_soon_after_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[str] = set()
    scheduled = {function.name for function in FUNCTIONS if function.schedule_minutes is not None}
    all_of_them = threading.Event()

    def load(function: Function) -> Any:
        def handler(_event: Any, context: LambdaContext) -> None:
            assert context.get_remaining_time_in_millis() > 0
            called.add(function.name)
            if called == scheduled:
                all_of_them.set()

        return handler

    monkeypatch.setattr("infra.local.cloud.load_handler", load)
    monkeypatch.setattr("infra.local.cloud.FIRST_HOUSEKEEPING_SECONDS", 0.01)
    with LocalCloud() as cloud:
        cloud.keep_house()
        assert all_of_them.wait(60), called


def test_a_worker_that_waits_for_a_task_is_answered_when_the_server_stops() -> None:
    with LocalCloud() as cloud, ThreadPoolExecutor(1) as clients:
        body = {"step_type": "by_hand", "execution_type": "activity", "activity": "hand"}
        assert cloud.call("POST", "/steps/register", body)[0] == 201
        polling = clients.submit(cloud.call, "POST", "/activities/hand/poll?wait=20")
        for _ in range(1000):
            if cloud._ends._waiting:
                break
            time.sleep(0.01)
        else:
            pytest.fail("the poll does not wait where it could be told that the server stops")
        cloud.stop_waiting()
        assert polling.result() == (204, None)


def test_the_recorders_event_has_the_form_of_a_real_one() -> None:
    arn = "arn:aws:states:us-east-1:123456789012:execution:workflow-abc:e-1"
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:workflow-abc"
    started, stopped = 1768254356.0, 1768254358.0
    ended = Head(arn, machine, "", "{}", started, name="e-1", status="SUCCEEDED", output="{}", stopped=stopped)
    (ours,), (real,) = queued_event(ended)["Records"], sample("sqs_execution_ended")["Records"]
    assert ours.keys() == real.keys()
    assert ours["attributes"].keys() == real["attributes"].keys()
    assert json.loads(ours["body"]).keys() == json.loads(real["body"]).keys()
    assert json.loads(ours["body"])["detail"] == json.loads(real["body"])["detail"]
