"""Each code's example is true: the wrong workflow gets the code and no other, the right one nothing at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from workflow_engine.language.diagnostics import CODES
from workflow_engine.language.explanations import explanation

WITHOUT_EXAMPLE = ("WFE-E401", "WFE-E900")
"""No built-in step type is unavailable, and the compiler has no known mistake."""

EXAMPLES = [code for code in CODES if code not in WITHOUT_EXAMPLE]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as cloud:
        yield cloud


def codes(cloud: LocalCloud, document: Any, stored: Any) -> list[str]:
    """The codes that a workflow gets where these others are stored, each once."""
    for workflow_id, child in stored.items():
        assert cloud.call("PUT", f"/workflows/{workflow_id}", child)[0] in (200, 201)
    status, answer = cloud.call("POST", "/workflows/validate", document)
    assert status in (200, 422)
    found = answer["errors"] + answer.get("warnings", [])
    for workflow_id in stored:
        cloud.call("DELETE", f"/workflows/{workflow_id}")
    return sorted({finding["code"] for finding in found})


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_wrong_example_gets_its_code_and_no_other(cloud: LocalCloud, code: str) -> None:
    explained = explanation(code)
    assert codes(cloud, explained.wrong, explained.stored) == [code]


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_right_example_gets_none(cloud: LocalCloud, code: str) -> None:
    explained = explanation(code)
    assert codes(cloud, explained.right, explained.stored) == []


@pytest.mark.parametrize("code", WITHOUT_EXAMPLE)
def test_a_code_that_no_workflow_gets_has_no_example(code: str) -> None:
    explained = explanation(code)
    assert (explained.wrong, explained.right) == (None, None)
    assert explained.why


def test_a_code_that_does_not_exist_has_no_explanation() -> None:
    with pytest.raises(KeyError):
        explanation("WFE-E999")
