"""What the local DynamoDB does where moto's own would not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models.dynamo_type import DynamoType

from infra.local import moto_dynamodb
from workflow_engine.store.schema import table_definition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def dynamodb() -> Iterator[DynamoDBClient]:
    moto_dynamodb.apply()
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(**table_definition("t"))
        yield client


def item(key: str, value: str = "") -> Any:
    return {"pk": {"S": key}, "sk": {"S": "META"}, "value": {"S": value}}


def values(client: DynamoDBClient) -> dict[str, str]:
    return {i["pk"]["S"]: i["value"]["S"] for i in client.scan(TableName="t")["Items"]}


def test_a_transaction_that_fails_changes_nothing(dynamodb: DynamoDBClient) -> None:
    dynamodb.put_item(TableName="t", Item=item("a", "old"))
    dynamodb.put_item(TableName="t", Item=item("b", "old"))
    key = {"pk": {"S": "b"}, "sk": {"S": "META"}}
    changes: Any = {
        "Key": key,
        "TableName": "t",
        "UpdateExpression": "SET #v = :v",
        "ExpressionAttributeNames": {"#v": "value"},
        "ExpressionAttributeValues": {":v": {"S": "new"}},
    }
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "t", "Item": item("a", "new")}},
                {"Put": {"TableName": "t", "Item": item("c", "new")}},
                {"Update": changes},
                {"Put": {"TableName": "t", "Item": item("d"), "ConditionExpression": "attribute_exists(pk)"}},
            ]
        )
    assert values(dynamodb) == {"a": "old", "b": "old"}


def test_a_transaction_that_succeeds_changes_everything(dynamodb: DynamoDBClient) -> None:
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "t", "Item": item(k, "new")}} for k in "ab"])
    assert values(dynamodb) == {"a": "new", "b": "new"}


def test_of_many_writers_at_once_one_finds_the_item_absent(dynamodb: DynamoDBClient) -> None:
    def write(n: int) -> bool:
        try:
            dynamodb.transact_write_items(
                TransactItems=[
                    {"Put": {"TableName": "t", "Item": item(f"own-{n}")}},
                    {"Put": {"TableName": "t", "Item": item("a"), "ConditionExpression": "attribute_not_exists(pk)"}},
                ]
            )
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(40))) == 1
    assert len(values(dynamodb)) == 2


def run_of(n: int) -> Any:
    return {
        "pk": {"S": f"run-{n:03d}"},
        "sk": {"S": "META"},
        "tenant_list": {"S": f"tenant-{n % 10}"},
        "tenant_order": {"S": f"{999 - n:03d}"},
    }


def test_a_query_looks_at_its_partition_only(dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(200):
        dynamodb.put_item(TableName="t", Item=run_of(n))
    compared = 0
    less = DynamoType.__lt__

    def counted(self: DynamoType, other: DynamoType) -> bool:
        nonlocal compared
        compared += 1
        return less(self, other)

    monkeypatch.setattr(DynamoType, "__lt__", counted)
    of_index: Any = {"KeyConditionExpression": "tenant_list = :t AND tenant_order BETWEEN :low AND :high"}
    of_index["ExpressionAttributeValues"] = {":t": {"S": "tenant-3"}, ":low": {"S": "100"}, ":high": {"S": "910"}}
    listed = dynamodb.query(TableName="t", IndexName="by_tenant", ScanIndexForward=False, **of_index)["Items"]
    assert [i["pk"]["S"] for i in listed] == [f"run-{n:03d}" for n in range(93, 200, 10)]
    of_table: Any = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "run-007"}}}
    assert [i["pk"]["S"] for i in dynamodb.query(TableName="t", **of_table)["Items"]] == ["run-007"]
    of_table["ExpressionAttributeValues"] = {":p": {"S": "run-nowhere"}}
    assert dynamodb.query(TableName="t", **of_table)["Items"] == []
    assert compared < 200
    assert len(dynamodb.scan(TableName="t")["Items"]) == 200


def test_applying_twice_is_applying_once(dynamodb: DynamoDBClient) -> None:
    moto_dynamodb.apply()
    test_a_transaction_that_succeeds_changes_everything(dynamodb)
