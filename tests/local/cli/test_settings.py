"""Which API a command speaks to: what goes before what, and what is refused, with file and line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.local.cli.commands import main
from infra.local.cli.settings import DEFAULT_URL, Connection, SettingsError, connection
from infra.local.cli.toml_places import line_of

DEV = '[profiles.dev]\nurl = "http://127.0.0.1:9001"\n'
PROD = '[profiles.prod]\nurl = "https://abc.execute-api.eu-west-1.amazonaws.com"\n'


@pytest.fixture
def project(own_home: Path) -> Path:
    return own_home / "project" / ".workflow.toml"


@pytest.fixture
def own(own_home: Path) -> Path:
    file = own_home / ".config" / "workflow" / "config.toml"
    file.parent.mkdir(parents=True)
    return file


def url_of(found: Connection) -> tuple[str | None, str, str]:
    return found.profile, found.url.value, found.url.source


def refusal(api: str | None = None, profile: str | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        connection(api, profile)
    return refused.value.message


def test_without_settings_it_is_the_server_of_this_machine() -> None:
    found = connection()
    assert url_of(found) == (None, DEFAULT_URL, "default")
    assert found.auth.value == "none"


def test_a_flag_goes_before_the_environment_that_before_the_project_and_that_before_the_user(
    project: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.write_text('profile = "own"\n[profiles.own]\nurl = "http://127.0.0.1:1"\n')
    assert url_of(connection()) == ("own", "http://127.0.0.1:1", f"{own}:3")
    project.write_text('profile = "team"\n[profiles.team]\nurl = "http://127.0.0.1:2"\n')
    assert url_of(connection()) == ("team", "http://127.0.0.1:2", f"{project}:3")
    monkeypatch.setenv("WORKFLOW_PROFILE", "own")
    assert url_of(connection())[:2] == ("own", "http://127.0.0.1:1")
    monkeypatch.delenv("WORKFLOW_PROFILE")
    monkeypatch.setenv("WORKFLOW_API_URL", "http://127.0.0.1:3")
    assert url_of(connection()) == (None, "http://127.0.0.1:3", "WORKFLOW_API_URL")
    assert url_of(connection(None, "team"))[:2] == ("team", "http://127.0.0.1:2")
    assert url_of(connection("http://127.0.0.1:4")) == (None, "http://127.0.0.1:4", "--api")


def test_credentials_of_the_default_profile_do_not_go_to_an_address_that_was_given(own: Path) -> None:
    own.write_text(f'profile = "prod"\n{PROD}token_env = "SECRET"\n')
    found = connection("http://127.0.0.1:9001")
    assert (found.profile, found.auth.value, found.get("token_env")) == (None, "none", None)


def test_an_address_left_in_the_environment_that_contradicts_the_profile_there_is_refused(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.write_text(PROD)
    monkeypatch.setenv("WORKFLOW_API_URL", "http://127.0.0.1:3")
    monkeypatch.setenv("WORKFLOW_PROFILE", "prod")
    assert "Unset one of the two" in refusal()
    assert connection("http://127.0.0.1:3", "prod").profile == "prod"


def test_the_project_file_is_searched_upwards_to_the_root_of_the_repository(
    own_home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text('profile = "dev"\n' + DEV)
    inner = project.parent / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert connection().profile == "dev"
    (project.parent / "a" / ".git").mkdir()
    assert connection().profile is None


def test_a_file_that_another_user_has_put_into_a_folder_of_all_does_not_count(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text('profile = "dev"\n' + DEV)
    project.parent.chmod(0o777)
    assert connection().profile == "dev"
    monkeypatch.setattr(os, "getuid", lambda: project.stat().st_uid + 1)
    assert connection().profile is None
    project.parent.chmod(0o755)
    assert connection().profile == "dev"


def test_the_default_auth_is_that_of_the_address(own: Path) -> None:
    own.write_text(DEV + PROD + '[profiles.token]\nurl = "https://x.example"\ntoken_env = "TOKEN"\n')
    assert [connection(None, name).auth.value for name in ("dev", "prod", "token")] == ["none", "iam", "token"]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (DEV + 'regoin = "eu-west-1"\n', 3, "A profile has no setting 'regoin'. Did you mean 'region'?"),
        ('proflie = "dev"\n' + DEV, 1, "There is no setting 'proflie' here. Did you mean 'profile'?"),
        ('# mine\nurl = "http://x"\n', 2, "It belongs into a profile: [profiles.dev] above url"),
        (DEV + "\n[profiles.b]\nconfirm = 1\n", 5, "'confirm' must be true or false."),
        (DEV + 'auth = "aim"\n', 3, "'auth' must be one of none, iam, token, not 'aim'. Did you mean 'iam'?"),
        ('[profiles.a]\nurl = "ftp://x"\n', 2, "is no address of an API"),
        ('[profiles.a]\nurl = "https://me:pw@x"\n', 2, "An address holds no user and password."),
        ('profiles.a.url = "no"\n', 1, "is no address of an API"),
        (DEV + 'token = "abc"\n', 3, "No file of settings holds a secret"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(own: Path, text: str, line: int, told: str) -> None:
    own.write_text(text)
    message = refusal()
    assert message.startswith(f"{own}:{line}: ")
    assert told in message


def test_a_file_that_is_no_toml_is_told_with_its_line(own: Path) -> None:
    own.write_text("[profiles.dev\n")
    assert str(own) in refusal()
    assert "line 1" in refusal()


@pytest.mark.parametrize(
    "setting", ['token_command = "cat /etc/passwd"', 'token_env = "AWS_SECRET_ACCESS_KEY"', 'aws_profile = "admin"']
)
def test_a_project_file_of_somebody_else_neither_runs_commands_nor_reads_secrets(project: Path, setting: str) -> None:
    project.write_text(f'profile = "x"\n[profiles.x]\nurl = "https://evil.example"\n{setting}\n')
    assert refusal().startswith(f"{project}:4: ")


def test_a_project_file_cannot_send_the_credentials_of_a_profile_elsewhere(project: Path, own: Path) -> None:
    own.write_text(PROD + 'token_env = "SECRET"\n')
    project.write_text('[profiles.prod]\nurl = "https://evil.example"\n')
    assert "for two addresses" in refusal(None, "prod")
    project.write_text(PROD + 'tenant = "acme"\n')
    found = connection(None, "prod")
    assert (found.get("token_env"), found.get("tenant")) == ("SECRET", "acme")


def test_a_profile_that_there_is_not_is_told_with_the_nearest_one(own: Path) -> None:
    own.write_text(DEV + PROD)
    assert refusal(None, "prd") == "--profile: There is no profile 'prd'. Did you mean 'prod'?"


def test_config_shows_where_each_setting_comes_from_and_no_token(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own.write_text('profile = "t"\n[profiles.t]\nurl = "https://x.example"\ntoken_env = "MY_TOKEN"\n')
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    done = CliRunner().invoke(main, ["config"])
    assert done.stdout.splitlines() == [
        f"profile\tt\t{own}:1",
        f"url\thttps://x.example\t{own}:3",
        f"token_env\tMY_TOKEN\t{own}:4",
        f"auth\ttoken\t{own}:4",
    ]
    assert "s3cret" not in done.output


def test_config_sets_and_keeps_comments(own: Path) -> None:
    own.write_text("# mine\n" + DEV)
    for arguments in (
        ["config", "set", "url", "https://x.example", "--profile", "prod"],
        ["config", "set", "confirm", "true", "--profile", "prod"],
        ["config", "use", "prod"],
    ):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
    assert own.read_text().startswith("# mine\n")
    found = connection()
    assert (found.profile, found.url.value, found.get("confirm")) == ("prod", "https://x.example", True)
    assert CliRunner().invoke(main, ["config", "unset", "confirm", "--profile", "prod"]).exit_code == 0
    assert connection().get("confirm") is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["config", "set", "url", "nowhere"], "is no address of an API"),
        (["config", "set", "confirm", "yes"], "'confirm' must be true or false."),
        (["config", "set", "token_command", "pass x", "--project"], "is taken from your own file"),
        (["config", "use", "nope"], "There is no profile 'nope'."),
    ],
)
def test_config_writes_nothing_that_it_would_not_read(own: Path, arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert told in done.stderr
    assert not own.exists()


def test_config_does_not_overwrite_a_file_that_is_wrong(own: Path) -> None:
    own.write_text("[profiles.dev\n")
    assert CliRunner().invoke(main, ["config", "set", "region", "eu-west-1"]).exit_code == 2
    assert own.read_text() == "[profiles.dev\n"


@pytest.mark.parametrize(
    ("text", "place", "line"),
    [
        ('a = 1\n[t]\n"b c" = 2\n', ("t", "b c"), 3),
        ("[t]\nx.y = 2\n", ("t", "x", "y"), 2),
        ("[t]\n# b = 1\nb = 2\n", ("t", "b"), 3),
        ("[t]\ni = {\n b = 1}\n", ("t", "i", "b"), 2),
        ("[t.u]\nb = 1\n[t.v]\nb = 2\n", ("t", "v", "b"), 4),
    ],
)
def test_the_line_of_a_key(text: str, place: tuple[str, ...], line: int) -> None:
    assert line_of(text, place) == line
