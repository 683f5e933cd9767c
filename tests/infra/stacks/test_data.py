"""The table, the bucket and what they hold: kept, encrypted, closed."""

from __future__ import annotations

from typing import Any, Final

import pytest

from infra.catalog import FUNCTIONS, function
from infra.stacks.data import expiry_of_runs
from tests.infra.stacks.support import checked, lambda_function
from tests.support.templates import Assembly, as_list
from workflow_engine.store.schema import table_definition

pytestmark = pytest.mark.xdist_group("cdk")


def test_the_table_is_the_one_of_the_schema(dev: Assembly) -> None:
    wanted: dict[str, Any] = dict(table_definition("workflow-dev-table"))
    table = dev.only("AWS::DynamoDB::Table")
    by_name = {name: table[name] for name in ("TableName", "BillingMode", "KeySchema", "GlobalSecondaryIndexes")}
    assert by_name == {name: wanted[name] for name in by_name}
    assert (
        sorted(table["AttributeDefinitions"], key=lambda a: str(a["AttributeName"])) == wanted["AttributeDefinitions"]
    )
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_table_can_be_restored_to_any_second(dev: Assembly, prod: Assembly) -> None:
    for assembly in (dev, prod):
        recovery = assembly.only("AWS::DynamoDB::Table")["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}


HOLDING_DATA: Final = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::S3Vectors::VectorBucket", "AWS::Logs::LogGroup")


def test_data_outlives_its_stack_in_prod_only(dev: Assembly, prod: Assembly) -> None:
    kept = ("RetainExceptOnCreate", "Retain")
    for assembly, policies, protected in ((dev, ("Delete", "Delete"), False), (prod, kept, True)):
        assert assembly.only("AWS::DynamoDB::Table")["DeletionProtectionEnabled"] is protected
        holding = [resource for resource in assembly.all_resources() if resource["Type"] in HOLDING_DATA]
        assert len(holding) == 3 + len(FUNCTIONS) + 2
        assert {(r["DeletionPolicy"], r["UpdateReplacePolicy"]) for r in holding} == {policies}


def test_the_function_of_vectors_knows_their_bucket(dev: Assembly) -> None:
    (bucket,) = dev.resources("AWS::S3Vectors::VectorBucket").values()
    assert bucket["VectorBucketName"] == "workflow-dev-vectors"
    variables = lambda_function(dev, function("step_vectors"))["Environment"]["Variables"]
    assert variables["VECTOR_BUCKET_NAME"] == "workflow-dev-vectors"


def test_nothing_is_made_after_the_table_whose_failure_would_have_to_delete_it(prod: Assembly) -> None:
    resources = prod.templates["data"]["Resources"]
    (table,) = [r for r in resources.values() if r["Type"] == "AWS::DynamoDB::Table"]
    others = {id_ for id_, r in resources.items() if r is not table and r["Type"] != "AWS::CDK::Metadata"}
    assert set(table["DependsOn"]) == others


def test_nothing_is_public(dev: Assembly) -> None:
    checked(dev, "data").has_resource_properties(
        "AWS::S3::Bucket",
        {
            "PublicAccessBlockConfiguration": dict.fromkeys(
                ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
            ),
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        },
    )
    for type_ in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"):
        for policy in dev.resources(type_).values():
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Allow":
                    assert "Service" in statement["Principal"]
                    assert statement["Condition"]
    assert not dev.resources("AWS::Lambda::Url")


def test_everything_is_encrypted_at_rest_and_on_the_way(dev: Assembly) -> None:
    bucket = dev.only("AWS::S3::Bucket")
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    queues = dev.resources("AWS::SQS::Queue")
    assert all(queue["SqsManagedSseEnabled"] for queue in queues.values())
    for type_, guarded in (("AWS::S3::BucketPolicy", 1), ("AWS::SQS::QueuePolicy", len(queues))):
        denied = [
            statement
            for policy in dev.resources(type_).values()
            for statement in policy["PolicyDocument"]["Statement"]
            if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert [s["Effect"] for s in denied] == ["Deny"] * guarded


def test_documents_move_to_a_cheaper_class_and_never_expire(dev: Assembly) -> None:
    (rule,) = dev.only("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert [t["StorageClass"] for t in rule["Transitions"]] == ["INTELLIGENT_TIERING"]
    assert not any(name.startswith("Expiration") for name in rule)


def test_lists_of_one_are_read_as_lists() -> None:
    assert as_list("a") == as_list(["a"]) == ["a"]


def test_objects_of_runs_expire_where_runs_do_and_no_sooner_than_their_records_may() -> None:
    assert expiry_of_runs(0) == []
    (rule,) = expiry_of_runs(30)
    assert (rule.prefix, rule.expiration and rule.expiration.to_days()) == ("payloads/runs/", 30 + 366)
