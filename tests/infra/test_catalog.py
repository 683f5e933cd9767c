from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from infra.catalog import FUNCTIONS, function
from infra.function import Function
from workflow_engine.settings import Settings
from workflow_engine.store.idempotency import CLAIM_SECONDS

FOLDERS = Path(__file__).parents[2] / "functions"
OF_THE_ENGINE = [f for f in FUNCTIONS if "TABLE_NAME" in f.environment]


def test_every_folder_is_a_function_and_every_function_a_folder() -> None:
    assert {f.name for f in FUNCTIONS} == {p.parent.name for p in FOLDERS.glob("*/handler.py")}
    assert len(FUNCTIONS) == len({f.name for f in FUNCTIONS})


@pytest.mark.parametrize("described", FUNCTIONS, ids=lambda f: f.name)
def test_a_handler_is_where_the_catalogue_says(described: Function) -> None:
    module, _, name = described.handler.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("described", OF_THE_ENGINE, ids=lambda f: f.name)
def test_the_engine_needs_no_variable_that_the_catalogue_does_not_name(described: Function) -> None:
    Settings.from_environment(dict.fromkeys(described.environment, ""))


def test_functions_without_an_api_have_no_routes() -> None:
    assert all(bool(f.routes) == (f.kind == "api") for f in FUNCTIONS)


def test_what_lies_below_a_root_is_of_one_function() -> None:
    owners = {(route.root, f.name) for f in FUNCTIONS for route in f.routes if route.method}
    roots = [root for root, _ in owners]
    assert len(roots) == len(set(roots))


def test_api_gateway_gets_routes_for_a_slash_at_the_end_and_for_head() -> None:
    keys = {route.key for route in function("api_tools").served_routes}
    below = {"GET /tools/{proxy+}", "POST /tools/{proxy+}", "DELETE /tools/{proxy+}"}
    assert keys == {r.key for r in function("api_tools").routes} | below | {"HEAD /tools", "HEAD /tools/{proxy+}"}
    assert len(function("step_data").served_routes) == 0


def test_what_the_clock_starts_has_a_schedule_and_nothing_else_has() -> None:
    assert all((f.schedule_minutes is not None) == (f.kind == "schedule") for f in FUNCTIONS)


def test_no_action_is_a_wildcard() -> None:
    for f in FUNCTIONS:
        for grant in f.grants:
            assert grant.actions
            assert not any("*" in action for action in grant.actions)


def test_answers_of_the_api_fit_into_what_api_gateway_waits_for() -> None:
    assert all(f.timeout_seconds < 30 for f in FUNCTIONS if f.kind == "api")


def test_a_claim_of_an_idempotency_key_outlives_the_function_that_made_it() -> None:
    clocks_differ_by = 10
    assert all(f.timeout_seconds + clocks_differ_by < CLAIM_SECONDS for f in FUNCTIONS if f.kind == "api")


def test_a_function_is_found_by_its_name() -> None:
    assert function("step_data").kind == "step"
    with pytest.raises(KeyError):
        function("nothing")
