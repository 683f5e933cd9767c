"""The environment of this function: that of the engine (`workflow_engine.settings`), of keys (`llm_gateway.secrets`),
and the addresses that tools may reach (`STEP_HTTP_ALLOWED_HOSTS`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from agent_runtime.services import FunctionFailedError, Gateways, Services
from llm_gateway.gateway import Gateway
from llm_gateway.secrets import SecretSource, names_secrets, secret_reader
from workflow_engine.agents.vendors import VENDORS
from workflow_engine.init_phase import once
from workflow_engine.outbound import ALLOWED_HOSTS_VARIABLE, AddressPolicy
from workflow_engine.stand_ins import stand_ins
from workflow_engine.usecases.engine import Engine

_CONFIGURED: Final = {name: "mocked" for vendor in VENDORS.values() for name in vendor.needs[:1]}
"""Variables by which every vendor is one that may be asked."""


@once
def engine() -> Engine:
    """The engine that the environment describes, made when first asked for and kept while the function stays warm."""
    return Engine.from_environment()


def services() -> Services:
    """What agents work with: that of the environment, or where a run is mocked what stands in for clocks, models and tools."""
    instead = stand_ins()
    if instead is None:
        return _services()
    gateway = Gateway(_CONFIGURED, make=instead.provider, clock=instead.monotonic, sleep=instead.sleep)
    return replace(
        _services(),
        gateway=lambda _tenant_id: gateway,
        now=instead.monotonic,
        utc_now=instead.utc_now,
        call_tool=instead.tool,
        mcp_tools=instead.mcp_tools,
        secret=lambda _tenant_id, name: instead.secret(name),
    )


@once
def _services() -> Services:
    """Made at the first event from the environment and kept while the function stays warm."""
    secrets = SecretSource(get_secret=secret_reader(_secrets_manager))
    return Services(
        agent=lambda tenant_id, agent_id, version: engine().agents.get(tenant_id, agent_id, version),
        prompt=lambda tenant_id, prompt_id, version: engine().prompts.get(tenant_id, prompt_id, version),
        step=lambda tenant_id, step_type: engine().steps.find(tenant_id, step_type),
        mcp_server=lambda tenant_id, name: engine().mcp_servers.find(tenant_id, name),
        gateway=Gateways(secrets).of_tenant,
        secret=secrets.own,
        policy=AddressPolicy.from_text(os.environ.get(ALLOWED_HOSTS_VARIABLE, "")),
        invoke=invoke_function,
    )


def clients() -> tuple[object, ...]:
    """The clients that an event may need. Those of vendors are a tenant's, with its keys, and made when it asks."""
    return engine().dynamodb, engine().s3, _lambda(), _secrets_manager() if names_secrets(os.environ) else None


def invoke_function(arn: str, event: Mapping[str, Any]) -> Any:
    """Call a Lambda function and wait for its result. Raises FunctionFailedError."""
    laptop = engine().laptop
    result, failed = _invoked(arn, event) if laptop is None else laptop.invoke(arn, event)
    if failed:
        said = result if isinstance(result, dict) else {}
        raise FunctionFailedError(
            f"{said.get('errorType', 'Error')}: {said.get('errorMessage', 'the function failed')}"
        )
    return result


def _invoked(arn: str, event: Mapping[str, Any]) -> tuple[Any, bool]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = _lambda().invoke(FunctionName=arn, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read() or b"null"), "FunctionError" in answer
    except ClientError as error:
        raise FunctionFailedError(f"{error.response['Error']['Code']}: the function cannot be called.") from error
    except (BotoCoreError, ValueError) as error:
        raise FunctionFailedError(f"{type(error).__name__}: the function did not answer.") from error


def _lambda() -> Any:
    from botocore.config import Config

    # Nearly as long as a function may run (Lambda quotas, "Function timeout": 900 s, which is also this function's), so
    # that the end of waiting is told. Never twice, since a step may have effects.
    return engine().client("lambda", Config(connect_timeout=5, read_timeout=880, retries={"total_max_attempts": 1}))


def _secrets_manager() -> Any:
    return engine().client("secretsmanager")
