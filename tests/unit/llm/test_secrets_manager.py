"""Secrets in Secrets Manager, as moto has it."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from llm_gateway.errors import LlmNotConfiguredError
from llm_gateway.secrets import SecretSource, secret_reader
from tests.support.aws_played import played_aws


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with played_aws():
        yield


def source(environment: dict[str, str]) -> SecretSource:
    return SecretSource(environment, get_secret=secret_reader(lambda: boto3.client("secretsmanager")))


def test_a_secret_is_read_by_its_arn() -> None:
    made = boto3.client("secretsmanager").create_secret(Name="keys", SecretString='{"OPENAI_API_KEY": "sk-1"}')
    found = source({"LLM_SECRET_ARN": made["ARN"]})
    assert found.for_tenant("any").variables["OPENAI_API_KEY"] == "sk-1"


def test_a_tenant_without_a_secret_has_none() -> None:
    boto3.client("secretsmanager").create_secret(Name="workflow-dev/llm/acme", SecretString='{"GEMINI_API_KEY": "g"}')
    found = source({"LLM_TENANT_SECRET_PREFIX": "workflow-dev/llm/"})
    assert found.for_tenant("acme").variables["GEMINI_API_KEY"] == "g"
    assert "GEMINI_API_KEY" not in found.for_tenant("other").variables


def test_a_secret_that_is_gone_is_an_error_that_tells_no_name() -> None:
    with pytest.raises(LlmNotConfiguredError, match="LLM_SECRET_ARN"):
        source({"LLM_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone"}).for_tenant("a")
