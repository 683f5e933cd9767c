"""Reading synthesized CloudFormation templates: resources by type, intrinsic functions as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a synthesis wrote: templates by the last part of the stack's name, cdk-nag's report, the folder."""

    folder: Path
    templates: Mapping[str, dict[str, Any]]
    report: Mapping[str, Any]

    def resources(self, type_: str, stack: str | None = None) -> dict[str, Resource]:
        """The properties of all resources of a type, by `stack/logical id`."""
        return {
            f"{name}/{id_}": resource.get("Properties", {})
            for name, template in self.templates.items()
            if stack in (None, name)
            for id_, resource in template["Resources"].items()
            if resource["Type"] == type_
        }

    def only(self, type_: str, stack: str | None = None) -> Resource:
        """The one resource of a type."""
        (found,) = self.resources(type_, stack).values()
        return found

    def all_resources(self) -> Iterator[Resource]:
        """Every resource with its type and policies."""
        for template in self.templates.values():
            yield from template["Resources"].values()

    def findings(self) -> set[tuple[str, str]]:
        """(construct path, finding) of all that cdk-nag reports and nobody has acknowledged."""
        return {
            (construct["constructPath"], violation["ruleName"])
            for plugin in self.report["pluginReports"]
            for violation in plugin["violations"]
            for construct in violation["violatingConstructs"]
        }


def read_assembly(folder: Path) -> Assembly:
    """The assembly in a folder."""
    templates = {
        path.name.removesuffix(".template.json").rsplit("-", 1)[-1]: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.template.json"))
    }
    return Assembly(folder, templates, json.loads((folder / "validation-report.json").read_text(encoding="utf-8")))


def as_text(value: Any) -> Any:
    """A value with CloudFormation's functions written as `${...}`; lists and objects keep their form."""
    match value:
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::ImportValue": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(id_), str(attribute)]}:
            return f"${{{id_}.{attribute}}}"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(str(as_text(part)) for part in parts)
        case dict():
            return {key: as_text(inner) for key, inner in value.items()}
        case list():
            return [as_text(inner) for inner in value]
        case _:
            return value


def as_list(value: Any) -> list[Any]:
    """IAM writes a list of one as its element."""
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True, slots=True)
class Allowed:
    """A statement of a role: actions, resources and conditions, as text."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Any


def roles(assembly: Assembly) -> dict[str, list[Allowed]]:
    """What each role of an assembly allows, from its own policies and from those attached to it."""
    found: dict[str, list[Allowed]] = {}
    for name, role in assembly.resources("AWS::IAM::Role").items():
        stack, logical_id = name.split("/")
        documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
        for attached in assembly.resources("AWS::IAM::Policy", stack).values():
            if {"Ref": logical_id} in attached["Roles"]:
                documents.append(attached["PolicyDocument"])
        found[name] = [_allowed(s) for document in documents for s in document["Statement"]]
    return found


def _allowed(statement: Mapping[str, Any]) -> Allowed:
    assert statement["Effect"] == "Allow"
    return Allowed(
        actions=tuple(as_list(statement["Action"])),
        resources=tuple(as_list(as_text(statement["Resource"]))),
        conditions=as_text(statement.get("Condition", {})),
    )
