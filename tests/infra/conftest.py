"""The CDK app is synthesized once, by the one worker that runs the tests of the group `cdk`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.node import use_node_of_environment
from tests.support.templates import Assembly, read_assembly

use_node_of_environment()  # before any test module imports CDK

NO_BUNDLING: dict[str, Any] = {"aws:cdk:bundling-stacks": []}
"""The deps layer is not built; its asset is its lock."""


def synthesize(folder: Path, context: Mapping[str, Any] = NO_BUNDLING) -> Assembly:
    """Build the app, write its assembly and read it. Raises RuntimeError for an unacknowledged finding of cdk-nag."""
    from infra.app import build, context_of_project

    build({**context_of_project(), **NO_BUNDLING, **context}, str(folder)).app.synth()
    return read_assembly(folder)


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The app as it is by default."""
    return synthesize(tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The app with all that can be switched on."""
    context = {
        "stage": "prod",
        "auth": "jwt",
        "jwt_issuer": "https://login.example.com/",
        "jwt_audience": "workflows",
        "tenant_claim": "org_id",
        "cors_origins": "https://app.example.com",
        "snapstart": "true",
        "machine_idle_days": "45",
        "step_function_arns": "steps-*,arn:aws:lambda:eu-west-1:123456789012:function:ocr",
        "llm_secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:llm-AbCdEf",
        "llm_tenant_secrets": "true",
        "llm_prices": '{"my-model": {"input": 1, "output": 2}}',
        "llm_default_provider": "bedrock_textgen",
        "llm_default_model": "anthropic.claude-sonnet-4-5-v1:0",
        "bedrock_models": "anthropic.*",
        "file_buckets": "reports-of-the-company",
        "step_http_allowed_hosts": "mcp.internal,10.0.0.0/8",
        "alarm_topic_arn": "arn:aws:sns:eu-west-1:123456789012:alarms",
    }
    return synthesize(tmp_path_factory.mktemp("prod"), context)
