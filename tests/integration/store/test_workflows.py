"""Stored workflows on moto's DynamoDB and S3: versions, deletion, lists."""

from __future__ import annotations

import pytest

from tests.integration.store.records import NOW, workflow
from workflow_engine.errors import ConflictError, InvalidRequestError, NotFoundError
from workflow_engine.store.deletions import REMEMBERED_SECONDS
from workflow_engine.store.items import MAX_INLINE_BYTES, Record
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.store.table import Write
from workflow_engine.usecases.engine import Engine


def test_a_workflow_comes_back_as_it_was_saved_floats_included(engine: Engine) -> None:
    engine.workflows.create(workflow())
    assert engine.workflows.newest("t", "w1") == workflow()
    assert engine.workflows.get("t", "w1", 1) == workflow()


def test_a_new_version_leaves_the_old_one_as_it_was(engine: Engine) -> None:
    engine.workflows.create(workflow())
    second = workflow(version=2, document={"name": "Name", "x": 2})
    engine.workflows.add_version(second)
    assert engine.workflows.newest("t", "w1") == second
    assert engine.workflows.get("t", "w1", 1) == workflow()
    versions = engine.workflows.versions("t", "w1", 10, None)
    assert [r["version"] for r in versions.records] == [2, 1]


def test_of_two_saves_at_once_one_is_refused(engine: Engine) -> None:
    engine.workflows.create(workflow())
    engine.workflows.add_version(workflow(version=2))
    with pytest.raises(ConflictError):
        engine.workflows.add_version(workflow(version=2, name="Other"))
    with pytest.raises(ConflictError):
        engine.workflows.create(workflow())


def test_a_deleted_workflow_is_gone_and_its_versions_are_not(engine: Engine) -> None:
    engine.workflows.create(workflow())
    engine.workflows.delete("t", "w1", NOW)
    with pytest.raises(NotFoundError):
        engine.workflows.newest("t", "w1")
    engine.workflows.delete("t", "w1", NOW + REMEMBERED_SECONDS)  # a client whose answer was lost
    with pytest.raises(NotFoundError):
        engine.workflows.delete("t", "w1", NOW + REMEMBERED_SECONDS + 1)
    with pytest.raises(ConflictError):
        engine.workflows.add_version(workflow(version=2))
    assert engine.workflows.get("t", "w1", 1) == workflow()
    assert engine.workflows.page("t", 10, None).records == []


def test_an_id_that_was_deleted_is_created_anew_and_counts_on(engine: Engine) -> None:
    engine.workflows.create(workflow())
    engine.workflows.add_version(workflow(version=2))
    engine.workflows.delete("t", "w1", NOW)
    again = engine.workflows.create(workflow(name="Again"))
    assert (again.version, engine.workflows.newest("t", "w1")) == (3, again)
    assert [r["id"] for r in engine.workflows.page("t", 10, None).records] == ["w1"]


RECORDED: Record = {
    "pk": "T#t#WORKFLOW#w1",
    "tenant_id": "t",
    "workflow_id": "w1",
    "workflow_version": 1,
    "first_version": 1,
    "workflow_name": "Name",
    "content_hash": "a882323e761bbb1e0f4a1a09b8120d6a34cad485887bf76cba3e6c35dea791c9",
    "content": '{"document":{"name":"Name","x":1.5},"bindings":{"config":{}},"outline":{"steps":[],"sinks":[]},"plan":{},'
    '"functions":["step_data"],"fan_out":{}}',
    "machine_hash": "hash",
    "machine_arn": "arn:machine",
    "compiler": "",
    "created_at": "2026-01-01",
    "updated_at": "2026-01-01",
    "listed": True,
}
LISTED = {"sk": "META", "tenant_list": "T#t#WORKFLOWS", "tenant_order": "2026-01-01#w1"}


def test_a_workflow_lies_in_the_table_as_it_always_did(engine: Engine) -> None:
    engine.workflows.create(workflow())
    assert engine._table.get("T#t#WORKFLOW#w1", "META") == RECORDED | LISTED
    assert engine._table.get("T#t#WORKFLOW#w1", "VERSION#00000001") == RECORDED | {"sk": "VERSION#00000001"}


def test_a_workflow_that_an_earlier_service_marked_as_deleted_is_gone_and_its_id_free(engine: Engine) -> None:
    marked: Record = {"sk": "META", "workflow_version": 2, "deleted_at": "2026-01-02"}
    versions: list[Record] = [{"sk": "VERSION#00000001"}, {"sk": "VERSION#00000002", "workflow_version": 2}]
    for record in (marked, *versions):
        engine._table.put(Write(RECORDED | record))
    assert engine.workflows.find("t", "w1") is None
    assert engine.workflows.get("t", "w1", 1) == workflow()
    with pytest.raises(ConflictError):
        engine.workflows.add_version(workflow(version=3))
    with pytest.raises(NotFoundError):
        engine.workflows.delete("t", "w1", NOW)
    assert engine.workflows.create(workflow(name="Again")).version == 3
    assert engine.workflows.newest("t", "w1") == workflow(name="Again", version=3)


def test_what_another_attempt_at_the_request_has_created_is_given(engine: Engine) -> None:
    first = engine.workflows.create(workflow(request_id="r1"))
    engine.workflows.add_version(workflow(version=2))
    assert engine.workflows.create(workflow(name="Late", request_id="r1")) == first
    with pytest.raises(ConflictError, match="There is a workflow 'w1' already"):
        engine.workflows.create(workflow(request_id="r2"))
    engine.workflows.delete("t", "w1", NOW)
    again = engine.workflows.create(workflow(request_id="r2"))
    assert engine.workflows.create(workflow(request_id="r2")) == again
    assert engine.workflows.created_by_request("t", "w1", "r1") == first
    assert engine.workflows.created_by_request("t", "w1", "r3") is None


def test_a_large_document_lies_in_s3_once(engine: Engine) -> None:
    large = workflow(document={"name": "Name", "text": "é" * MAX_INLINE_BYTES})
    engine.workflows.create(large)
    assert engine.workflows.newest("t", "w1") == large
    objects = engine.s3.list_objects_v2(Bucket=engine.settings.bucket_name)
    assert objects["KeyCount"] == 1


def test_lists_page_to_the_end_without_repeating(engine: Engine) -> None:
    for i in range(7):
        engine.workflows.create(workflow(id=f"w{i}", created_at=f"2026-01-0{i + 1}"))
    seen: list[str] = []
    cursor = None
    while True:
        page = engine.workflows.page("t", 3, cursor)
        seen += [r["id"] for r in page.records]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"w{i}" for i in range(6, -1, -1)]


def test_a_cursor_serves_its_own_list_only(engine: Engine) -> None:
    for i in range(3):
        engine.workflows.create(workflow(id=f"w{i}"))
    cursor = engine.workflows.page("t", 2, None).next_cursor
    assert cursor is not None
    with pytest.raises(InvalidRequestError):
        engine.workflows.page("u", 2, cursor)
    with pytest.raises(InvalidRequestError):
        engine.executions.page("t", RunFilter(), 2, cursor)
