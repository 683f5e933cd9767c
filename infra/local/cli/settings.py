"""Which API a command speaks to, and as whom: flag, then environment, then the project's file, then the user's.

The project's file is `.workflow.toml` in the current folder or the nearest above it, up to the root of the repository. It comes
with a checkout, so somebody else may have written it: it may name addresses, but no command to run, and of the environment only
variables that are made for this (`WORKFLOW_...`). The user's own file is `workflow/config.toml` where XDG says.

Credentials belong to an address: those that a profile of the user's file has go with a profile of the same name in the project's
file only where both say the same `url`.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from infra.local.cli.toml_places import line_of
from workflow_engine.suggestions import suggest

PROJECT_FILE: Final = ".workflow.toml"
URL_VARIABLE: Final = "WORKFLOW_API_URL"
PROFILE_VARIABLE: Final = "WORKFLOW_PROFILE"
TOKEN_VARIABLE: Final = "WORKFLOW_API_TOKEN"  # noqa: S105 - the name of a variable, not a token
DEFAULT_URL: Final = "http://127.0.0.1:8006"

AUTHS: Final = ("none", "iam", "token")


class Key(NamedTuple):
    """A setting of a profile."""

    kind: type
    help: str
    is_users_own: bool = False
    """Only the user's file may say it."""


KEYS: Final[Mapping[str, Key]] = {
    "url": Key(str, "Where the API is, such as https://abc.execute-api.eu-west-1.amazonaws.com."),
    "auth": Key(str, "iam (requests are signed with the AWS credentials at hand), token, or none."),
    "token_env": Key(str, f"The variable of the environment that holds the token; {TOKEN_VARIABLE} by default."),
    "token_command": Key(str, "A command that prints the token. In your own file only.", is_users_own=True),
    "region": Key(str, "The region to sign for, where the address does not tell it."),
    "aws_profile": Key(str, "The AWS profile whose credentials sign. In your own file only.", is_users_own=True),
    "tenant": Key(str, "Whose data the credentials lead to: told beside the address before anything is changed."),
    "confirm": Key(bool, "true: whatever changes something asks first, and needs --yes where nobody can be asked."),
}


class SettingsError(click.UsageError):
    """A file of settings, or a setting, is wrong. The message begins with `file:line:` where a file is."""


class Value(NamedTuple):
    """A setting and where it comes from: `--api`, a variable, `file:line`, or `default`."""

    value: Any
    source: str


class Profile(NamedTuple):
    """Settings of one name; `values` has those that were given."""

    name: str
    values: Mapping[str, Value]


class Connection(NamedTuple):
    """What to speak to. `chosen` is the profile and where it was chosen, None when there is none."""

    chosen: Value | None
    url: Value
    auth: Value
    values: Mapping[str, Value]

    def get(self, key: str) -> Any:
        """The value of a setting, None where nobody gave it."""
        found = self.values.get(key)
        return None if found is None else found.value

    @property
    def profile(self) -> str | None:
        """The name of the profile."""
        return None if self.chosen is None else str(self.chosen.value)

    @property
    def label(self) -> str:
        """Profile, address and tenant in one line, as it is told before something is changed."""
        if self.profile is None:
            return f"{self.url.value} (no profile; from {self.url.source})"
        tenant = f", tenant {self.get('tenant')}" if self.get("tenant") else ""
        return f"profile {self.profile}, {self.url.value}{tenant}"


class SettingsFile(NamedTuple):
    """A file that was read: its default profile, and its profiles."""

    path: Path
    default: Value | None
    profiles: Mapping[str, Profile]


def user_file(environment: Mapping[str, str] = os.environ) -> Path:
    """The user's own file ("XDG Base Directory Specification": a path that is not absolute counts as unset)."""
    base = environment.get("XDG_CONFIG_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".config") / "workflow" / "config.toml"


def project_file(folder: Path | None = None) -> Path | None:
    """The nearest `.workflow.toml` from a folder upwards, up to the root of its repository; None when there is none."""
    for place in _upwards((folder or Path.cwd()).resolve()):
        if (place / PROJECT_FILE).is_file() and not _is_planted(place / PROJECT_FILE):
            return place / PROJECT_FILE
    return None


def _is_planted(file: Path) -> bool:
    """Whether somebody else has put a file where anybody may: in /tmp, above a folder of one's own, say."""
    return bool(file.parent.stat().st_mode & stat.S_IWOTH) and file.stat().st_uid != os.getuid()


def _upwards(folder: Path) -> Iterator[Path]:
    for place in (folder, *folder.parents):
        yield place
        if (place / ".git").exists() or place == Path.home():
            return


def read_file(path: Path, *, is_users_own: bool) -> SettingsFile:
    """A file of settings. Raises SettingsError with file and line for what cannot be read, is unknown or has no place there."""
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}.") from None
    reader = _Reader(path, text, is_users_own)
    return reader.file(document)


class _Reader(NamedTuple):
    path: Path
    text: str
    is_users_own: bool

    def file(self, document: Mapping[str, Any]) -> SettingsFile:
        for name in document:
            if name not in ("profile", "profiles"):
                advice = suggest(name, ("profile", "profiles")) or _belongs_into_a_profile(name)
                raise self.error((name,), f"There is no setting '{name}' here.{advice}")
        default = document.get("profile")
        if default is not None and not isinstance(default, str):
            raise self.error(("profile",), "'profile' must be the name of a profile, in quotes.")
        profiles = document.get("profiles", {})
        if not isinstance(profiles, dict):
            raise self.error(("profiles",), "'profiles' must be tables, such as [profiles.dev].")
        read = {name: self.profile(name, table) for name, table in profiles.items()}
        return SettingsFile(self.path, None if default is None else Value(default, self.at(("profile",))), read)

    def profile(self, name: str, table: Any) -> Profile:
        if not isinstance(table, dict):
            raise self.error(("profiles", name), f"'{name}' must be a table: [profiles.{name}].")
        values = {}
        for key, value in table.items():
            place = ("profiles", name, key)
            reason = wrong(key, value, is_users_own=self.is_users_own)
            if reason is not None:
                raise self.error(place, reason)
            values[key] = Value(value, self.at(place))
        return Profile(name, values)

    def at(self, place: tuple[str, ...]) -> str:
        return f"{self.path}:{line_of(self.text, place)}"

    def error(self, place: tuple[str, ...], reason: str) -> SettingsError:
        return SettingsError(f"{self.at(place)}: {reason}")


def wrong(key: str, value: Any, *, is_users_own: bool) -> str | None:
    """What is wrong with a setting of a profile, or None."""
    if key in ("token", "password", "secret", "api_key"):
        return (
            f"No file of settings holds a secret: '{key}' is not taken. "
            "Name the variable that has the token by token_env, or a command that prints it by token_command."
        )
    known = KEYS.get(key)
    if known is None:
        return f"A profile has no setting '{key}'." + (suggest(key, KEYS) or f" It has {', '.join(KEYS)}.")
    if known.kind is bool:
        return None if isinstance(value, bool) else f"'{key}' must be true or false."
    if not isinstance(value, str) or not value:
        return f"'{key}' must be a text that is not empty."
    if known.is_users_own and not is_users_own:
        return (
            f"'{key}' is taken from your own file ({user_file()}) only, "
            "since a project's file may come from somebody else."
        )
    if key == "auth" and value not in AUTHS:
        return f"'auth' must be one of {', '.join(AUTHS)}, not '{value}'." + suggest(value, AUTHS)
    if key == "url":
        return wrong_url(value)
    if key == "token_env" and not is_users_own and not value.startswith("WORKFLOW_"):
        return (
            "A project's file may name only variables that begin with WORKFLOW_, since it may come from somebody else. "
            f"Say token_env in your own file ({user_file()})."
        )
    return None


def wrong_url(url: str) -> str | None:
    """What is wrong with the address of an API, or None."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return f"'{url}' is no address of an API. Write it as https://host/stage."
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"'{url}' is no address of an API. Write it as https://host/stage."
    if parts.username is not None or parts.password is not None:
        return "An address holds no user and password. Use auth."
    if parts.query or parts.fragment:
        return f"'{url}' has a query or a fragment. An address ends with its path."
    return None


def _belongs_into_a_profile(name: str) -> str:
    return f" It belongs into a profile: [profiles.dev] above {name} = ...." if name in KEYS else ""


def connection(
    api: str | None = None, profile: str | None = None, environment: Mapping[str, str] = os.environ
) -> Connection:
    """What a command speaks to. Raises SettingsError."""
    if api is not None and (reason := wrong_url(api)):
        raise SettingsError(f"--api: {reason}")
    address = Value(api, "--api") if api is not None else None
    name = Value(profile, "--profile") if profile is not None else None
    if address is None and name is None:
        if given := environment.get(URL_VARIABLE):
            if reason := wrong_url(given):
                raise SettingsError(f"{URL_VARIABLE}: {reason}")
            address = Value(given, URL_VARIABLE)
        if environment.get(PROFILE_VARIABLE):
            name = Value(environment[PROFILE_VARIABLE], PROFILE_VARIABLE)
    if name is None and address is None:  # else the default's credentials would go to an address that they are not for
        name = next((file.default for file in settings_files() if file.default is not None), None)
    values = {} if name is None else dict(_profile(name).values)
    if address is not None:
        _check_environment(address, values.get("url"))
        values["url"] = address
    url = values.setdefault("url", Value(DEFAULT_URL, "default"))
    auth = values.setdefault("auth", _default_auth(url.value, values, environment))
    return Connection(name, url, auth, values)


def _check_environment(address: Value, of_profile: Value | None) -> None:
    """Two variables that were set at different times may contradict each other; two flags are meant."""
    if address.source == URL_VARIABLE and of_profile is not None and of_profile.value != address.value:
        raise SettingsError(
            f"{URL_VARIABLE} says {address.value}, and the profile that {PROFILE_VARIABLE} names says {of_profile.value} "
            f"({of_profile.source}). Unset one of the two, or say --profile or --api."
        )


def _profile(name: Value) -> Profile:
    """The profile of a name, from one file or both. Raises SettingsError."""
    files = settings_files()
    found = [file.profiles[name.value] for file in files if name.value in file.profiles]
    if not found:
        known = list(dict.fromkeys(known for file in files for known in file.profiles))
        advice = suggest(name.value, known) or (
            f" There are {', '.join(known)}." if known else " Make it by `workflow config set url URL --profile NAME`."
        )
        raise SettingsError(f"{name.source}: There is no profile '{name.value}'.{advice}")
    return _joined(found)


def _joined(found: list[Profile]) -> Profile:
    """The project's profile, with what the user's own of that name adds for the same address."""
    if len(found) == 1:
        return found[0]
    project, own = found
    url, own_url = project.values.get("url"), own.values.get("url")
    if url is None or own_url is None or url.value.rstrip("/") != own_url.value.rstrip("/"):
        told = [
            f"{where.source} says {where.value}" if where else f"{file} says none"
            for where, file in ((url, "the project's file"), (own_url, "your own file"))
        ]
        raise SettingsError(
            f"Two files have a profile '{project.name}', for two addresses: {told[0]}, {told[1]}. Credentials go to the "
            "address that stands beside them only: say the same url in both, or give one another name."
        )
    return Profile(project.name, {**own.values, **project.values})


def settings_files() -> list[SettingsFile]:
    """The files that there are, the project's first."""
    files = []
    own = user_file()
    project = project_file()
    if project is not None and project != own:
        files.append(read_file(project, is_users_own=False))
    if own.is_file():
        files.append(read_file(own, is_users_own=True))
    return files


def _default_auth(url: str, values: Mapping[str, Value], environment: Mapping[str, str]) -> Value:
    """None for a server of this machine, a token where one is named or stands in its variable, else the AWS credentials."""
    for key in ("token_command", "token_env"):
        if key in values:
            return Value("token", values[key].source)
    if environment.get(TOKEN_VARIABLE) and values["url"].source in ("--api", URL_VARIABLE):
        return Value("token", TOKEN_VARIABLE)
    return Value("none" if is_here(url) else "iam", "default")


def is_here(url: str) -> bool:
    """Whether an address is one of this machine."""
    from urllib.parse import urlsplit

    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
