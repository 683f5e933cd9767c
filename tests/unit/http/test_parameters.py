from __future__ import annotations

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from tests.support.http_events import request
from workflow_engine.errors import InvalidRequestError
from workflow_engine.http.parameters import (
    Page,
    idempotency_key,
    moment,
    page,
    query_parameter,
    refuse_unknown,
    whole_number,
)
from workflow_engine.http.queries import STARTED_AFTER, STATUS, VERSION, WAIT


def get(query: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> APIGatewayProxyEventV2:
    return APIGatewayProxyEventV2(request("GET", "/executions", query=query, headers=headers))


def test_without_parameters_the_defaults_hold() -> None:
    assert page(get()) == Page(50, None)
    assert whole_number(get(), WAIT) is None
    assert query_parameter(get(), STATUS) is None
    assert idempotency_key(get()) is None


def test_parameters_are_read() -> None:
    assert page(get({"limit": "7", "cursor": "abc"})) == Page(7, "abc")
    assert whole_number(get({"wait": "25"}), WAIT) == 25
    assert whole_number(get({"version": "3"}), VERSION) == 3


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5", "", "7,7", "٣"])
def test_a_limit_outside_1_to_100_is_refused(limit: str) -> None:
    with pytest.raises(InvalidRequestError, match="limit must be a whole number from 1 to 100"):
        page(get({"limit": limit}))


@pytest.mark.parametrize("wait", ["26", "-1", "1e3", "99999999999999999999"])
def test_a_wait_outside_0_to_25_is_refused(wait: str) -> None:
    with pytest.raises(InvalidRequestError, match="wait must be a whole number from 0 to 25"):
        whole_number(get({"wait": wait}), WAIT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
        ("2026-01-31T08:00:00Z", "2026-01-31T08:00:00+00:00"),
        ("2026-01-31T08:00:00", "2026-01-31T08:00:00+00:00"),
        ("2026-01-31T08:00:00+02:00", "2026-01-31T06:00:00+00:00"),
        ("2026-01-31T08:00:00 02:00", "2026-01-31T06:00:00+00:00"),
        ("2026-01-31T08:00:00.123456Z", "2026-01-31T08:00:00.123456+00:00"),
    ],
)
def test_a_moment_is_read_in_iso_8601(text: str, expected: str) -> None:
    found = moment(get({"started_after": text}), STARTED_AFTER)
    assert found is not None
    assert found.isoformat() == expected


@pytest.mark.parametrize("text", ["yesterday", "1738310400", "2026-13-01", "0001-01-01T00:00:00+23:00", "2026-01-31T8"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="started_after must be a moment in ISO 8601"):
        moment(get({"started_after": text}), STARTED_AFTER)


def test_a_parameter_with_a_typing_error_is_refused_with_a_suggestion() -> None:
    refuse_unknown(get(), ())
    refuse_unknown(get({"wait": "1"}), ("wait",))
    with pytest.raises(InvalidRequestError, match=r"'stauts'\. Did you mean 'status'\?"):
        refuse_unknown(get({"stauts": "failed"}), ("status", "limit"))


def test_an_empty_cursor_is_the_first_page() -> None:
    assert page(get({"cursor": ""})).cursor is None


def test_an_idempotency_key_is_read_whatever_the_case_of_its_header() -> None:
    assert idempotency_key(get(headers={"Idempotency-Key": "k-1"})) == "k-1"


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256])
def test_an_idempotency_key_of_other_characters_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequestError, match="Idempotency-Key"):
        idempotency_key(get(headers={"idempotency-key": key}))
