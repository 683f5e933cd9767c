"""A tenant is deleted with all that it has, over several calls, and nobody else loses anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import openapi
from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from tests.local.test_tenants import as_tenant
from tests.support.http_client import ENDED
from workflow_engine.store import keys
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.usecases.tenants import delete_tenant

pytestmark = pytest.mark.xdist_group("local-cloud")

LARGE = {"step_id": "a", "step_type": "data_input", "config": {"input_type": "static", "data": "x" * 100_000}}
PAUSE = {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 3600}}


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest.fixture
def cloud(folder: DataFolder) -> Iterator[LocalCloud]:
    with LocalCloud(data=folder) as cloud:
        yield cloud


def sent(cloud: LocalCloud, method: str, path: str, body: Any = None) -> Any:
    status, answer = cloud.call(method, path, body)
    assert status < 300, (method, path, answer)
    return answer


def furnish(cloud: LocalCloud) -> dict[str, str]:
    """One of everything that a tenant may have, a run that goes on included; gives ids."""
    stored = sent(cloud, "POST", "/workflows", {"name": "Large", "steps": [LARGE]})["id"]
    sent(cloud, "PUT", f"/workflows/{stored}", {"name": "Large again", "steps": [LARGE]})
    done = sent(cloud, "POST", f"/workflows/{stored}/execute?wait=20")["execution_id"]
    sent(cloud, "POST", "/workflows/execute?wait=20", {"name": "Posted", "steps": [LARGE]})
    going = sent(cloud, "POST", "/workflows/execute", {"name": "Waits", "steps": [PAUSE]})["id"]
    sent(cloud, "POST", "/steps/register", {"step_type": "scan", "execution_type": "activity"})
    for kind in ("Agent", "Prompt"):
        sent(cloud, "POST", f"/{kind.lower()}s", openapi.PROSE["examples"][kind])
    sent(cloud, "POST", "/tools/mcp-servers", {"name": "crm", "url": "https://crm.example.com/mcp"})
    file_id = sent(cloud, "POST", "/files", openapi.PROSE["examples"]["FileUpload"])["file_id"]
    return {"workflow": stored, "done": done, "going": going, "file": file_id}


def delete(cloud: LocalCloud, tenant: str) -> list[Any]:
    """What the calls answer, until one says that nothing is left."""
    calls = []
    for _ in range(100):
        calls.append(sent(cloud, "DELETE", f"/tenant?confirm={tenant}"))
        if calls[-1]["is_complete"]:
            return calls
        cloud.wait_for_an_end(0.2)
    raise AssertionError("it does not end")


@pytest.mark.parametrize("seconds", [15.0, 0.0])
def test_a_tenant_goes_with_all_that_it_has_and_another_stays(
    cloud: LocalCloud, folder: DataFolder, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(delete_tenant, "SECONDS", seconds)  # with none, a call does one step
    with as_tenant("other"):
        furnish(cloud)
    mine = furnish(cloud)
    with as_tenant("other"):
        calls = delete(cloud, "other")
        assert len(calls) > 1 or seconds
        assert cloud.call("GET", "/executions")[1]["items"] == []
    table = SqliteTable(folder.table)
    left = {pk.split("#")[2] for pk in table.partitions("T#other#")}
    forgotten_in_a_day = {pk for pk in table.partitions("T#other#") if pk.endswith(keys.DELETED)}
    not_to_be_counted = [table.get(pk, keys.META) for pk in table.partitions("T#other#COUNTED#")]
    table.close()
    kinds = {pk.split("#")[2] for pk in forgotten_in_a_day}
    assert left - kinds == {"AUDIT", "COUNTED"}
    for record in not_to_be_counted:
        assert record is not None
        assert record.keys() == {"pk", "sk", "tenant_id", "is_discarded", "expires_at"}
    owned = folder.objects / "payloads"
    from workflow_engine.store.payloads import owned_folders

    assert all(not list((folder.objects / f).rglob("*.*")) for f in owned_folders("other"))
    assert list(owned.rglob("*.json"))  # the other's
    for path in (f"/workflows/{mine['workflow']}", f"/executions/{mine['done']}/results", f"/files/{mine['file']}"):
        assert cloud.call("GET", path)[0] == 200
    assert sent(cloud, "GET", f"/executions/{mine['going']}")["status"] not in ENDED


def test_a_deletion_is_confirmed_by_name_and_told_of(cloud: LocalCloud) -> None:
    furnish(cloud)
    for query in ("", "?confirm=other", "?confirm="):
        status, problem = cloud.call("DELETE", f"/tenant{query}")
        assert (status, problem["code"]) == (422, "invalid_request")
    assert len(sent(cloud, "GET", "/executions")["items"]) == 3
    counts = delete(cloud, "default")
    total = {name: sum(call["deleted"][name] for call in counts) for name in counts[0]["deleted"]}
    assert (total["workflows"], total["steps"], total["agents"], total["prompts"]) == (3, 1, 1, 1)
    assert total["executions"] == 3
    assert delete(cloud, "default")[0]["deleted"] == dict.fromkeys(total, 0)
    (newest, *_) = sent(cloud, "GET", "/audit")["items"]
    assert (newest["action"], newest["target"]) == ("delete_tenant", "default")
