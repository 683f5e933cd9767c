from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from infra.config import InvalidContextError, StageConfig


def config(**context: Any) -> StageConfig:
    return StageConfig.from_context(context.get)


def test_without_a_context_it_is_dev_and_closed() -> None:
    made = config()
    assert (made.stem, made.auth, made.cors_origins, made.retain_data) == ("workflow-dev", "iam", (), False)


def test_the_docs_tell_every_setting() -> None:
    text = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
    settings = {field.name for field in fields(StageConfig)} - {"host_build"}  # of emulators
    assert [name for name in sorted(settings) if f"`{name}`" not in text] == []


def test_a_stage_has_its_own_settings_and_the_command_line_overrides_them() -> None:
    stages = {"prod": {"retain_data": True, "log_retention_days": 365}, "dev": {"throttle_rate": 5}}
    made = config(stage="prod", stages=stages, log_retention_days="90")
    assert (made.stage, made.retain_data, made.log_retention_days) == ("prod", True, 90)
    assert made.throttle_rate == StageConfig().throttle_rate
    assert config(stages=stages).throttle_rate == 5


def test_the_command_line_can_give_lists_and_objects_as_text() -> None:
    made = config(step_function_arns="a-*, b", tenant_roles='{"arn:aws:iam::1:role/Sales": "sales"}', snapstart="true")
    assert made.step_function_arns == ("a-*", "b")
    assert made.tenant_roles == {"arn:aws:iam::1:role/Sales": "sales"}
    assert made.snapstart is True


@pytest.mark.parametrize(
    ("context", "complaint"),
    [
        ({"stage": "a-b"}, "stage"),
        ({"file_buckets": "Reports"}, "file_buckets"),
        ({"stage": "step"}, "stage"),
        ({"prefix": "Work_flow"}, "prefix"),
        ({"auth": "none"}, "auth"),
        ({"auth": "jwt"}, "jwt_issuer"),
        ({"auth": "jwt", "jwt_issuer": "http://x", "jwt_audience": "a", "tenant_claim": "t"}, "jwt_issuer"),
        ({"auth": "jwt", "jwt_issuer": "https://x", "jwt_audience": "a"}, "tenant_claim"),
        ({"cors_origins": "*"}, "cors_origins"),
        ({"llm_default_provider": "opnai"}, "llm_default_provider"),
        ({"llm_default_model": "llama3"}, "llm_default_model"),
        ({"step_function_arns": "*"}, "step_function_arns"),
        ({"step_function_arns": ""}, "step_function_arns"),
        ({"step_function_arns": 5}, "step_function_arns"),
        ({"log_retention_days": "31"}, "log_retention_days"),
        ({"machine_idle_days": "14"}, "machine_idle_days"),
        ({"machine_idle_days": "a fortnight"}, "machine_idle_days"),
        ({"recorder_concurrency": "1"}, "recorder_concurrency"),
        ({"archive": "some"}, "archive"),
        ({"tune": "sometimes"}, "tune"),
        ({"snapstart": "maybe"}, "snapstart"),
        ({"tenant_roles": "[1]"}, "tenant_roles"),
        ({"tenant_roles": "{"}, "tenant_roles"),
        ({"stages": {"dev": {"retain": True}}}, "retain"),
    ],
)
def test_what_cannot_be_deployed_is_refused_by_name(context: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidContextError, match=complaint):
        config(**context)
