"""Secrets that a tenant may have sent to servers of its choice: variables of its own secret in Secrets Manager, on a laptop
those of the environment.

A tenant's secret is a JSON object of texts, named `LLM_TENANT_SECRET_PREFIX` + tenant. `LLM_OWNER_TENANT` names the one
tenant, if any, to which the process's environment belongs. Only names that begin with `STEP_SECRET_` are given out, so
that nothing else of either (keys of models, credentials of AWS) can be asked for.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from workflow_engine import aws
from workflow_engine.endpoint_errors import SecretNotSetError, SecretUnavailableError
from workflow_engine.errors import MisconfiguredError
from workflow_engine.secret_names import OWNER_VARIABLE, PREFIX_VARIABLE, secret_name

SECRET_NAME: Final = re.compile(r"STEP_SECRET_[A-Z0-9_]{1,52}")
NAME_RULE: Final = "STEP_SECRET_, then capital letters, digits or '_', 64 at most"
KEEP_SECONDS: Final = 300
"""A rotated secret is used after this at the latest."""


class TenantSecrets:
    """Secrets by tenant and name. One a process; what it has read is kept for `KEEP_SECONDS`."""

    def __init__(
        self,
        client: Callable[[], Any],
        environment: Mapping[str, str] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`client` gives the client of Secrets Manager; it is asked only where tenants have secrets of their own."""
        self._client = client
        self._environment = os.environ if environment is None else environment
        self._now = now
        self._kept: dict[str, tuple[float, Mapping[str, str]]] = {}
        self._lock = threading.Lock()

    def get(self, tenant_id: str, name: str) -> str:
        """A secret. Raises SecretNotSetError, SecretUnavailableError, MisconfiguredError."""
        if not SECRET_NAME.fullmatch(name):
            raise SecretNotSetError(f"'{name}' is not the name of a step's secret: {NAME_RULE}.")
        value = self._own(tenant_id).get(name)
        if value is None and tenant_id and tenant_id == self._environment.get(OWNER_VARIABLE):
            value = self._environment.get(name)
        if not value:
            raise SecretNotSetError(f"The endpoint needs the secret {name}, which is not set for this tenant.")
        return value

    def _own(self, tenant_id: str) -> Mapping[str, str]:
        prefix = self._environment.get(PREFIX_VARIABLE)
        if not prefix or not tenant_id:
            return {}
        with self._lock:
            read_at, variables = self._kept.get(tenant_id, (-float(KEEP_SECONDS), {}))
            if self._now() - read_at >= KEEP_SECONDS:
                variables = _variables(self._read(prefix + secret_name(tenant_id)))
                self._kept[tenant_id] = (self._now(), variables)
            return variables

    def _read(self, name: str) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return str(self._client().get_secret_value(SecretId=name).get("SecretString", ""))
        except ClientError as error:
            code = aws.code_of(error)
            if code == "ResourceNotFoundException":
                return "{}"
            known = aws.translated(error)
            if isinstance(known, MisconfiguredError):
                raise known from None
            if known is None:
                raise SecretNotSetError(f"The tenant's secret cannot be read: {code}.") from None
            raise SecretUnavailableError("Secrets Manager does not answer at the moment.") from None
        except BotoCoreError:
            raise SecretUnavailableError("Secrets Manager does not answer at the moment.") from None


def new_client() -> Any:
    """A client of Secrets Manager, whose calls end in time."""
    from botocore.session import get_session

    return get_session().create_client("secretsmanager", config=aws.config("secretsmanager"))


def names_secrets(environment: Mapping[str, str]) -> bool:
    """Whether tenants have secrets of their own in Secrets Manager."""
    return bool(environment.get(PREFIX_VARIABLE))


def _variables(text: str) -> Mapping[str, str]:
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise SecretNotSetError('The tenant\'s secret is not a JSON object, such as {"STEP_SECRET_CRM": "..."}.')
    return {name: value for name, value in read.items() if isinstance(value, str)}
