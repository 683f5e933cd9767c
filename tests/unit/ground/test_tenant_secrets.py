"""Whose secrets a step may have sent, and which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from workflow_engine.endpoint_errors import SecretNotSetError, SecretUnavailableError
from workflow_engine.errors import MisconfiguredError
from workflow_engine.tenant_secrets import KEEP_SECONDS, TenantSecrets

CLOUD = {"LLM_TENANT_SECRET_PREFIX": "workflow-dev/llm/", "STEP_SECRET_A": "of the process"}


class Store:
    """Secrets Manager."""

    def __init__(self, secrets: Mapping[str, str], error: Exception | None = None) -> None:
        self.secrets = dict(secrets)
        self.asked: list[str] = []
        self.error = error

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:  # noqa: N803  # AWS's name
        self.asked.append(SecretId)
        if self.error:
            raise self.error
        if SecretId not in self.secrets:
            raise refusal("ResourceNotFoundException")
        return {"SecretString": self.secrets[SecretId]}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "arn:aws:..."}}, "GetSecretValue")


def test_a_tenant_gets_its_own_secret_and_no_others() -> None:
    store = Store({"workflow-dev/llm/acme": '{"STEP_SECRET_A": "a", "OPENAI_API_KEY": "sk"}'})
    secrets = TenantSecrets(lambda: store, CLOUD)
    assert secrets.get("acme", "STEP_SECRET_A") == "a"
    for tenant, name in (("other", "STEP_SECRET_A"), ("acme", "STEP_SECRET_B"), ("", "STEP_SECRET_A")):
        with pytest.raises(SecretNotSetError, match=name):
            secrets.get(tenant, name)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "STEP_HTTP_ALLOWED_HOSTS", "STEP_SECRET_"])
def test_only_what_is_named_as_a_steps_secret_is_given_out(name: str) -> None:
    store = Store({"workflow-dev/llm/acme": f'{{"{name}": "sk"}}'})
    with pytest.raises(SecretNotSetError):
        TenantSecrets(lambda: store, CLOUD).get("acme", name)


def test_on_a_laptop_the_environment_is_the_owners() -> None:
    secrets = TenantSecrets(lambda: pytest.fail("asked"), {"LLM_OWNER_TENANT": "default", "STEP_SECRET_A": "a"})
    assert secrets.get("default", "STEP_SECRET_A") == "a"
    with pytest.raises(SecretNotSetError):
        secrets.get("other", "STEP_SECRET_A")


def test_what_was_read_is_kept_for_a_while_and_read_again() -> None:
    store = Store({"workflow-dev/llm/acme": '{"STEP_SECRET_A": "old"}'})
    now = [0.0]
    secrets = TenantSecrets(lambda: store, CLOUD, lambda: now[0])
    assert secrets.get("acme", "STEP_SECRET_A") == "old"
    store.secrets["workflow-dev/llm/acme"] = '{"STEP_SECRET_A": "new"}'
    assert secrets.get("acme", "STEP_SECRET_A") == "old"
    now[0] = KEEP_SECONDS
    assert secrets.get("acme", "STEP_SECRET_A") == "new"
    assert len(store.asked) == 2


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("ThrottlingException"), SecretUnavailableError),
        (EndpointConnectionError(endpoint_url="https://secretsmanager"), SecretUnavailableError),
        (refusal("AccessDeniedException"), MisconfiguredError),
        (refusal("InvalidRequestException"), SecretNotSetError),
    ],
)
def test_what_secrets_manager_refuses_is_told_by_whether_it_passes(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        TenantSecrets(lambda: Store({}, error), CLOUD).get("acme", "STEP_SECRET_A")
    assert "arn:" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "token", "[]"])
def test_a_secret_that_is_no_object_is_told_without_its_text(text: str) -> None:
    store = Store({"workflow-dev/llm/acme": text})
    with pytest.raises(SecretNotSetError, match="not a JSON object"):
        TenantSecrets(lambda: store, CLOUD).get("acme", "STEP_SECRET_A")
