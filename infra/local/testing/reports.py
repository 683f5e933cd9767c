"""Outcomes as people and as CI read them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from infra.local.mocking.documents import shown_path
from infra.local.testing.session import Outcome


def lines_of(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """The lines of a case, each with how it is meant: passed, failed, skipped, detail or note."""
    title = f"{shown_path(outcome.file)} › {outcome.case.name}"
    if outcome.skipped is not None:
        yield "skipped", f"SKIP  {title}: {outcome.skipped}"
        return
    kind = "passed" if outcome.passed else "failed"
    yield kind, f"{'PASS' if outcome.passed else 'FAIL'}  {title} ({round(outcome.seconds * 1000)} ms)"
    for failure in outcome.failures:
        for number, line in enumerate(str(failure).splitlines()):
            yield "detail", f"      {line}" if number == 0 else f"        {line}"
    for note in outcome.notes:
        for number, line in enumerate(note.splitlines()):
            yield "note", f"      note: {line}" if number == 0 else f"        {line}"


def last_line(outcomes: Sequence[Outcome], seconds: float) -> str:
    """`N passed[, M failed] in T s`."""
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(bool(outcome.failures) for outcome in outcomes)
    return f"{passed} passed{f', {failed} failed' if failed else ''} in {seconds:.2f} s"


def as_json(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The outcomes for programs."""
    return [
        {
            "file": shown_path(outcome.file),
            "name": outcome.case.name,
            "line": outcome.case.place.line,
            "status": "skipped" if outcome.skipped is not None else "passed" if outcome.passed else "failed",
            "seconds": round(outcome.seconds, 4),
            "failures": [
                {"file": f.place.file, "line": f.place.line, "message": f.told, "mock": str(f.mock) if f.mock else None}
                for f in outcome.failures
            ],
            "notes": list(outcome.notes),
        }
        for outcome in outcomes
    ]


def write_junit(path: Path, outcomes: Sequence[Outcome]) -> None:
    """JUnit's XML, a suite a file."""
    root = ElementTree.Element("testsuites")
    for file in dict.fromkeys(outcome.file for outcome in outcomes):
        cases = [outcome for outcome in outcomes if outcome.file == file]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=shown_path(file),
            tests=str(len(cases)),
            failures=str(sum(bool(case.failures) for case in cases)),
            errors="0",
            skipped=str(sum(case.skipped is not None for case in cases)),
            time=f"{sum(case.seconds for case in cases):.3f}",
        )
        for outcome in cases:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=shown_path(file),
                name=_printable(outcome.case.name),
                file=outcome.case.place.file,
                line=str(outcome.case.place.line),
                time=f"{outcome.seconds:.3f}",
            )
            if outcome.skipped is not None:
                ElementTree.SubElement(case, "skipped", message=_printable(outcome.skipped))
            if outcome.failures:
                told = ElementTree.SubElement(case, "failure", message=_printable(outcome.failures[0].told))
                told.text = _printable("\n".join(map(str, outcome.failures)))
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _printable(text: str) -> str:
    """Without the characters that XML 1.0 has no way to write."""
    return "".join(c if c in "\t\n\r" or c >= " " else json.dumps(c)[1:-1] for c in text)
