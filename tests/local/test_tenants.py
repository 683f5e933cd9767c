"""No tenant sees or touches what another has: asked of every route that `http.api` declares, so that a new one cannot forget it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from infra import openapi
from infra.local.cloud import LocalCloud
from tests.support.http_client import ENDED
from workflow_engine.http import caller
from workflow_engine.http.api import OPERATIONS
from workflow_engine.http.operation import Operation

pytestmark = pytest.mark.xdist_group("local-cloud")

PATHS: Final = openapi.document()["paths"]

OWN_NAMES: Final = {"update_workflow"}
"""Routes that make something under a name of the caller's choice: each tenant has names of its own. What is asserted of them is
that the owner's stays as it was."""


class World:
    """A cloud with one of everything, which the tenant `default` has."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.ids = dict(self._made())

    def _made(self) -> Iterator[tuple[str, str]]:
        step = {"step_id": "ask", "step_type": "human_approval", "config": {"prompt": "Go on?"}}
        yield "workflow_id", self.sent("POST", "/workflows", {"name": "Asks", "steps": [step]})["id"]
        started = self.sent("POST", "/workflows/execute", {"name": "Asks", "steps": [step], "session_id": "owned"})
        yield "execution_id", started["id"]
        yield "step", "ask"
        self.until(lambda: self.sent("GET", f"/executions/{started['id']}")["status"] == "waiting")
        self.sent("POST", "/steps/register", {"step_type": "owned_scan", "execution_type": "activity"})
        yield "step_type", "owned_scan"
        yield "activity", "owned_scan"
        work = {"name": "Scans", "steps": [{"step_id": "scan", "step_type": "owned_scan"}]}
        self.sent("POST", "/workflows/execute", work)
        task: dict[str, Any] = {}
        self.until(lambda: bool(task.update(self.sent("POST", "/activities/owned_scan/poll?wait=5") or {}) or task))
        yield "task_id", task["task_id"]
        for noun, body in (("agent", "Agent"), ("prompt", "Prompt")):
            made = self.sent("POST", f"/{noun}s", openapi.PROSE["examples"][body])
            yield f"{noun}_id", made["id"]
        self.sent("POST", "/tools/mcp-servers", {"name": "owned", "url": "https://crm.example.com/mcp"})
        yield "name", "owned"
        yield "file_id", self.sent("POST", "/files", openapi.PROSE["examples"]["FileUpload"])["file_id"]

    def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(300):
            if holds():
                return
            self.cloud.wait_for_an_end(0.1)
        raise AssertionError("it does not come to that")

    def sent(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.cloud.call(method, path, body)
        assert status < 300, (method, path, answer)
        return answer

    def state(self) -> dict[str, Any]:
        """All that the owner can read."""
        read = (o for o in OPERATIONS.values() if o.method == "GET" and o.root != "docs" and not o.asks_others)
        return {o.key: self.cloud.call("GET", self.path(o))[1] for o in read if o.media_type == "application/json"}

    def path(self, operation: Operation) -> str:
        """The path of a route with the owner's ids. KeyError for a variable of a path that this world has nothing for."""
        return re.sub(r"{(\w+)}", lambda name: self.ids[name[1]], operation.path)


@contextmanager
def as_tenant(name: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caller, "LOCAL_TENANT", name)
        yield


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with LocalCloud() as cloud:
        yield World(cloud)


def example_body(operation: Operation) -> Any:
    """A body that the route takes: the one that the document of the API shows."""
    if operation.body is None:
        return None
    content = PATHS[operation.path][operation.method.lower()]["requestBody"]["content"]
    return content["application/json"]["example"]


WITH_IDS: Final = [o for o in OPERATIONS.values() if "{" in o.path and not o.is_about_itself]
LISTS: Final = [o for o in OPERATIONS.values() if "{" not in o.path and o.method == "GET" and not o.is_about_itself]


@pytest.mark.parametrize("operation", WITH_IDS, ids=lambda operation: operation.name)
def test_what_another_tenant_has_is_not_there(world: World, operation: Operation) -> None:
    before = world.state()
    with as_tenant("other"):
        status, answer = world.cloud.call(operation.method, world.path(operation), example_body(operation))
    assert world.state() == before
    if operation.name in OWN_NAMES:
        assert status != 404
    else:
        assert (status, answer["code"]) == (404, "not_found")


@pytest.mark.parametrize("operation", LISTS, ids=lambda operation: operation.name)
def test_lists_have_nothing_of_another_tenant(world: World, operation: Operation) -> None:
    mine = json.dumps(world.cloud.call("GET", operation.path)[1])
    with as_tenant("other"):
        status, answer = world.cloud.call("GET", operation.path)
    theirs = json.dumps(answer)
    assert status == 200
    own = {name: id_ for name, id_ in world.ids.items() if f'"{id_}"' in mine}
    assert [name for name, id_ in own.items() if f'"{id_}"' in theirs] == []


def test_the_owner_has_all_that_others_are_refused(world: World) -> None:
    """Else 404 would prove nothing: the ids are real."""
    read = [o for o in WITH_IDS if o.method == "GET" and not o.asks_others and o.media_type == "application/json"]
    refused = {o.name for o in read if world.cloud.call("GET", world.path(o))[0] == 404}
    assert refused == {"get_output", "get_step_output"}  # the run waits: there is no output yet
    lists = {name: json.dumps(world.cloud.call("GET", o.path)[1]) for o in LISTS for name in [o.name]}
    assert world.ids["execution_id"] in lists["list_executions"]
    assert world.ids["workflow_id"] in lists["list_workflows"]


@pytest.mark.parametrize("parameter", ["workflow_id", "session_id", "execution_id"])
def test_a_filter_by_anothers_id_finds_nothing(world: World, parameter: str) -> None:
    value = "owned" if parameter == "session_id" else world.ids[parameter]
    path = "/approvals" if parameter == "execution_id" else "/executions"
    with as_tenant("other"):
        status, answer = world.cloud.call("GET", f"{path}?{parameter}={value}")
    assert (status, answer.get("items", [])) in ((200, []), (404, []))


def test_a_cursor_of_another_tenant_is_refused(world: World) -> None:
    cursor = world.cloud.call("GET", "/executions?limit=1")[1]["next_cursor"]
    assert cursor is not None
    with as_tenant("other"):
        assert world.cloud.call("GET", f"/executions?limit=1&cursor={cursor}")[0] == 422


def test_an_idempotency_key_is_its_tenants_own(world: World) -> None:
    from infra.local.gateway import HttpRequest

    body = b'{"name": "W", "steps": [{"step_id": "a", "step_type": "delay", "config": {"delay_seconds": 0}}]}'
    headers = (("content-type", "application/json"), ("host", "localhost"), ("idempotency-key", "one"))
    request = HttpRequest("POST", "/workflows/execute", "", headers, body)
    first = json.loads(world.cloud.gateway.handle(request).body)["id"]
    with as_tenant("other"):
        second = json.loads(world.cloud.gateway.handle(request).body)["id"]
        assert first != second
        world.until(lambda: world.sent("GET", f"/executions/{second}")["status"] in ENDED)
