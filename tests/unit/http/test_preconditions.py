"""If-Match and If-None-Match: how they are read, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.errors import InvalidRequestError, PreconditionFailedError
from workflow_engine.http.parameters import entity_tags
from workflow_engine.http.powertools import APIGatewayProxyEventV2
from workflow_engine.usecases.workflows.preconditions import Precondition, entity_tag, shown_tag

TAG = '"3-1f3a"'


def read(value: str | None) -> tuple[str, ...] | None:
    event: dict[str, Any] = {"headers": {} if value is None else {"if-match": value}}
    return entity_tags(APIGatewayProxyEventV2(event), "If-Match")


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (None, None),
        ("*", ("*",)),
        (' "3-1f3a" ', (TAG,)),
        ('"a", W/"b",TAG'.replace("TAG", TAG), ('"a"', TAG)),
        ('"a,b"', ('"a,b"',)),
        ('W/"b"', ()),
    ],
)
def test_entity_tags_are_read_as_the_rfc_has_them(value: str | None, tags: tuple[str, ...] | None) -> None:
    assert read(value) == tags


@pytest.mark.parametrize("value", ["", "3", '"a', '"a" "b"', '"a",', "*, *"])
def test_what_is_no_entity_tag_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequestError, match="If-Match"):
        read(value)


@pytest.mark.parametrize(
    ("match", "none_match", "standing", "holds"),
    [
        (None, None, None, True),
        ((TAG,), None, TAG, True),
        (('"x"', TAG), None, TAG, True),
        (("*",), None, TAG, True),
        ((TAG,), None, '"4-1f3a"', False),
        ((TAG,), None, None, False),
        (("*",), None, None, False),
        ((), None, TAG, False),
        (None, ("*",), None, True),
        (None, ("*",), TAG, False),
        (None, ('"x"',), TAG, True),
        (None, (TAG,), TAG, False),
    ],
)
def test_a_precondition_holds_for_the_version_that_it_names(
    match: tuple[str, ...] | None, none_match: tuple[str, ...] | None, standing: str | None, holds: bool
) -> None:
    precondition = Precondition(match, none_match)
    if holds:
        precondition.check(standing)
        return
    with pytest.raises(PreconditionFailedError):
        precondition.check(standing)


TAG_OF_3 = '"3-1f3a1f3a1f3a1f3a"'


def test_versions_of_equal_content_have_tags_of_their_own() -> None:
    assert entity_tag(3, "1f3a" * 16) == TAG_OF_3
    assert entity_tag(4, "1f3a" * 16) != entity_tag(3, "1f3a" * 16)


def shown(build: int = 1, **pausing: str) -> Any:
    return {
        "version": 3,
        "content_hash": "1f3a" * 16,
        "build": {"number": build},
        "paused_at": None,
        "resumed_at": None,
        **pausing,
    }


def test_what_shows_a_version_has_another_tag_after_a_pause_and_a_build_and_names_the_version_still() -> None:
    answers = [
        shown(),
        shown(build=2),
        shown(build=3),
        shown(paused_at="2026-01-01T08:00:00.000Z"),
        shown(resumed_at="2026-01-01T08:00:00.000Z"),
        shown(paused_at="2026-01-01T09:00:00.000Z"),
    ]
    tags = [shown_tag(answer) for answer in answers]
    assert tags[0] == TAG_OF_3
    assert len(set(tags)) == len(tags)
    for tag in tags:
        Precondition(match=(tag,)).check(TAG_OF_3)
        with pytest.raises(PreconditionFailedError):
            Precondition(match=(tag,)).check(entity_tag(4, "1f3a" * 16))
        with pytest.raises(PreconditionFailedError):
            Precondition(none_match=(tag,)).check(TAG_OF_3)
