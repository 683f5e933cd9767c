"""Functions as the catalogue has them."""

from __future__ import annotations

import json
import re

import pytest

from infra.catalog import FUNCTIONS
from infra.function import Function
from tests.infra.stacks.support import lambda_function
from tests.support.templates import Assembly, as_text

pytestmark = pytest.mark.xdist_group("cdk")


@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_a_function_is_deployed_as_the_catalogue_has_it(dev: Assembly, described: Function) -> None:
    found = lambda_function(dev, described)
    assert (found["MemorySize"], found["Timeout"]) == (described.memory_mb, described.timeout_seconds)
    assert found["Handler"] == described.handler
    assert (found["Runtime"], found["Architectures"]) == ("python3.13", ["arm64"])
    assert found["TracingConfig"] == {"Mode": "Active"}
    assert found["LoggingConfig"]["LogFormat"] == "JSON"
    assert len(found.get("Layers", [])) == len(described.layers)
    variables = found.get("Environment", {}).get("Variables", {})
    assert set(variables) == set(described.environment) - {"OPENAPI_FILE"}


def test_machines_find_the_step_functions_by_alias(dev: Assembly, prod: Assembly) -> None:
    (api,) = [f for f in FUNCTIONS if f.name == "api_workflows"]
    for assembly, suffix in ((dev, "workflow-dev-step-data"), (prod, "workflow-prod-step-data:live")):
        text = as_text(lambda_function(assembly, api)["Environment"]["Variables"]["STEP_FUNCTIONS"])
        step_functions = json.loads(text)
        assert set(step_functions) == {f.name for f in FUNCTIONS if f.kind == "step"}
        assert step_functions["step_data"].endswith(f":function:{suffix}")


def test_logs_are_kept_for_a_time_and_no_longer(dev: Assembly, prod: Assembly) -> None:
    for assembly, days in ((dev, 14), (prod, 365)):
        groups = assembly.resources("AWS::Logs::LogGroup")
        assert len(groups) == len(FUNCTIONS) + 2  # and those of the machines and of the API
        assert {group["RetentionInDays"] for group in groups.values()} == {days}


def test_the_clock_starts_what_the_catalogue_schedules(dev: Assembly) -> None:
    scheduled = [f for f in FUNCTIONS if f.kind == "schedule"]
    rules = [r["ScheduleExpression"] for r in dev.resources("AWS::Events::Rule").values() if "ScheduleExpression" in r]
    minutes = {5: "rate(5 minutes)", 15: "rate(15 minutes)", 60: "rate(1 hour)"}
    assert sorted(rules) == sorted(minutes[f.schedule_minutes or 0] for f in scheduled)


def test_snapstart_is_asked_for_and_then_everybody_invokes_the_alias(dev: Assembly, prod: Assembly) -> None:
    assert all("SnapStart" not in f for f in dev.resources("AWS::Lambda::Function").values())
    assert not dev.resources("AWS::Lambda::Alias")
    assert all(
        f["SnapStart"] == {"ApplyOn": "PublishedVersions"} for f in prod.resources("AWS::Lambda::Function").values()
    )
    aliases = {name.split("/")[1] for name in prod.resources("AWS::Lambda::Alias")}
    assert len(aliases) == len(FUNCTIONS)
    integrations = prod.resources("AWS::ApiGatewayV2::Integration").values()
    invoked = [as_text(i["IntegrationUri"]) for i in integrations]
    invoked += [as_text(p["FunctionName"]) for p in prod.resources("AWS::Lambda::Permission").values()]
    mappings = prod.resources("AWS::Lambda::EventSourceMapping").values()
    invoked += [as_text(mapping["FunctionName"]) for mapping in mappings]
    assert all(any(alias in uri for alias in aliases) or uri.endswith(":live") for uri in invoked)


def test_no_stack_imports_from_another_what_follows_from_names(dev: Assembly) -> None:
    outputs = [(stack, output) for stack, t in dev.templates.items() for output in t.get("Outputs", {}).items()]
    exported = [(stack, as_text(output["Value"])) for stack, (_, output) in outputs if "Export" in output]
    assert [(stack, re.sub("[0-9A-F]{8}", "", value)) for stack, value in exported] == [
        ("api", "${Api}"),
        ("data", "${Table.StreamArn}"),
    ]
    assert "ApiUrl" in dev.templates["api"]["Outputs"]
