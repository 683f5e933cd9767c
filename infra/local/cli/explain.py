"""`workflow explain`: what the code of a finding means, with a workflow that gets it and the same one mended; and what an error
that a run ended with usually comes from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import click

from infra.local.cli.options import JSON
from infra.local.cli.output import line, write

_WIDTH: Final = 88
_BARE: Final = re.compile(r"(?:wfe-?)?([ew]?)-?(\d{3})", re.IGNORECASE)
_OF_TEXTS: Final = {
    "malformed_json": "The text is not JSON. The finding says where, and what its author most likely meant.",
    "malformed_yaml": "The text is not YAML 1.2, or says what JSON has no word for, such as tags, merge keys, infinities, and keys "
    "that are no texts or stand twice. docs/yaml.md has the rules.",
}
"""Codes of texts that have no value, so that there is no workflow to be wrong."""


@click.command()
@click.argument("code", required=False)
@JSON
def explain(code: str | None, as_json: bool) -> None:
    """Explain the CODE of a finding, such as WFE-E204: what it means, why it is one, and an example wrong and right.

    CODE may also be the type of an error that a run ended with, such as States.Timeout, or a code of JSONata in its message, such
    as T2001: what usually causes it, and what to do. Without CODE all codes of findings are listed.
    """
    from workflow_engine.language.diagnostics import CODES

    codes = {**CODES, **_OF_TEXTS}
    if code is None:
        _list(codes, as_json)
        return
    if (error := _error_meant(code)) is not None:
        _explain_error(error, as_json)
        return
    found = _meant(code, codes)
    if found in _OF_TEXTS:
        told = {"code": found, "severity": "error", "summary": codes[found]}
        write(
            json.dumps(told, indent=2) + "\n"
            if as_json
            else f"{found} (error)\n\n{click.wrap_text(codes[found], _WIDTH)}\n"
        )
    else:
        _explain(found, as_json)


def _list(codes: dict[str, str], as_json: bool) -> None:
    if as_json:
        write(json.dumps({"items": [{"code": c, "summary": s} for c, s in codes.items()]}, indent=2) + "\n")
        return
    width = max(map(len, codes))
    for code, summary in codes.items():
        line(f"{code.ljust(width)}  {summary}")


def _meant(code: str, codes: dict[str, str]) -> str:
    """The code that is asked for, which may be written as E204 or 204. Raises UsageError for one that there is not."""
    if code in codes:
        return code
    if match := _BARE.fullmatch(code.strip()):
        letters = match[1].upper() or "EW"
        for letter in letters:
            if (full := f"WFE-{letter}{match[2]}") in codes:
                return full
    from workflow_engine.error_advice import ERRORS
    from workflow_engine.suggestions import suggest

    advice = suggest(code[:20].upper(), codes) or suggest(code[:60], ERRORS) or " `workflow explain` lists them."
    raise click.UsageError(f"There is no code '{code[:60]}'.{advice}")


def _error_meant(name: str) -> str | None:
    """The type of an error of runs, or a code of JSONata, that is asked for in any case of its letters; None for any other."""
    from workflow_engine.error_advice import ERRORS, JSONATA, advice_on

    known = {each.lower(): each for each in (*ERRORS, *JSONATA)}
    found = known.get(name.strip().lower(), name.strip())
    return found if found in JSONATA or advice_on(found) is not None else None


def _explain_error(name: str, as_json: bool) -> None:
    from workflow_engine.error_advice import JSONATA, advice_on

    entry = JSONATA.get(name) or advice_on(name)
    assert entry is not None
    narrower = [case for _, case in entry.cases]
    if as_json:
        told = {"error": name, **_as_json(entry), "narrower": [_as_json(case) for case in narrower]}
        write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return
    parts = [f"{name} (an error of runs)", *_advice(entry)]
    for case in narrower:
        parts += ["Or, where its message says so:", *(_indented(part) for part in _advice(case))]
    write("\n\n".join(parts) + "\n")


def _as_json(entry: Any) -> dict[str, Any]:
    return {field: getattr(entry, field) for field in ("usual_cause", "what_to_do", "code", "docs")}


def _advice(entry: Any) -> Iterator[str]:
    yield click.wrap_text(f"Usual cause: {entry.usual_cause}", _WIDTH)
    yield click.wrap_text(f"What to do: {entry.what_to_do}", _WIDTH)
    before = (
        f"`workflow explain {entry.code}` explains the finding that may tell it before a run; " if entry.code else ""
    )
    yield click.wrap_text(f"More: {before}{entry.docs}", _WIDTH)


def _explain(code: str, as_json: bool) -> None:
    from workflow_engine.language.explanations import explanation

    told = explanation(code)
    if as_json:
        names = ("code", "severity", "summary", "why", "wrong", "right", "stored")
        write(json.dumps({name: getattr(told, name) for name in names}, indent=2, ensure_ascii=False) + "\n")
        return
    write("\n\n".join(_parts(told)) + "\n")


def _parts(told: Any) -> Iterator[str]:
    from workflow_engine.language.explanations import example_text

    yield f"{told.code} ({told.severity}): {told.summary}"
    yield click.wrap_text(told.why, _WIDTH)
    for name, document in told.stored.items():
        yield f"Where '{name}' is the workflow\n\n{_indented(example_text(document))}"
    for title, document in (("Wrong", told.wrong), ("Right", told.right)):
        if document is not None:
            yield f"{title}:\n\n{_indented(example_text(document))}"


def _indented(text: str) -> str:
    return "\n".join(f"  {each}" for each in text.splitlines())
