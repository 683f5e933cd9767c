"""Keys, items and cursors: what is pure in the store."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_engine.errors import InvalidRequestError
from workflow_engine.store import cursors, keys
from workflow_engine.store.items import dump, from_attributes, to_attributes
from workflow_engine.store.schema import INDEXES, table_definition
from workflow_engine.store.workflows import content_hash

names = st.text(min_size=1, max_size=8, alphabet="ab#%2T3")


@given(names, names, names, names)
def test_no_two_names_share_a_key(tenant: str, workflow: str, other_tenant: str, other: str) -> None:
    if (tenant, workflow) != (other_tenant, other):
        assert keys.workflow(tenant, workflow) != keys.workflow(other_tenant, other)
        assert keys.execution(tenant, workflow) != keys.execution(other_tenant, other)
        ours, theirs = (
            keys.definition_versions(*key) for key in ((tenant, "agent", workflow), (other_tenant, "agent", other))
        )
        assert ours != theirs
    if workflow != other:
        assert keys.definition("agent", workflow) != keys.definition("agent", other)
        assert keys.mcp_server(workflow) != keys.mcp_server(other)


@given(names, names)
def test_kinds_of_records_never_share_a_partition(tenant: str, name: str) -> None:
    partitions = [
        keys.workflow(tenant, name),
        keys.workflows(tenant),
        keys.execution(tenant, name),
        keys.executions(tenant),
        keys.executions_of(tenant, name),
        keys.steps(tenant),
        keys.definitions(tenant, "agent"),
        keys.definitions(tenant, "prompt"),
        keys.definition_versions(tenant, "agent", name),
        keys.definition_versions(tenant, "prompt", name),
        keys.mcp_servers(tenant),
        keys.idempotency(tenant, "execute", name),
        keys.machine(name),
    ]
    assert len(set(partitions)) == len(partitions)


def test_no_callers_tenant_reaches_the_platforms_records() -> None:
    assert not keys.workflows("#platform").startswith(keys.machine("x").partition("#MACHINE")[0] + "#")


def test_versions_sort_by_number() -> None:
    assert sorted([keys.version(10), keys.version(9), keys.version(100)]) == [
        keys.version(9),
        keys.version(10),
        keys.version(100),
    ]


def test_records_come_back_as_they_were_stored_without_the_nulls() -> None:
    record: dict[str, Any] = {"a": "text", "n": 3, "yes": True, "none": None}
    assert from_attributes(to_attributes(record)) == {"a": "text", "n": 3, "yes": True}


def test_a_float_is_no_attribute() -> None:
    with pytest.raises(TypeError, match="JSON text"):
        to_attributes({"x": 1.5})  # type: ignore[dict-item]  # what is refused


def test_not_a_number_is_no_document() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dump({"x": float("nan")})


def test_the_order_of_keys_is_content() -> None:
    assert content_hash({"a": 1, "b": 2}) != content_hash({"b": 2, "a": 1})
    assert content_hash({"a": 1.0}) == content_hash({"a": 1.0})


@settings(max_examples=30)
@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_a_cursor_gives_its_position_back(position: object) -> None:
    cursor = cursors.encode("t", "list", position)
    assert cursor.isascii()
    assert cursors.decode("t", "list", cursor) == position


@pytest.mark.parametrize("cursor", ["", "x", "!!", "a" * 50, "ünicode", cursors.encode("t", "list", {"pk": "a"})[:-3]])
def test_a_cursor_that_was_not_given_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequestError):
        cursors.decode("t", "list", cursor)


def test_a_cursor_of_another_tenant_or_list_is_refused() -> None:
    cursor = cursors.encode("t", "list", {"pk": "a"})
    for tenant, scope in (("u", "list"), ("t", "other")):
        with pytest.raises(InvalidRequestError):
            cursors.decode(tenant, scope, cursor)


def test_every_key_of_the_table_is_declared() -> None:
    definition = table_definition("x")
    declared = {a["AttributeName"] for a in definition["AttributeDefinitions"]}
    used = {k["AttributeName"] for k in definition["KeySchema"]}
    used |= {k for i in INDEXES for k in (i.partition_key, i.sort_key) if k}
    assert declared == used
