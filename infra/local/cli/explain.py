"""`workflow explain`: what the code of a finding means, with a workflow that gets it and the same one mended."""

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

    Without CODE all codes are listed.
    """
    from workflow_engine.language.diagnostics import CODES

    codes = {**CODES, **_OF_TEXTS}
    if code is None:
        _list(codes, as_json)
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
    from workflow_engine.suggestions import suggest

    advice = suggest(code[:20].upper(), codes) or " `workflow explain` lists them."
    raise click.UsageError(f"There is no code '{code[:40]}'.{advice}")


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
