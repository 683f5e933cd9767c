"""Work of a step that is done once, with its results in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.support.aws_played import played_aws
from workflow_engine.sdk import StepContext, StepTransientError, idempotency, step
from workflow_engine.sdk.testing import StepCall, call_step
from workflow_engine.settings import MissingSettingError

TABLE = "step-results"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv(idempotency.TABLE_VARIABLE, TABLE)
    with played_aws():
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        fresh = idempotency.made_records()
        monkeypatch.setattr(idempotency, "records", lambda: fresh)
        yield dynamodb


def test_a_result_is_kept_in_the_table_and_given_again(table: Any) -> None:
    done: list[str] = []

    @step(idempotent=True)
    def charge(context: StepContext) -> dict[str, Any]:
        done.append(context.place)
        return {"charge": len(done), "of": 0.1}

    for attempt in (1, 2, 3):
        assert call_step(charge, call=StepCall(place="a[0].charge", attempt=attempt)).output == {"charge": 1, "of": 0.1}
    assert done == ["a[0].charge"]
    (item,) = table.scan(TableName=TABLE)["Items"]
    assert item["status"]["S"] == "COMPLETED"
    assert "expiration" in item


def test_a_table_that_is_not_there_passes_by_name(table: Any) -> None:
    table.delete_table(TableName=TABLE)

    @step(idempotent=True)
    def charge() -> int:
        raise AssertionError("not without a record")

    with pytest.raises(StepTransientError, match="looked up"):
        call_step(charge)


def test_a_function_in_lambda_needs_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(idempotency.TABLE_VARIABLE, raising=False)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "charge")
    with pytest.raises(MissingSettingError, match=idempotency.TABLE_VARIABLE):
        idempotency.made_records()
