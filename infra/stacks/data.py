"""What must outlive everything else: the table and the bucket."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3vectors as s3vectors
from constructs import Construct

from infra.constructs.deployment import Deployment
from workflow_engine.store.payloads import RUNS_FOLDER
from workflow_engine.store.retention import LONGEST_RUN_DAYS
from workflow_engine.store.schema import INDEXES, PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE


class DataStack(Stack):
    """The single table, as `workflow_engine.store.schema` describes it, the bucket of large documents, and that of vectors."""

    def __init__(self, scope: Construct, id_: str, *, deployment: Deployment, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        config = deployment.config
        self.table = dynamodb.Table(
            self,
            "Table",
            table_name=deployment.name("table"),
            partition_key=_text(PARTITION_KEY),
            sort_key=_text(SORT_KEY),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=TTL_ATTRIBUTE,
            stream=dynamodb.StreamViewType.NEW_IMAGE,
            encryption=dynamodb.TableEncryption.DEFAULT,
            deletion_protection=config.retain_data,
            removal_policy=deployment.removal_policy,
        )
        for index in INDEXES:
            self.table.add_global_secondary_index(
                index_name=index.name,
                partition_key=_text(index.partition_key),
                sort_key=_text(index.sort_key) if index.sort_key else None,
                projection_type=dynamodb.ProjectionType.INCLUDE
                if index.attributes
                else dynamodb.ProjectionType.KEYS_ONLY,
                non_key_attributes=list(index.attributes) or None,
            )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=deployment.bucket_name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            # Web pages that may use the API may follow its links, which lead here: to large outputs, and to where a file is
            # uploaded, whose type is signed and sent as a header.
            cors=[
                s3.CorsRule(
                    allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.PUT],
                    allowed_headers=["content-type"],
                    allowed_origins=list(config.cors_origins),
                    max_age=3600,
                )
            ]
            if config.cors_origins
            else None,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="cheaper-when-not-read",
                    # Documents are found from records that may never expire, so they move to a cheaper class and stay.
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(30)
                        )
                    ],
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                ),
                *expiry_of_runs(config.retention_days),
            ],
            removal_policy=deployment.removal_policy,
        )
        if config.vectors:
            vectors = s3vectors.CfnVectorBucket(self, "Vectors", vector_bucket_name=deployment.vector_bucket_name)
            vectors.apply_removal_policy(deployment.removal_policy)
            self.table.node.add_dependency(vectors)
        # Last of all, so that nothing can fail after it: a rollback could not delete a table that is protected.
        self.table.node.add_dependency(self.bucket)


def expiry_of_runs(retention_days: int) -> list[s3.LifecycleRule]:
    """What a run keeps while it goes on is needed until its record expires, so it lasts for as long as a run may and for that."""
    if not retention_days:
        return []
    lifetime = Duration.days(retention_days + LONGEST_RUN_DAYS)
    return [s3.LifecycleRule(id="runs-expire", prefix=RUNS_FOLDER, expiration=lifetime)]


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
