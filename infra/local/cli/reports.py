"""What `workflow validate` finds, in the forms that machines read: JSON, annotations of GitHub, SARIF."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from infra.local.cli.findings import Finding
from infra.local.cli.output import plain
from infra.local.cli.texts import Text

SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT: Final = "ROOT"


class Checked(NamedTuple):
    """A text that was checked, and the report on it. `report` is the API's, None for a text without a value."""

    text: Text
    report: Mapping[str, Any] | None
    errors: Sequence[Finding]
    warnings: Sequence[Finding]

    @property
    def findings(self) -> list[Finding]:
        """Errors, then warnings."""
        return [*self.errors, *self.warnings]

    @property
    def is_valid(self) -> bool:
        """Whether it would be accepted."""
        return not self.errors


def as_json(checked: Iterable[Checked]) -> dict[str, Any]:
    """`{is_valid, files: [{file, is_valid, errors, warnings, plan, step_validation}]}`, findings with line and column."""
    files = [
        {
            "file": one.text.name,
            "is_valid": one.is_valid,
            "errors": [finding.as_dict() for finding in one.errors],
            "warnings": [finding.as_dict() for finding in one.warnings],
            "plan": one.report and one.report["plan"],
            "step_validation": one.report["step_validation"] if one.report else {},
        }
        for one in checked
    ]
    return {"is_valid": all(file["is_valid"] for file in files), "files": files}


def as_github(findings: Iterable[Finding]) -> list[str]:
    """A workflow command of GitHub Actions for each finding (GitHub's page "Workflow commands for GitHub Actions"). There are no
    more than ten annotations of a kind for a step of a job; the log has all.
    """
    lines = []
    for finding in findings:
        properties = {"file": relative(finding), "title": finding.code}
        if finding.start is not None:
            properties |= {"line": str(finding.start[0]), "col": str(finding.start[1])}
        if finding.end is not None and finding.start is not None and finding.end != finding.start:
            properties |= {"endLine": str(finding.end[0])}
            if finding.end[0] == finding.start[0]:  # columns are taken for one line only; the last is part of it
                properties |= {"endColumn": str(finding.end[1] - 1)}
        told = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
        lines.append(f"::{finding.severity} {told}::{_message(plain(finding.detail))}")
    return lines


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def relative(finding: Finding) -> str:
    """The file from the working directory, with slashes, as services that show it beside the code want it; as it was named where it
    lies elsewhere. Empty for what is no file.
    """
    name = "" if finding.text is None else finding.text.name
    path = Path(name)
    if not name or not path.is_file():
        return ""
    here = Path.cwd()
    full = here / path
    for folder, file in ((here, full), (here.resolve(), full.resolve())):
        if file.is_relative_to(folder) and ".." not in file.parts:
            return file.relative_to(folder).as_posix()
    return full.resolve().as_posix()


def as_sarif(findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """A log of SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format Version 2.1.0") with one run."""
    codes = sorted({finding.code for finding in findings})
    driver = {"name": "workflow", "version": version, "rules": [_rule(code) for code in codes]}
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {_ROOT: {"uri": Path.cwd().resolve().as_uri() + "/"}},
                "results": [_result(finding, codes.index(finding.code)) for finding in findings],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    from workflow_engine.language.diagnostics import CODES

    level = "warning" if code.startswith("WFE-W") else "error"
    rule: dict[str, Any] = {"id": code, "defaultConfiguration": {"level": level}}
    if code in CODES:
        from workflow_engine.language.explanations import explanation

        rule |= {"shortDescription": {"text": CODES[code]}, "fullDescription": {"text": explanation(code).why}}
    return rule


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": finding.severity,
        "message": {"text": plain(finding.detail)},
    }
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": finding.pointer, "kind": "member"}]}
    if file := relative(finding):
        physical: dict[str, Any] = {"artifactLocation": _artifact(file)}
        if finding.start is not None:
            physical["region"] = _region(finding.start, finding.end or finding.start)
            if fix := _fix(finding, file):
                result["fixes"] = [fix]
        location["physicalLocation"] = physical
    return result | {"locations": [location]}


def _artifact(file: str) -> dict[str, Any]:
    if file.startswith("/"):
        return {"uri": Path(file).as_uri()}
    return {"uri": quote(file), "uriBaseId": _ROOT}


def _region(start: tuple[int, int], end: tuple[int, int]) -> dict[str, int]:
    return {"startLine": start[0], "startColumn": start[1], "endLine": end[0], "endColumn": end[1]}


def _fix(finding: Finding, file: str) -> dict[str, Any] | None:
    from infra.local.cli.fixes import word_of

    if finding.text is None or (found := word_of(finding.text, finding)) is None:
        return None
    span, replacement = found
    start, end = (finding.text.lines.position(offset) for offset in span)
    change = {"deletedRegion": _region(start, end), "insertedContent": {"text": replacement}}
    return {
        "description": {"text": f"Write '{replacement}'."},
        "artifactChanges": [{"artifactLocation": _artifact(file), "replacements": [change]}],
    }
