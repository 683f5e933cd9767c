"""Names of machines and executions, and the ARNs that follow from them. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from workflow_engine.lazy_dataclass import dataclass

NAME_LENGTH: Final = 80
HASH_LENGTH: Final = 32
"""128 bits: names have room for 80 characters (CreateStateMachine, `name`), prefix, stage and generation included."""


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """What every machine of a deployment has. A change of any of it makes new machines, because CreateStateMachine answers
    a known name with the old machine and ignores a changed role ("CreateStateMachine is an idempotent API", API reference).
    """

    prefix: str
    stage: str
    role_arn: str
    log_group_arn: str | None = None


def machine_hash(settings: MachineSettings, definition: str) -> str:
    """What a machine is made of, as hexadecimal text."""
    parts = [definition, settings.role_arn, settings.log_group_arn, settings.prefix, settings.stage]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:HASH_LENGTH]


def machine_name(settings: MachineSettings, hash_: str, generation: int) -> str:
    """`<prefix>-<stage>-<hash>-g<generation>`. The name of a deleted machine cannot be used again at once, so a
    machine that is made anew gets the next generation.
    """
    return f"{settings.prefix}-{settings.stage}-{hash_}-g{generation}"


def activity_name(prefix: str, tenant_id: str, name: str) -> str:
    """The name of a tenant's activity: of 80 characters at most (CreateActivity, `name`), and no other tenant's."""
    own = hashlib.sha256(json.dumps([tenant_id, name]).encode()).hexdigest()[:16]
    return f"{prefix}-{name[: NAME_LENGTH - len(prefix) - len(own) - 2]}-{own}"


def execution_arn(machine_arn: str, execution_name: str) -> str:
    """The ARN that StartExecution will give: it follows from machine and name, so a record can hold it before the start."""
    return machine_arn.replace(":stateMachine:", ":execution:", 1) + ":" + execution_name


def machine_arn(arn: str) -> str:
    """The ARN of the machine that an execution's ARN names."""
    return arn.replace(":execution:", ":stateMachine:", 1).rsplit(":", 1)[0]


def execution_name(arn: str) -> str:
    """The name of an execution, which is our execution id."""
    return arn.rsplit(":", 1)[-1]
