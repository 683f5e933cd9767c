"""What a body says: the workflow, the run, and where their pointers lead."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Diagnostic
from workflow_engine.settings import DEFAULT_STEP_FUNCTION_PATTERNS, Settings
from workflow_engine.usecases.bodies.check_input import check_input
from workflow_engine.usecases.bodies.run import (
    RunFields,
    WorkflowRunFields,
    read_run,
    run_input,
    waiting_seconds,
    with_input,
)
from workflow_engine.usecases.bodies.workflow import posted_workflow

WORKFLOW: dict[str, Any] = {"name": "x", "steps": [], "tags": ["t"]}


def test_a_flat_body_is_split_and_its_tags_are_of_both() -> None:
    posted = posted_workflow({**WORKFLOW, "input": {"n": 1}, "session_id": "s"})
    assert posted.document == WORKFLOW
    assert posted.prefix == ""
    assert (posted.run.input, posted.run.session_id, posted.run.tags) == ({"n": 1}, "s", ["t"])


def test_a_wrapped_body_keeps_the_workflow_as_it_is_and_moves_the_pointers() -> None:
    document = {**WORKFLOW, "input": "unknown field of a workflow"}
    posted = posted_workflow({"workflow": document, "input": 0})
    assert posted.document == document
    assert run_input(posted.run) == 0
    assert posted.placed([Diagnostic("WFE-E101", "/input", "x")])[0].pointer == "/workflow/input"


def test_a_run_without_input_gets_an_empty_object() -> None:
    assert run_input(posted_workflow(WORKFLOW).run) == {}


@pytest.mark.parametrize("body", [None, 1, "x", [], [1]])
def test_a_body_that_is_no_object_is_a_document_to_be_refused_by_the_language(body: Any) -> None:
    assert posted_workflow(body).document == body


def test_an_unknown_field_beside_a_wrapped_workflow_gets_a_suggestion() -> None:
    with pytest.raises(InvalidRequestError) as raised:
        posted_workflow({"workflow": WORKFLOW, "sesion_id": "s"})
    (error,) = raised.value.errors
    assert error["pointer"] == "/sesion_id"
    assert "session_id" in error["detail"]


def test_the_input_is_checked_with_all_its_findings() -> None:
    schema = {"type": "object", "properties": {"a/b": {"type": "integer"}, "c": {"type": "string"}}}
    check_input(WorkflowRunFields(input={"a/b": 1}), schema)
    check_input(WorkflowRunFields(input="anything"), None)
    with pytest.raises(InvalidRequestError) as raised:
        check_input(WorkflowRunFields(input={"a/b": "x", "c": 1}), schema)
    assert sorted(e["pointer"] for e in raised.value.errors) == ["/input/a~1b", "/input/c"]


def test_the_original_form_is_a_workflow_and_its_run() -> None:
    body = {"workflow_config": WORKFLOW, "input_data": {"n": 1}, "user_id": "u", "organization_id": "o"}
    posted = posted_workflow(body)
    assert (posted.document, posted.prefix, run_input(posted.run)) == (WORKFLOW, "/workflow_config", {"n": 1})
    assert (posted.run.user_id, posted.run.organization_id) == ("u", "o")


def test_trigger_and_query_become_entries_of_the_input() -> None:
    assert run_input(posted_workflow({**WORKFLOW, "query": "Hi", "trigger": {"kind": "chat"}}).run) == {
        "query": "Hi",
        "trigger": {"kind": "chat"},
    }
    assert run_input(posted_workflow({**WORKFLOW, "query": "Hi", "input": {"query": "Hi"}}).run) == {"query": "Hi"}


def test_metadata_of_a_flat_body_is_of_the_workflow_and_beside_a_workflow_of_the_run() -> None:
    flat = posted_workflow({**WORKFLOW, "metadata": {"m": 1}})
    assert (flat.document["metadata"], flat.run.metadata) == ({"m": 1}, None)
    assert posted_workflow({"workflow": WORKFLOW, "metadata": {"m": 1}}).run.metadata == {"m": 1}


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"input": 1, "input_data": 2}, "/input_data"),
        ({"input": {"query": "a"}, "query": "b"}, "/query"),
        ({"input_data": [1], "query": "b"}, "/input_data"),
        ({"wait": "yes"}, "/wait"),
        ({"wait": 26}, "/wait"),
        ({"tags": ["x" * 500_000]}, "/tags"),
        ({"workflow": WORKFLOW, "metadata": {"m": "ä" * 40_000}}, "/metadata"),
        ({"workflow": WORKFLOW, "workflow_config": WORKFLOW}, "/workflow_config"),
        ({"organization_id": "o" * 257}, "/organization_id"),
        ({"backend": 1}, "/backend"),
    ],
)
def test_what_a_run_cannot_be_or_keep_is_refused_where_it_stands(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        posted_workflow(fields if "workflow" in fields else {**WORKFLOW, **fields})
    assert [e["pointer"] for e in raised.value.errors] == [place]


def test_any_run_keeps_no_more_than_fits_beside_it() -> None:
    with pytest.raises(InvalidRequestError) as raised:
        read_run(RunFields, {"tags": ["x" * 100_000]})
    assert [e["pointer"] for e in raised.value.errors] == ["/tags"]


def test_a_run_of_a_made_workflow_keeps_what_was_said_of_it_and_gets_the_entries_that_there_are() -> None:
    said = read_run(RunFields, {"input": "old", "tags": ["t"], "session_id": "s"})
    fields = with_input(said, {"query": "Hi", "context": None})
    assert run_input(fields) == {"query": "Hi"}
    assert (fields.tags, fields.session_id, fields.user_id, fields.wait) == (["t"], "s", None, None)


@pytest.mark.parametrize(("wait", "seconds"), [(True, 25), (False, 0), (None, 0), (3, 3), (0.2, 1), (25, 25)])
def test_wait_in_a_body_is_a_number_of_seconds_or_as_long_as_may_be(wait: Any, seconds: int) -> None:
    assert waiting_seconds({"wait": wait}) == seconds
    assert waiting_seconds([]) == 0


def test_findings_of_the_input_lead_to_where_it_was_sent() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "query": {"type": "integer"}}}
    with pytest.raises(InvalidRequestError) as raised:
        check_input(WorkflowRunFields(input_data={"n": "x"}, query="y"), schema)
    assert sorted(e["pointer"] for e in raised.value.errors) == ["/input_data/n", "/query"]


def test_settings_come_from_the_environment_when_asked_for() -> None:
    required = {"TABLE_NAME": "t", "BUCKET_NAME": "b", "MACHINE_ROLE_ARN": "r"}
    settings = Settings.from_environment(required)
    assert settings.step_function_arn_patterns == DEFAULT_STEP_FUNCTION_PATTERNS
    assert not settings.allow_local_steps
    full = {
        **required,
        "STEP_FUNCTIONS": '{"a": "arn"}',
        "STEP_FUNCTION_ARN_PATTERNS": "x*, y",
        "ALLOW_LOCAL_STEPS": "1",
    }
    settings = Settings.from_environment(full)
    assert settings.step_functions == {"a": "arn"}
    assert settings.may_invoke("xyz")
    assert not settings.may_invoke("yz")
    with pytest.raises(KeyError, match="BUCKET_NAME"):
        Settings.from_environment({"TABLE_NAME": "t"})
