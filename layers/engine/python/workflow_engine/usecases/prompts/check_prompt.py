"""Prompts: what a document of one must be, and what may go wrong with it all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.language.diagnostics import pointer
from workflow_engine.language.findings import Findings
from workflow_engine.usecases.definitions.check_definition import DefinitionKind
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import PromptPage, StoredPrompt

TEXTS: Final = ("system_prompt", "query_template")


def _schema() -> Mapping[str, Any]:
    from workflow_engine.agents.schema import PROMPT_DOCUMENT

    return PROMPT_DOCUMENT


def examine(document: Mapping[str, Any], findings: Findings) -> None:
    """What a JSON Schema cannot say of a prompt: no variable is declared twice."""
    names: set[str] = set()
    for number, variable in enumerate(document.get("variables", ())):
        if variable["name"] in names:
            place = pointer("variables", number, "name")
            findings.add("WFE-E104", place, f"The variable '{variable['name']}' is declared twice. Remove one.")
        names.add(variable["name"])


def warnings(_engine: Engine, _caller: Caller, document: Mapping[str, Any]) -> list[str]:
    """Variables that are declared and not used, and a retired model."""
    from workflow_engine.agents.placeholders import names_in
    from workflow_engine.agents.retired_models import retirement

    used = {name for text in TEXTS for name in names_in(document.get(text) or "")}
    unused = [v["name"] for v in document.get("variables", ()) if v["name"] not in used]
    found = [f"The variable '{name}' is declared, but neither text uses it." for name in unused]
    retired = retirement(document["model"]) if document.get("model") else None
    return [*found, *([retired] if retired else [])]


def _settle(document: Mapping[str, Any]) -> dict[str, Any]:
    from workflow_engine.agents.aliases import PROMPT_ALIASES, settled

    return settled(document, PROMPT_ALIASES)


PROMPTS: Final[DefinitionKind[StoredPrompt, PromptPage]] = DefinitionKind(
    "prompt", _schema, "name", lambda engine: engine.prompts, examine, warnings, _settle
)
