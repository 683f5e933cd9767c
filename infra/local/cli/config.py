"""`workflow config`: which API the commands speak to, and where each setting comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from infra.local.cli.exits import CommandError
from infra.local.cli.groups import SuggestingGroup
from infra.local.cli.options import JSON, PROFILE, output_of
from infra.local.cli.output import Column, note
from infra.local.cli.settings import (
    KEYS,
    PROJECT_FILE,
    SettingsError,
    Value,
    connection,
    project_file,
    read_file,
    settings_files,
    user_file,
    wrong,
)

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_SHOWN: Final = (Column("setting"), Column("value"), Column("source"))
_PROFILES: Final = (Column("name"), Column("url"), Column("auth"), Column("source"))
_IN_PROJECT: Final = click.option(
    "--project", "in_project", is_flag=True, help=f"Write to the project's {PROJECT_FILE}, not to your own file."
)


@click.group(name="config", cls=SuggestingGroup, default="show")
def config() -> None:
    """Show which API the commands speak to and where each setting comes from, or change a setting.

    A flag goes before the environment, that before .workflow.toml of the project, and that before your own file.
    """


@config.command()
@click.option("--api", help="What it would be with this address.")
@PROFILE
@JSON
def show(api: str | None, profile: str | None, as_json: bool) -> None:
    """Show the settings in force, and where each is said."""
    found = connection(api, profile)
    chosen = {"profile": found.chosen or Value(None, "not set")}
    rows = [
        {"setting": name, "value": value.value, "source": value.source}
        for name, value in (chosen | dict(found.values)).items()
    ]
    output_of(as_json).items(rows, _SHOWN)


@config.command()
@JSON
def profiles(as_json: bool) -> None:
    """List the profiles of both files."""
    rows = [
        {
            "name": name,
            "url": profile.values["url"].value if "url" in profile.values else None,
            "auth": profile.values["auth"].value if "auth" in profile.values else None,
            "source": str(file.path),
        }
        for file in settings_files()
        for name, profile in file.profiles.items()
    ]
    output_of(as_json).items(rows, _PROFILES)


@config.command(name="set")
@click.argument("key", type=click.Choice(list(KEYS)), metavar="KEY")
@click.argument("value")
@PROFILE
@_IN_PROJECT
@JSON
def set_(key: str, value: str, profile: str | None, in_project: bool, as_json: bool) -> None:
    """Set KEY of a profile: the one that --profile names, else the default one, else 'default'."""
    path = _file(in_project)
    typed: Any = value if KEYS[key].kind is str else {"true": True, "false": False}.get(value, value)
    if (reason := wrong(key, typed, is_users_own=not in_project)) is not None:
        raise SettingsError(reason)
    document = _document(path, is_users_own=not in_project)
    name = profile or _default_of(document) or "default"
    table = document.setdefault("profiles", _super_table()).setdefault(name, {})
    table[key] = typed
    if profile is None:
        document.setdefault("profile", name)
    _write(path, document, is_users_own=not in_project)
    note(f"Set {key} of profile {name} in {path}.")
    _tell(as_json, name, path)


@config.command()
@click.argument("name")
@_IN_PROJECT
@JSON
def use(name: str, in_project: bool, as_json: bool) -> None:
    """Let the profile NAME be the default."""
    if not any(name in file.profiles for file in settings_files()):
        connection(None, name)  # says which there are
    path = _file(in_project)
    document = _document(path, is_users_own=not in_project)
    document["profile"] = name
    _write(path, document, is_users_own=not in_project)
    in_force = connection()
    note(f"The default is now {in_force.label}.")
    if in_force.profile != name:
        where = in_force.chosen or in_force.url
        note(f"Here another goes before it: {where.source}.")
    _tell(as_json, name, path)


@config.command()
@click.argument("key", type=click.Choice(list(KEYS)), metavar="KEY")
@PROFILE
@_IN_PROJECT
@JSON
def unset(key: str, profile: str | None, in_project: bool, as_json: bool) -> None:
    """Take KEY out of a profile."""
    path = _file(in_project)
    document = _document(path, is_users_own=not in_project)
    name = profile or _default_of(document) or "default"
    table = document.get("profiles", {}).get(name, {})
    if key not in table:
        raise CommandError(f"{path} sets no {key} of profile '{name}'.")
    del table[key]
    _write(path, document, is_users_own=not in_project)
    note(f"Removed {key} of profile {name} from {path}.")
    _tell(as_json, name, path)


def _tell(as_json: bool, profile: str, path: Path) -> None:
    if as_json:
        output_of(as_json).document({"profile": profile, "file": str(path)})


def _file(in_project: bool) -> Path:
    return (project_file() or Path.cwd() / PROJECT_FILE) if in_project else user_file()


def _document(path: Path, *, is_users_own: bool) -> TOMLDocument:
    """The file with its comments. One that is wrong is told, not overwritten."""
    import tomlkit

    if not path.exists():
        return tomlkit.document()
    read_file(path, is_users_own=is_users_own)
    return tomlkit.parse(path.read_text(encoding="utf-8"))


def _super_table() -> Any:
    import tomlkit

    return tomlkit.table(is_super_table=True)


def _default_of(document: TOMLDocument) -> str | None:
    default = document.get("profile")
    return None if default is None else str(default)


def _write(path: Path, document: TOMLDocument, *, is_users_own: bool) -> None:
    """Whole or not at all: a file that was cut would be no file of settings."""
    import os

    text = document.as_string()
    path = path.resolve()  # it may be a link into a folder of dotfiles
    part = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        read_file(part, is_users_own=is_users_own)
        part.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
