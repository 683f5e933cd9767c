"""The engine's configuration, from environment variables, read when asked for and never at import."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal, get_args

from workflow_engine.lazy_dataclass import dataclass

STEP_HTTP: Final = "step_http"
"""Alias of our function that sends steps to their endpoints."""

Archive = Literal["all", "failed", "none"]
"""Of which ended runs the histories are read before Step Functions forgets them, though nobody has asked for their steps."""

ARCHIVES: Final[tuple[Archive, ...]] = get_args(Archive)

Tune = Literal["on", "off"]
"""Whether stored workflows get further builds by the measured durations of their steps."""

TUNES: Final[tuple[Tune, ...]] = get_args(Tune)

DEFAULT_STEP_FUNCTION_PATTERNS = ("arn:aws:lambda:*:*:function:workflow-step-*",)


def own_step_prefix(stage: str) -> str:
    """The beginning of the names of functions that our CDK construct `WorkflowStep` makes in a stage."""
    return f"workflow-step-{stage}-".replace("_", "-")


class MissingSettingError(KeyError):
    """A required environment variable is not set; the key is its name."""

    def __str__(self) -> str:
        return f"The environment variable {self.args[0]} is not set."


class InvalidSettingError(ValueError):
    """An environment variable holds what cannot be read; the message names it."""


def required(name: str, environment: Mapping[str, str] | None = None) -> str:
    """An environment variable. Raises `MissingSettingError`."""
    try:
        return (os.environ if environment is None else environment)[name]
    except KeyError:
        raise MissingSettingError(name) from None


@dataclass(frozen=True, slots=True)
class Settings:
    """What the use cases must know of the deployment.

    `step_functions` maps an alias of a built-in task type to the ARN of our Lambda. A client may register only
    Lambdas whose ARN matches one of `step_function_arn_patterns` (fnmatch), since the machines' role may invoke no
    others. `step_http_allowed_hosts` is the text of what steps may reach beside public addresses (`workflow_engine.outbound`).
    """

    table_name: str
    bucket_name: str
    machine_role_arn: str
    machine_prefix: str = "workflow"
    stage: str = "dev"
    log_group_arn: str | None = None
    step_functions: Mapping[str, str] = field(default_factory=dict)
    step_function_arn_patterns: tuple[str, ...] = DEFAULT_STEP_FUNCTION_PATTERNS
    allow_local_steps: bool = False
    step_http_allowed_hosts: str = ""
    vector_bucket_name: str = ""
    archive: Archive = "none"
    tune: Tune = "on"
    execution_shards: int = 1
    """How many partitions each list of runs is written to (`store.shards`)."""
    retention_days: int = 0
    """How long after its end what is kept of a run stays (`store.retention`); 0 is for ever."""
    tenant_quota: Mapping[str, int] = field(default_factory=dict)
    """What tenants may use that have no quota of their own (`store.quotas.Quota`)."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from environment variables. Raises `MissingSettingError` and `InvalidSettingError`."""
        env = os.environ if environment is None else environment
        patterns = tuple(p.strip() for p in env.get("STEP_FUNCTION_ARN_PATTERNS", "").split(",") if p.strip())
        return cls(
            table_name=required("TABLE_NAME", env),
            bucket_name=required("BUCKET_NAME", env),
            machine_role_arn=required("MACHINE_ROLE_ARN", env),
            machine_prefix=env.get("MACHINE_PREFIX", "workflow"),
            stage=env.get("STAGE", "dev"),
            log_group_arn=env.get("LOG_GROUP_ARN") or None,
            step_functions=_step_functions(env.get("STEP_FUNCTIONS") or "{}"),
            step_function_arn_patterns=patterns or DEFAULT_STEP_FUNCTION_PATTERNS,
            allow_local_steps=env.get("ALLOW_LOCAL_STEPS") == "1",
            step_http_allowed_hosts=env.get("STEP_HTTP_ALLOWED_HOSTS", ""),
            vector_bucket_name=env.get("VECTOR_BUCKET_NAME", ""),
            retention_days=_number("RETENTION_DAYS", env.get("RETENTION_DAYS") or "0"),
            archive=_archive(env.get("ARCHIVE") or "none"),
            tune=_tune(env.get("TUNE") or "on"),
            tenant_quota=_quota(env.get("TENANT_QUOTA") or "{}"),
            execution_shards=_number("EXECUTION_SHARDS", env.get("EXECUTION_SHARDS") or "1"),
        )

    @property
    def activity_prefix(self) -> str:
        """The beginning of names of activities: another stage in the account has others."""
        return f"{self.machine_prefix}-{self.stage}"

    def activity_arn(self, name: str) -> str:
        """The ARN of an activity of this deployment: in the partition, region and account that our own functions are in."""
        arn = self.step_functions[STEP_HTTP]
        _, partition, _, region, account, *_ = arn.split(":")
        return f"arn:{partition}:states:{region}:{account}:activity:{name}"

    def may_invoke(self, function_arn: str) -> bool:
        """True if a step may be registered on this Lambda ARN."""
        return any(fnmatch.fnmatchcase(function_arn, p) for p in self.step_function_arn_patterns)


def _archive(text: str) -> Archive:
    if text not in ARCHIVES:
        raise InvalidSettingError(f"The environment variable ARCHIVE must be one of {', '.join(ARCHIVES)}.")
    return text


def _tune(text: str) -> Tune:
    if text not in TUNES:
        raise InvalidSettingError(f"The environment variable TUNE must be one of {', '.join(TUNES)}.")
    return text


def _number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise InvalidSettingError(f"The environment variable {name} must be a whole number.")
    return int(text)


def _quota(text: str) -> Mapping[str, int]:
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    names = ("running", "starts_per_minute", "monthly_usd")
    if not isinstance(read, dict) or not all(n in names and type(v) is int and v >= 0 for n, v in read.items()):
        raise InvalidSettingError(
            f"The environment variable TENANT_QUOTA must be a JSON object of whole numbers: {', '.join(names)}."
        )
    return read


def _step_functions(text: str) -> Mapping[str, str]:
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise InvalidSettingError("The environment variable STEP_FUNCTIONS must be a JSON object of ARNs by alias.")
    return read
