"""Quotas on a laptop: set by the command, met over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.local.cli.commands import main
from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from infra.local.gateway import HttpRequest

pytestmark = pytest.mark.xdist_group("local-cloud")

WAITING = b'{"name": "Waits", "steps": [{"step_id": "a", "step_type": "delay", "config": {"delay_seconds": 600}}]}'
REQUEST = HttpRequest(
    "POST", "/workflows/execute", "", (("content-type", "application/json"), ("host", "localhost")), WAITING
)


def quota(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["quota", "default", "--data", str(path), *arguments])


def test_a_quota_that_the_command_sets_is_met_over_http(tmp_path: Path) -> None:
    path = tmp_path / "data"
    assert "no data of a server" in quota(path).output
    with LocalCloud(data=DataFolder(path)) as cloud:
        assert quota(path, "--running", "1", "--monthly-usd", "5").exit_code == 0
        first, refused = (cloud.gateway.handle(REQUEST) for _ in range(2))
        assert (first.status, refused.status) == (202, 429)
        assert int(refused.headers["retry-after"]) >= 1
        assert b'"code":"quota_exceeded"' in refused.body
        assert b"The tenant's quota of runs at once is 1, and used up. Try again" in refused.body
        shown = quota(path).output
        assert "runs at once     1" in shown
        assert "starts a minute  any number" in shown
        assert "has spent 0.00 USD this month" in shown


@pytest.mark.parametrize(
    ("option", "what"), [("--running", "runs at once"), ("--starts-per-minute", "starts a minute")]
)
def test_a_quota_of_none_promises_no_later_start(tmp_path: Path, option: str, what: str) -> None:
    path = tmp_path / "data"
    with LocalCloud(data=DataFolder(path)) as cloud:
        assert quota(path, option, "0").exit_code == 0
        refused = cloud.gateway.handle(REQUEST)
    assert refused.status == 429
    assert json.loads(refused.body)["detail"] == (
        f"The tenant's quota of {what} is 0, so nothing is started until it is raised."
    )


def test_one_limit_is_changed_without_the_others_and_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with LocalCloud(data=DataFolder(path)):
        pass
    quota(path, "--running", "3", "--starts-per-minute", "9")
    changed = quota(path, "--running", "none").output
    assert "runs at once     any number" in changed
    assert "starts a minute  9" in changed
    assert "the deployment's holds" in quota(path, "--default").output


@pytest.mark.parametrize("limit", ["-5", "1.5", "many", "9999999"])
def test_a_limit_that_is_none_is_refused(tmp_path: Path, limit: str) -> None:
    result = quota(tmp_path, "--running", limit)
    assert result.exit_code == 2
    assert "is no limit" in result.output
