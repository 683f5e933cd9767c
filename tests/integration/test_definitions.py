"""The repositories of agents, prompts and MCP servers on moto's DynamoDB and S3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.backend_cloud import backend, counted
from workflow_engine.errors import ConflictError, InvalidRequestError, NotFoundError
from workflow_engine.store.deletions import REMEMBERED_SECONDS
from workflow_engine.store.items import MAX_INLINE_BYTES
from workflow_engine.store.versions import Version
from workflow_engine.usecases.engine import Engine

NOW = 1_800_000_000


@pytest.fixture
def engine() -> Iterator[Engine]:
    with backend() as made:
        yield made


def agent(**changes: Any) -> Version:
    document = {"agent_name": "Helper", "description": "Helps.", "temperature": 0.5, "tools": ["calculator"]}
    made = Version("t", "helper", 1, "Helper", document, "2026-01-01", "2026-01-01", "me")
    named = {"name": changes["document"]["agent_name"]} if "document" in changes else {}
    return replace(made, **(named | changes))


def ids(engine: Engine, tenant_id: str = "t") -> list[str]:
    return [r["id"] for r in engine.agents.page(tenant_id, 100, None).records]


def test_a_definition_comes_back_as_it_was_saved_floats_included(engine: Engine) -> None:
    assert engine.agents.create(agent()) == agent()
    assert engine.agents.newest("t", "helper") == agent()
    assert engine.agents.get("t", "helper", 1) == agent()


def test_a_definition_lies_in_the_table_as_it_always_did(engine: Engine) -> None:
    engine.agents.create(agent(request_id="r1"))
    record = {
        "tenant_id": "t",
        "kind": "agent",
        "definition_id": "helper",
        "version": 1,
        "name": "Helper",
        "description": "Helps.",
        "document": '{"agent_name":"Helper","description":"Helps.","temperature":0.5,"tools":["calculator"]}',
        "created_at": "2026-01-01",
        "updated_at": "2026-01-01",
        "created_by": "me",
        "request_id": "r1",
    }
    newest, first = ("T#t#AGENTS", "AGENT#helper"), ("T#t#AGENT#helper", "VERSION#00000001")
    for pk, sk in (newest, first):
        assert engine._table.get(pk, sk) == record | {"pk": pk, "sk": sk}


def test_reading_the_newest_version_is_one_call(engine: Engine) -> None:
    engine.agents.create(agent())
    with counted(engine.dynamodb, engine.s3) as calls:
        engine.agents.newest("t", "helper")
    assert calls == ["GetItem"]


def test_a_new_version_leaves_the_old_one_as_it_was(engine: Engine) -> None:
    engine.agents.create(agent())
    second = agent(version=2, document={"agent_name": "Better"}, updated_at="2026-01-02")
    engine.agents.add_version(second)
    assert engine.agents.newest("t", "helper") == second
    assert engine.agents.get("t", "helper", 1) == agent()
    versions = engine.agents.versions("t", "helper", 10, None).records
    assert [(r["version"], r["name"]) for r in versions] == [(2, "Better"), (1, "Helper")]
    assert len(ids(engine)) == 1


def test_of_two_saves_at_once_one_is_refused(engine: Engine) -> None:
    engine.agents.create(agent())
    engine.agents.add_version(agent(version=2))
    with pytest.raises(ConflictError, match="changed by another request"):
        engine.agents.add_version(agent(version=2, document={"agent_name": "Other"}))
    with pytest.raises(ConflictError):
        engine.agents.add_version(agent(version=4))
    assert engine.agents.newest("t", "helper") == agent(version=2)


def test_an_id_that_is_in_use_cannot_be_created(engine: Engine) -> None:
    engine.agents.create(agent())
    with pytest.raises(ConflictError, match="There is an agent 'helper' already"):
        engine.agents.create(agent(document={"agent_name": "Other"}))
    assert engine.agents.newest("t", "helper") == agent()
    assert len(engine.agents.versions("t", "helper", 10, None).records) == 1


def test_a_deleted_definition_is_gone_and_its_versions_are_not(engine: Engine) -> None:
    engine.agents.create(agent())
    engine.agents.delete("t", "helper", NOW)
    with pytest.raises(NotFoundError, match="There is no agent 'helper'"):
        engine.agents.newest("t", "helper")
    engine.agents.delete("t", "helper", NOW + REMEMBERED_SECONDS)  # a client whose answer was lost
    with pytest.raises(NotFoundError):
        engine.agents.delete("t", "helper", NOW + REMEMBERED_SECONDS + 1)
    with pytest.raises(ConflictError):
        engine.agents.add_version(agent(version=2))
    assert engine.agents.get("t", "helper", 1) == agent()
    assert ids(engine) == []
    assert engine.agents.find("t", "helper") is None


def test_an_id_that_was_deleted_is_created_anew_and_counts_on(engine: Engine) -> None:
    engine.agents.create(agent())
    engine.agents.add_version(agent(version=2))
    engine.agents.delete("t", "helper", NOW)
    again = engine.agents.create(agent(document={"agent_name": "Again"}, created_at="2026-02-01"))
    assert (again.version, again.created_at) == (3, "2026-02-01")
    assert engine.agents.newest("t", "helper") == again
    assert [r["version"] for r in engine.agents.versions("t", "helper", 10, None).records] == [3, 2, 1]
    engine.agents.add_version(agent(version=4))
    assert engine.agents.newest("t", "helper").version == 4


def test_versions_beyond_nine_stay_in_order(engine: Engine) -> None:
    engine.agents.create(agent())
    for number in range(2, 12):
        engine.agents.add_version(agent(version=number))
    page = engine.agents.versions("t", "helper", 4, None)
    assert [r["version"] for r in page.records] == [11, 10, 9, 8]
    following = engine.agents.versions("t", "helper", 100, page.next_cursor)
    assert [r["version"] for r in following.records] == [7, 6, 5, 4, 3, 2, 1]


def test_a_version_that_never_was_is_not_found(engine: Engine) -> None:
    engine.agents.create(agent())
    with pytest.raises(NotFoundError, match="no version 2 of agent 'helper'"):
        engine.agents.get("t", "helper", 2)


def test_tenants_and_kinds_do_not_see_each_other(engine: Engine) -> None:
    engine.agents.create(agent())
    with pytest.raises(NotFoundError):
        engine.agents.newest("u", "helper")
    with pytest.raises(NotFoundError):
        engine.agents.get("u", "helper", 1)
    with pytest.raises(NotFoundError):
        engine.prompts.newest("t", "helper")
    assert ids(engine, "u") == []
    assert engine.agents.versions("u", "helper", 10, None).records == []
    assert engine.prompts.page("t", 10, None).records == []
    assert engine.agents.create(agent(tenant_id="u")).version == 1
    engine.agents.delete("u", "helper", NOW)
    assert engine.agents.newest("t", "helper") == agent()


def test_a_tenant_whose_name_looks_like_a_key_stays_apart(engine: Engine) -> None:
    engine.agents.create(agent(tenant_id="t#AGENT#helper"))
    assert ids(engine) == []
    assert engine.agents.versions("t", "helper", 10, None).records == []


def test_lists_page_to_the_end_by_id_and_pass_over_what_was_deleted(engine: Engine) -> None:
    for number in (4, 0, 6, 2, 5, 1, 3):
        engine.agents.create(agent(id=f"a{number}"))
    engine.agents.delete("t", "a2", NOW)
    engine.agents.delete("t", "a6", NOW)
    seen: list[list[str]] = []
    cursor = None
    while True:
        page = engine.agents.page("t", 2, cursor)
        seen.append([r["id"] for r in page.records])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [i for part in seen for i in part] == ["a0", "a1", "a3", "a4", "a5"]
    assert seen[:2] == [["a0", "a1"], ["a3", "a4"]]


def test_lists_show_what_a_definition_is_without_its_document(engine: Engine) -> None:
    engine.agents.create(agent(document={"agent_name": "Helper", "description": "x" * 600}))
    (shown,) = engine.agents.page("t", 10, None).records
    assert shown == {
        "id": "helper",
        "version": 1,
        "name": "Helper",
        "description": "x" * 500,
        "created_at": "2026-01-01",
        "updated_at": "2026-01-01",
        "created_by": "me",
    }


def test_a_cursor_serves_its_own_list_only(engine: Engine) -> None:
    for number in range(3):
        engine.agents.create(agent(id=f"a{number}"))
    cursor = engine.agents.page("t", 1, None).next_cursor
    assert cursor is not None
    with pytest.raises(InvalidRequestError):
        engine.prompts.page("t", 1, cursor)
    with pytest.raises(InvalidRequestError):
        engine.agents.page("u", 1, cursor)
    with pytest.raises(InvalidRequestError):
        engine.agents.versions("t", "a0", 1, cursor)


def test_a_large_document_lies_in_s3_once_for_both_of_its_records(engine: Engine) -> None:
    large = agent(document={"agent_name": "Helper", "system_prompt": "é" * MAX_INLINE_BYTES})
    engine.agents.create(large)
    assert engine.agents.newest("t", "helper") == large
    assert engine.agents.get("t", "helper", 1) == large
    assert engine.s3.list_objects_v2(Bucket=engine.settings.bucket_name)["KeyCount"] == 1
    with counted(engine.s3) as calls:
        assert ids(engine) == ["helper"]
    assert calls == []


def test_prompts_are_listed_by_their_own_name_field(engine: Engine) -> None:
    engine.prompts.create(Version("t", "greet", 1, "Greeting", {"name": "Greeting", "query_template": "Hi"}, "n", "n"))
    (shown,) = engine.prompts.page("t", 10, None).records
    assert (shown["name"], shown["created_by"]) == ("Greeting", None)
    with pytest.raises(ConflictError, match="There is a prompt 'greet' already"):
        engine.prompts.create(Version("t", "greet", 1, "Other", {"name": "Other"}, "n", "n"))


def server(name: str = "crm", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "url": "https://crm.example.com/mcp",
        "allowed_tools": None,
        "created_at": "2026-01-01",
        **changes,
    }


def test_an_mcp_server_is_kept_replaced_and_removed(engine: Engine) -> None:
    assert engine.mcp_servers.put("t", server(), "r1") == (server(), True)
    assert engine.mcp_servers.find("t", "crm") == server()
    later = server(allowed_tools=["find"], created_at="2026-01-02")
    assert engine.mcp_servers.put("t", later, "r2") == (server(allowed_tools=["find"]), False)
    assert engine.mcp_servers.find("t", "crm") == server(allowed_tools=["find"])
    engine.mcp_servers.delete("t", "crm", NOW)
    assert engine.mcp_servers.find("t", "crm") is None
    engine.mcp_servers.delete("t", "crm", NOW + 1)  # a client whose answer was lost
    with pytest.raises(NotFoundError, match="no MCP server 'other'"):
        engine.mcp_servers.delete("t", "other", NOW)


def test_a_repeated_registration_gives_what_it_gave(engine: Engine) -> None:
    engine.mcp_servers.put("t", server(), "r1")
    repeated = server(created_at="2026-01-02")
    assert engine.mcp_servers.put("t", repeated, "r1") == (server(), True)
    replaced = engine.mcp_servers.put("t", server(url="https://other.example.com/"), "r2")
    assert engine.mcp_servers.put("t", server(url="https://other.example.com/", created_at="x"), "r2") == replaced
    assert replaced[1] is False


def test_a_registration_of_an_earlier_version_of_the_service_is_replaced(engine: Engine) -> None:
    engine.mcp_servers.put("t", server(), "r1")
    engine._table.update("T#t#MCPSERVERS", "MCPSERVER#crm", {"request_id": None, "is_new": None})
    assert engine.mcp_servers.put("t", server(url="https://b.example.com/"), "r2")[1] is False
    assert engine.mcp_servers.find("t", "crm") == server(url="https://b.example.com/")


def test_mcp_servers_of_tenants_are_apart(engine: Engine) -> None:
    engine.mcp_servers.put("t", server(), "r1")
    assert engine.mcp_servers.find("u", "crm") is None
    assert engine.mcp_servers.page("u", 10, None) == ([], None)
    assert engine.mcp_servers.put("u", server(url="https://u.example.com/"), "r1")[1]
    with pytest.raises(NotFoundError):
        engine.mcp_servers.delete("v", "crm", NOW)
    assert engine.mcp_servers.find("t", "crm") == server()


def test_mcp_servers_are_listed_by_name_and_found_by_names(engine: Engine) -> None:
    for name in ("c", "a", "b"):
        engine.mcp_servers.put("t", server(name), "r1")
    first, cursor = engine.mcp_servers.page("t", 2, None)
    assert [s["name"] for s in first] == ["a", "b"]
    assert engine.mcp_servers.page("t", 2, cursor) == ([server("c")], None)
    assert engine.mcp_servers.find_many("t", ["a", "x", "c"]) == {"a": server("a"), "c": server("c")}
