"""As whom commands ask: signed requests, tokens, and that neither secrets nor tokens are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.local.cli.commands import main
from tests.local.cli.fake_api import ENDED, FakeApi
from tests.local.cli.sigv4_check import signature_problem

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
TOKEN = "eyJhbGciOi.very.secret"


def workflow(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def own_profile(home: Path, name: str, url: str, *lines: str) -> None:
    file = home / ".config" / "workflow" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([f"[profiles.{name}]", f'url = "{url}"', *lines, ""]), encoding="utf-8")


@pytest.fixture
def of_fake(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    monkeypatch.delenv("WORKFLOW_API_URL")
    fake.always(200, ENDED)
    return fake


def test_requests_are_signed_with_the_aws_credentials_at_hand(
    of_fake: FakeApi, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    own_profile(own_home, "cloud", of_fake.url, 'auth = "iam"', 'region = "eu-west-1"')
    assert workflow("status", "rün/1 x", "--profile", "cloud").exit_code == 0
    assert workflow("cancel", "run-1", "--comment", "größer", "--profile", "cloud").exit_code == 0
    of_fake.always(200, {"items": [], "next_cursor": None})
    assert workflow("list", "--error", "a b+c&d=é~*", "--tag", "x:y/z", "--profile", "cloud").exit_code == 0
    assert [signature_problem(asked, SECRET, region="eu-west-1") for asked in of_fake.asked] == [None, None, None]
    assert {asked.headers["x-amz-security-token"] for asked in of_fake.asked} == {"session"}
    assert signature_problem(of_fake.asked[0], SECRET + "x", region="eu-west-1") == "the signature does not hold"


def test_without_aws_credentials_it_says_so_and_asks_nothing(of_fake: FakeApi, own_home: Path) -> None:
    own_profile(own_home, "cloud", of_fake.url, 'auth = "iam"', 'region = "eu-west-1"')
    done = workflow("list", "--profile", "cloud")
    assert (done.exit_code, of_fake.asked) == (4, [])
    assert "There are no AWS credentials to sign with." in done.stderr


def test_a_token_of_a_variable_is_sent_and_never_told(
    of_fake: FakeApi, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_profile(own_home, "team", of_fake.url, 'token_env = "TEAM_TOKEN"')
    missing = workflow("status", "run-1", "--profile", "team")
    assert (missing.exit_code, "TEAM_TOKEN holds no token." in missing.stderr) == (4, True)
    monkeypatch.setenv("TEAM_TOKEN", TOKEN)
    of_fake.always(401, {"message": "Unauthorized"})
    done = workflow("status", "run-1", "--profile", "team", "--json")
    assert of_fake.asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert (done.exit_code, TOKEN in done.output) == (4, False)
    assert TOKEN not in workflow("config", "show", "--profile", "team").output


def test_a_token_comes_from_a_command_of_the_user_s_own_file(of_fake: FakeApi, own_home: Path) -> None:
    own_profile(own_home, "team", of_fake.url, f"token_command = 'printf %s {TOKEN}'")
    assert workflow("status", "run-1", "--profile", "team").exit_code == 0
    assert of_fake.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("no-such-command", "could not be run: No such file or directory."),
        (f"sh -c 'echo {TOKEN}; exit 3'", "ended with 3."),
        ("true", "did not print one token."),
        (f"echo Logged in: {TOKEN}", "did not print one token."),
    ],
)
def test_a_token_command_that_fails_is_told_without_what_it_printed(
    of_fake: FakeApi, own_home: Path, command: str, told: str
) -> None:
    own_profile(own_home, "team", of_fake.url, f'token_command = "{command}"')
    done = workflow("status", "run-1", "--profile", "team")
    assert (done.exit_code, of_fake.asked) == (4, [])
    assert told in done.stderr
    assert TOKEN not in done.output


def test_a_token_is_not_sent_where_anybody_can_read_it(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_TOKEN", TOKEN)
    own_profile(own_home, "team", "http://flows.example.com", 'token_env = "TEAM_TOKEN"')
    done = workflow("list", "--profile", "team")
    assert (done.exit_code, "is not encrypted" in done.stderr) == (2, True)


def test_a_worker_asks_as_the_profile_says(of_fake: FakeApi, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("scanning.py").write_text("def scan(event, context):\n    return {}\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    own_profile(own_home, "cloud", of_fake.url, 'auth = "iam"', 'region = "eu-west-1"')
    of_fake.always(403, {"message": "Forbidden"})
    arguments = ["worker", "scanning:scan", "--activity", "scan/1", "--profile", "cloud"]
    # In a process of its own, since a worker takes the signals of its process.
    done = subprocess.run(
        [sys.executable, "-m", "infra.local.cli", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "refuses this worker: Forbidden" in done.stderr) == (4, True)
    assert signature_problem(of_fake.asked[0], SECRET, region="eu-west-1") is None
    assert of_fake.asked[0].target.startswith("/activities/scan%2F1/poll?wait=20&worker=")
