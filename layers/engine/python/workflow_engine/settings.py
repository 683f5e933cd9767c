"""The engine's configuration, from environment variables, read when asked for and never at import."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_STEP_FUNCTION_PATTERNS = ("arn:aws:lambda:*:*:function:workflow-step-*",)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the use cases must know of the deployment.

    `step_functions` maps an alias of a built-in task type to the ARN of our Lambda. A client may register only
    Lambdas whose ARN matches one of `step_function_arn_patterns` (fnmatch), since the machines' role may invoke no
    others. `payload_base_url` is where a local server shows the objects of the bucket; None where S3 itself does.
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
    payload_base_url: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from environment variables; KeyError names a required one that is missing."""
        env = os.environ if environment is None else environment
        patterns = tuple(p.strip() for p in env.get("STEP_FUNCTION_ARN_PATTERNS", "").split(",") if p.strip())
        return cls(
            table_name=env["TABLE_NAME"],
            bucket_name=env["BUCKET_NAME"],
            machine_role_arn=env["MACHINE_ROLE_ARN"],
            machine_prefix=env.get("MACHINE_PREFIX", "workflow"),
            stage=env.get("STAGE", "dev"),
            log_group_arn=env.get("LOG_GROUP_ARN") or None,
            step_functions=json.loads(env.get("STEP_FUNCTIONS") or "{}"),
            step_function_arn_patterns=patterns or DEFAULT_STEP_FUNCTION_PATTERNS,
            allow_local_steps=env.get("ALLOW_LOCAL_STEPS") == "1",
            payload_base_url=env.get("PAYLOAD_BASE_URL") or None,
        )

    def may_invoke(self, function_arn: str) -> bool:
        """True if a step may be registered on this Lambda ARN."""
        return any(fnmatch.fnmatchcase(function_arn, p) for p in self.step_function_arn_patterns)
