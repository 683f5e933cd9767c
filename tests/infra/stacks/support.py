"""What several of these tests need."""

from __future__ import annotations

from typing import Any

from aws_cdk.assertions import Template

from infra.function import Function
from tests.support.templates import Assembly


def checked(assembly: Assembly, stack: str) -> Template:
    return Template.from_json(assembly.templates[stack])


def lambda_function(assembly: Assembly, described: Function) -> dict[str, Any]:
    stage = "prod" if "prod" in str(assembly.folder) else "dev"
    name = f"workflow-{stage}-{described.name.replace('_', '-')}"
    (found,) = [f for f in assembly.resources("AWS::Lambda::Function").values() if f["FunctionName"] == name]
    return found
