"""Documents in YAML: what they say is what the same in JSON says."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.journeys.test_bad_input import assert_problem
from tests.support.http_client import Answer, ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

YAML = """\
# What a person would write
name: Norway
description: >-
  A list of
  countries
variables: &known
  country: NO
  since: 1814-05-17
  share: 1.0
steps:
  - step_id: greet
    step_type: data_input
    config:
      input_type: static
      data: *known
  - step_id: shout
    step_type: data_processing
    config: {processing_type: uppercase}
    input_mapping:
      text: greet.data.country
      template: {template: "{{ greet.data.since }}: {{ variables.country }}"}
"""
KNOWN = {"country": "NO", "since": "1814-05-17", "share": 1.0}
JSON = {
    "name": "Norway",
    "description": "A list of countries",
    "variables": KNOWN,
    "steps": [
        {"step_id": "greet", "step_type": "data_input", "config": {"input_type": "static", "data": KNOWN}},
        {
            "step_id": "shout",
            "step_type": "data_processing",
            "config": {"processing_type": "uppercase"},
            "input_mapping": {
                "text": "greet.data.country",
                "template": {"template": "{{ greet.data.since }}: {{ variables.country }}"},
            },
        },
    ],
}


def sent(api: ApiClient, method: str, path: str, text: str, **headers: str) -> Answer:
    content_type = {"content-type": headers.pop("content_type", "application/yaml"), **headers}
    return api.call(method, path, content=text.encode(), headers=content_type)


def test_what_is_stored_in_yaml_is_the_same_version_in_json(api: ApiClient) -> None:
    created = sent(api, "POST", "/workflows", YAML)
    assert (created.status, created.body["version"]) == (201, 1), created.body
    assert created.body["configuration"] == JSON
    path = f"/workflows/{created.body['workflow_id']}"
    for again in (api.call("PUT", path, JSON), sent(api, "PUT", path, YAML, content_type="text/yaml")):
        assert (again.status, again.body["version"], again.headers["etag"]) == (200, 1, created.headers["etag"])
    changed = sent(api, "PUT", path, YAML.replace("country: NO", "country: SE"), content_type="application/x-yaml")
    assert (changed.status, changed.body["version"]) == (200, 2)


def test_a_run_of_yaml_is_the_run_of_json(api: ApiClient) -> None:
    started = sent(api, "POST", "/workflows/execute?wait=25", YAML)
    results = api.results(started.body["execution_id"])
    assert results["status"] == "completed", results
    told = results["step_results"]["shout"]["output_data"]["result"]
    assert told == {"text": "NO", "template": "1814-05-17: NO"}


def test_a_report_on_yaml_points_as_one_on_json(api: ApiClient) -> None:
    text = YAML.replace("greet.data.country", "gret.data.country")
    report = sent(api, "POST", "/workflows/validate", text)
    assert [(e["code"], e["pointer"]) for e in report.body["errors"]] == [
        ("WFE-E204", "/steps/1/input_mapping/text"),
    ]
    compiled = sent(api, "POST", "/workflows/compile", YAML)
    assert compiled.body["asl"] == api.post("/workflows/compile", JSON).body["asl"]


def test_a_repeated_request_may_come_in_the_other_form(api: ApiClient) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = sent(api, "POST", "/workflows", YAML, **key)
    second = api.call("POST", "/workflows", JSON, headers=key)
    assert (first.status, second.status) == (201, 201)
    assert first.body["workflow_id"] == second.body["workflow_id"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\nname: y\n", "line 2, column 1: The key 'name' stands twice"),
        ("name: {{ input.x }}\n", "A text that begins with {{ must stand in quotes"),
        ("name: !Ref x\n", "Tags such as !Ref have no meaning here."),
        ("a:\n\tb: 1\n", "A tab stands where the line is indented."),
        ("# nothing\n", "The document is empty"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_place(api: ApiClient, text: str, told: str) -> None:
    for method, path in (
        ("POST", "/workflows/execute"),
        ("POST", "/workflows"),
        ("POST", "/agents"),
        ("PUT", "/prompts/p"),
    ):
        answer = sent(api, method, path, text)
        assert_problem(answer, 400, "malformed_yaml")
        assert told in answer.body["detail"]


def test_agents_and_prompts_are_written_in_yaml_too(api: ApiClient) -> None:
    prompt: dict[str, Any] = {
        "prompt_id": f"p-{uuid.uuid4().hex[:8]}",
        "name": "Greet",
        "query_template": "Hi {{ name }}",
    }
    made = sent(api, "POST", "/prompts", "\n".join(f"{name}: {json.dumps(value)}" for name, value in prompt.items()))
    assert made.status == 201, made.body
    assert made.body["prompt"]["query_template"] == "Hi {{ name }}"


def test_a_form_brings_its_document_in_yaml(api: ApiClient) -> None:
    part = (
        '--xx\r\nContent-Disposition: form-data; name="document"\r\nContent-Type: application/yaml\r\n\r\n'
        f"{YAML}\r\n--xx--\r\n"
    )
    started = sent(api, "POST", "/workflows/execute", part, content_type="multipart/form-data; boundary=xx")
    assert started.status == 202, started.body
    assert started.body["workflow_name"] == "Norway"
