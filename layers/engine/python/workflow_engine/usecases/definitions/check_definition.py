"""What agents and prompts have in common: documents that are checked by a JSON Schema and kept in versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.findings import Findings
from workflow_engine.language.step_config import ConfigChecker, Wording
from workflow_engine.language.wellformed import check_well_formed
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store.versions import Version, VersionStore
from workflow_engine.usecases.engine import Caller, Engine

StoredT = TypeVar("StoredT")
"""A version as it is answered: `answers.StoredAgent`."""
PageT = TypeVar("PageT")
"""A page of versions as it is answered: `answers.AgentPage`."""

Warn = Callable[[Engine, Caller, Mapping[str, Any]], list[str]]
"""Sentences about a document that is valid and may yet not do what was meant."""


@dataclass(frozen=True, slots=True)
class DefinitionKind(Generic[StoredT, PageT]):
    """A kind of definition: its word (`agent`), the schema of its documents, the field that names it, and checks beyond
    the schema. `examine` adds findings, `settle` gives a document that fits with its fields under their own names.
    """

    word: str
    schema: Callable[[], Mapping[str, Any]]
    name_field: str
    store: Callable[[Engine], VersionStore[Version]]
    examine: Callable[[Mapping[str, Any], Findings], None]
    warn: Warn
    settle: Callable[[Mapping[str, Any]], dict[str, Any]]

    @property
    def id_field(self) -> str:
        """`agent_id`."""
        return f"{self.word}_id"


def checked(kind: DefinitionKind[Any, Any], body: Json) -> dict[str, Any]:
    """The document of a body. Raises InvalidRequestError with every finding."""
    refuse_misfits(kind.word, kind.schema(), kind.examine, body)
    return kind.settle(body)


def refuse_misfits(
    word: str,
    schema: Mapping[str, Any],
    examine: Callable[[Mapping[str, Any], Findings], None],
    document: Json,
    place: str = "",
) -> None:
    """Raises InvalidRequestError with every finding, pointers below `place`, unless a document is what its schema and
    `examine` ask for. `word` is what it should be.
    """
    findings = Findings()
    if check_well_formed(document, findings):
        if isinstance(document, dict):
            wording = Wording(f"{'An' if word[0] in 'aeiou' else 'A'} {word}", "field", "body", "its schema")
            ConfigChecker(findings).check_document(wording, schema, document)
            if not findings.has_errors:
                examine(document, findings)
        else:
            findings.add("WFE-E100", "", "The body must be a JSON object.")
    if findings.has_errors:
        raise InvalidRequestError(
            f"This is not a valid {word}; `errors` tells where and what to do.",
            errors=[{**d.as_dict(), "pointer": place + d.pointer} for d in findings.in_document_order(document)],
        )
