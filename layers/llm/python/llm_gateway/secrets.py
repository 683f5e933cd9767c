"""Where the keys of vendors and of MCP servers come from, whose they are, and how long they are kept.

Three sources, the later overriding the former: the environment; a secret of the deployment (`LLM_SECRET_ARN`); a secret
of the tenant, named `LLM_TENANT_SECRET_PREFIX` + tenant. A secret is a JSON object of variables with the names that the
environment would have, such as `{"OPENAI_API_KEY": "..."}`.

What a tenant may have sent to addresses of its choice (`MCP_*`) is taken from its own secret only: a tenant names the
server, so the deployment's secrets must not be within its reach. `LLM_OWNER_TENANT` names the one tenant, if any, to
which the environment and the deployment's secret belong.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from llm_gateway.configuration import TOGETHER
from llm_gateway.errors import LlmNotConfiguredError
from workflow_engine.secret_names import OWNER_VARIABLE, PREFIX_VARIABLE, secret_name

KEEP_SECONDS: Final = 300
"""A rotated key is used after this at the latest."""

_DEPLOYMENT_VARIABLE: Final = "LLM_SECRET_ARN"

OVERLAY: Final = "LLM_VARIABLES"
"""Environment variable: a JSON object that is laid over the environment; null takes a variable away. The local runtime
gives the developer's own AWS credentials this way, while those in the environment are the emulator's."""

GetSecret = Callable[[str], str | None]
"""The text of a secret by name or ARN; None where there is none."""


@dataclass(frozen=True, slots=True)
class TenantVariables:
    """What is configured for a tenant. `own` are those variables that the tenant itself may name."""

    variables: Mapping[str, str] = field(repr=False)
    own: Mapping[str, str] = field(repr=False)


class SecretSource:
    """Variables by tenant. One a process; what it has read is kept for `KEEP_SECONDS`."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        get_secret: GetSecret,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = environment_variables(os.environ if environment is None else environment)
        self._get_secret = get_secret
        self._clock = clock
        self._kept: dict[str, tuple[float, Mapping[str, str]]] = {}
        self._lock = threading.Lock()

    def for_tenant(self, tenant_id: str | None) -> TenantVariables:
        """What is configured for a tenant. LlmNotConfiguredError for a secret that cannot be read."""
        deployment = dict(self._environment)
        if arn := self._environment.get(_DEPLOYMENT_VARIABLE):
            deployment = _laid_over(deployment, self._read(arn, required=True))
        own: Mapping[str, str] = {}
        if (prefix := self._environment.get(PREFIX_VARIABLE)) and tenant_id:
            own = self._read(prefix + secret_name(tenant_id), required=False)
        if tenant_id and tenant_id == self._environment.get(OWNER_VARIABLE):
            own = _laid_over(deployment, own)
        return TenantVariables(_laid_over(deployment, own), {k: v for k, v in own.items() if k.startswith("MCP_")})

    def own(self, tenant_id: str, name: str) -> str | None:
        """A secret that the tenant may have sent to a server of its choice, None where it has not set it."""
        return self.for_tenant(tenant_id).own.get(name)

    def _read(self, name: str, *, required: bool) -> Mapping[str, str]:
        with self._lock:
            read_at, variables = self._kept.get(name, (-KEEP_SECONDS, {}))
            if self._clock() - read_at < KEEP_SECONDS:
                return variables
            variables = _variables(self._get_secret(name), required=required)
            self._kept[name] = (self._clock(), variables)
            return variables


def environment_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with what `LLM_VARIABLES` lays over it."""
    variables = dict(environment)
    for name, value in json.loads(variables.pop(OVERLAY, "") or "{}").items():
        if value is None:
            variables.pop(name, None)
        else:
            variables[name] = str(value)
    return variables


def _laid_over(base: Mapping[str, str], over: Mapping[str, str]) -> dict[str, str]:
    """Both, `over` winning. What belongs together (a vendor's key and address) is all of the one or all of the other."""
    replaced = frozenset[str]().union(*(group for group in TOGETHER if not group.isdisjoint(over)))
    return {**{name: value for name, value in base.items() if name not in replaced}, **over}


def _variables(text: str | None, *, required: bool) -> Mapping[str, str]:
    if text is None:
        if required:
            raise LlmNotConfiguredError("The secret that LLM_SECRET_ARN names does not exist.")
        return {}
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise LlmNotConfiguredError(
            'A secret with keys of models must be a JSON object of texts, such as {"OPENAI_API_KEY": "..."}.'
        ) from None
    return read


def names_secrets(environment: Mapping[str, str]) -> bool:
    """Whether any tenant's variables are read from Secrets Manager."""
    return any(environment.get(name) for name in (_DEPLOYMENT_VARIABLE, PREFIX_VARIABLE))


def secret_reader(client: Callable[[], Any]) -> GetSecret:
    """Read secrets by the client of Secrets Manager that the function gives, which is asked for one each time."""

    def read(name: str) -> str | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return str(client().get_secret_value(SecretId=name)["SecretString"])
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "ResourceNotFoundException":
                return None
            raise LlmNotConfiguredError(f"The secret with the keys of models cannot be read: {code}.") from None
        except (BotoCoreError, KeyError):
            raise LlmNotConfiguredError("The secret with the keys of models cannot be read.") from None

    return read
