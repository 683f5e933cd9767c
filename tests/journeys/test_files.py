"""Files: stored by themselves, or beside the workflow whose steps read them."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest

from tests.journeys.test_bad_input import assert_problem
from tests.support.files import docx, pdf
from tests.support.http_client import Answer, ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

READ: dict[str, Any] = {
    "name": "Read",
    "steps": [{"step_id": "read", "step_type": "file_reader", "input_mapping": {"file": "input.report"}}],
}
BOUNDARY = "a-boundary"
File = tuple[str, str, bytes]


def form(*files: File, **fields: Any) -> bytes:
    """A body of parts: fields as JSON, files as (part, file name, content)."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{json.dumps(value)}\r\n'.encode()
        for name, value in fields.items()
    ]
    for part, name, content in files:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def sent(api: ApiClient, path: str, content: bytes, **headers: str) -> Answer:
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return api.call("POST", path, content=content, headers={**kind, **headers})


def output(api: ApiClient, answer: Answer) -> Any:
    assert answer.status == 202, answer.body
    results = api.results(answer.body["execution_id"])
    assert results["error"] is None
    return results["step_results"]["read"]["output_data"]


def test_a_file_is_stored_read_by_a_step_listed_and_removed(api: ApiClient) -> None:
    word = uuid.uuid4().hex
    stored = sent(api, "/files", form(("file", "folder/a report.pdf", pdf(word)))).body
    assert (stored["file_name"], stored["upload"]) == ("a report.pdf", None)
    run = api.post("/workflows/execute", {"workflow": READ, "input": {"report": stored["reference"]}})
    assert output(api, run)["content"] == word
    assert api.get(f"/files/{stored['id']}").body == stored
    assert stored["id"] in {f["id"] for f in api.get("/files?limit=100").body["items"]}
    assert api.call("DELETE", f"/files/{stored['id']}").status == 204
    assert_problem(api.get(f"/files/{stored['id']}"), 404, "not_found")
    run = api.post("/workflows/execute", {"workflow": READ, "input": {"report": stored["reference"]}})
    assert api.results(run.body["execution_id"])["error"]["type"] == "FileMissingError"


def test_the_same_file_has_the_same_reference_in_either_form(api: ApiClient) -> None:
    first = sent(api, "/files", form(("file", "a.txt", b"hello")))
    content = base64.b64encode(b"hello").decode()
    second = api.post("/files", {"file_name": "a.txt", "content": content})
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert api.post("/files", {"file_name": "b.txt", "content": content}).body["id"] != first.body["id"]


def test_files_come_beside_the_workflow_that_reads_them(api: ApiClient) -> None:
    document = {"workflow": READ, "input": {"more": 1}}
    read = output(api, sent(api, "/workflows/execute", form(("report", "r.docx", docx("Hi")), document=document)))
    assert (read["content"], read["file_name"], read["file_extension"]) == ("Hi", "r.docx", ".docx")


def test_several_files_of_one_name_are_a_list_and_each_is_read(api: ApiClient) -> None:
    workflow = {
        "name": "Read all",
        "steps": [
            {
                "step_id": "read",
                "step_type": "file_reader",
                "for_each": "input.pages",
                "input_mapping": {"file": "item"},
            }
        ],
    }
    files = form(("pages", "1.txt", b"one"), ("pages", "2.txt", b"two"), document=workflow, input={})
    assert [one["content"] for one in output(api, sent(api, "/workflows/execute", files))] == ["one", "two"]


def test_a_form_that_is_sent_again_with_its_key_starts_one_run(api: ApiClient) -> None:
    content = form(("report", "r.txt", b"x"), document={"workflow": READ})
    key = {"idempotency-key": uuid.uuid4().hex}
    first = sent(api, "/workflows/execute", content, **key)
    assert sent(api, "/workflows/execute", content, **key).body["execution_id"] == first.body["execution_id"]


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("/files", form(), "one part, a file"),
        ("/files", form(file="x"), "one part, a file"),
        ("/files", form(("a", "a.txt", b""), ("b", "b.txt", b"")), "one part, a file"),
        ("/files", form(("file", "a/", b"")), "1 to 255 characters"),
        ("/files", form(("file", "a.txt", b""))[:-8], "before its last boundary"),
        ("/files", b"nonsense", "no multipart/form-data"),
        ("/workflows/execute", form(("report", "r.txt", b"x")), "no field 'document'"),
        ("/workflows/execute", form(document=1), "must be a JSON object"),
        ("/workflows/execute", form(document=READ, more=1), "a field 'more'"),
        ("/workflows/execute", form(("report", "r", b""), document=READ, input=1), "it must be an object"),
        ("/workflows/execute", form(("report", "r", b""), document=READ, input={"report": 1}), "'report' already"),
        ("/workflows/execute", form(document={"workflow": READ, "input": {}}, input={}), "Send one."),
    ],
)
def test_a_form_that_cannot_be_meant_is_refused(api: ApiClient, path: str, content: bytes, said: str) -> None:
    answer = sent(api, path, content)
    assert (answer.status, answer.body["code"]) == (422, "invalid_request")
    assert said in answer.body["detail"]


def test_a_document_in_a_form_that_is_no_json_is_told_as_any_body_is(api: ApiClient) -> None:
    content = form(document=READ).replace(b'{"name"', b'{name"')
    assert_problem(sent(api, "/workflows/execute", content), 400, "malformed_json")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, [""]),
        ({"file_name": "a.txt"}, [""]),
        ({"file_name": "a.txt", "content": "eA==", "size_bytes": 1}, [""]),
        ({"file_name": "a.txt", "content": "no base64!"}, ["/content"]),
        ({"file_name": "", "content": ""}, ["/file_name"]),
        ({"file_name": "a.txt", "size_bytes": 50_000_001}, ["/size_bytes"]),
        ({"file_name": "a\u0000.txt", "content": ""}, ["/file_name"]),
        ({"file_name": "a.txt", "content": "", "content_type": "a\nb"}, ["/content_type"]),
    ],
)
def test_a_file_in_json_that_cannot_be_meant_is_refused(api: ApiClient, body: dict[str, Any], pointers: Any) -> None:
    answer = api.post("/files", body)
    assert (answer.status, answer.body["code"]) == (422, "invalid_request")
    assert [e["pointer"] for e in answer.body["errors"]] == pointers


def test_a_file_is_cut_and_embedded(api: ApiClient, without_keys: None) -> None:
    workflow = {
        "name": "Embed",
        "execution_pattern": "dependency",
        "steps": [
            *READ["steps"],
            {
                "step_id": "cut",
                "step_type": "text_chunking",
                "dependencies": ["read"],
                "config": {"strategy": "sentence", "chunk_size": 30},
            },
            {"step_id": "embed", "step_type": "embedding_generation", "dependencies": ["cut"]},
            {
                "step_id": "texts",
                "step_type": "transform",
                "dependencies": ["embed"],
                "config": {"expression": "[embed.embeddings.text.$trim()]"},
            },
        ],
    }
    content = form(("report", "r.pdf", pdf("Lions sleep all day long. Bears like honey.")), document=workflow)
    results = api.results(sent(api, "/workflows/execute", content).body["execution_id"])
    assert results["output"] == {"texts": ["Lions sleep all day long.", "Bears like honey."]}
    assert results["step_results"]["embed"]["output_data"]["mode"] == "simulation"
