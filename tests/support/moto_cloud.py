"""The local cloud on the code path of AWS: clients of boto3, with moto as DynamoDB and S3 and the embedded engine as Step
Functions. For tests that look at AWS from the other side, or count what is asked of it.
"""

from __future__ import annotations

import contextlib
from typing import Final

from infra.local.cloud import NAME, LocalCloud
from infra.local.gateway import ACCOUNT, REGION
from tests.support.aws_played import played_aws
from tests.support.backend_cloud import one_request_at_a_time
from tests.support.embedded_behind_boto3 import embedded_behind_boto3
from workflow_engine.store.payloads.s3 import S3Objects
from workflow_engine.store.schema import table_definition

TABLE: Final = NAME
BUCKET: Final = NAME


class MotoCloud(LocalCloud):
    """A local cloud that its functions reach by boto3."""

    def _set_up(self, opening: contextlib.ExitStack) -> None:
        import boto3
        import pytest

        opening.enter_context(played_aws())
        opening.enter_context(one_request_at_a_time())
        environment = opening.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        functions = self.functions()
        # Before the first session: it has what is there when it is made.
        heard = {"on_end": self._record, "on_child": self._record_child}
        opening.enter_context(embedded_behind_boto3(functions, region=REGION, account=ACCOUNT, **heard))
        boto3.setup_default_session(region_name=REGION)
        boto3.client("dynamodb").create_table(**table_definition(TABLE))
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        self._objects = S3Objects(lambda: s3, BUCKET)
