"""What may be read where: step ids, scope words and the bodies of containers.

A step may read its siblings, the siblings of the containers around it, the item and index of the innermost `for_each`
or `map` around it, the index of a loop, and by the id of a loop around it that loop's previous turn. From outside a
container only the container itself is readable.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field
from typing import Final

from workflow_engine.language.condition_text import LITERAL_WORDS, OPERATOR_WORDS
from workflow_engine.language.findings import Findings, quoted
from workflow_engine.language.references import reference_text
from workflow_engine.language.syntax import SCOPE_WORDS, Reference, ScopeReference, StepReference
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import with_advice

RESERVED_IDS: Final = frozenset((*SCOPE_WORDS, *OPERATOR_WORDS, *LITERAL_WORDS))
"""Words that a condition or reference would read as something else. No step can have them as its id."""


@dataclass(frozen=True, slots=True)
class Items:
    """A reference to a list, and the scope in which it stands."""

    reference: Reference
    scope: Scope


@dataclass(frozen=True, slots=True)
class Scope:
    """A body of steps. `container` is the step that holds it (None at the top), `outer` the scope of that step.

    `items` is the list whose elements `item` is, where its reference could be read. `after_failure` says that the steps run
    when the run has failed, so that `failure` is known; `element_of` is a step of which they read what one element gave.
    """

    steps: Collection[str]
    outer: Scope | None = None
    container: str | None = None
    is_loop: bool = False
    has_item: bool = False
    has_index: bool = False
    items: Items | None = None
    after_failure: bool = False
    element_of: str | None = None

    def chain(self) -> tuple[str, ...]:
        """Ids of the containers around this scope, the outermost first."""
        around: list[str] = []
        scope: Scope | None = self
        while scope is not None and scope.container is not None:
            around.insert(0, scope.container)
            scope = scope.outer
        return tuple(around)


@dataclass(slots=True)
class StepIndex:
    """Every step id of a workflow: where it was declared and within which containers; `after_failure` are those of steps that
    run only when the run fails.
    """

    pointers: dict[str, str] = field(default_factory=dict)
    containers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    after_failure: set[str] = field(default_factory=set)

    def declare(self, step_id: str, pointer: str, containers: tuple[str, ...], findings: Findings) -> None:
        """Enter a step; report an id that is taken (WFE-E200) or reserved (WFE-E201)."""
        if step_id in RESERVED_IDS:
            detail = f"'{step_id}' is a word of the language. Choose another step id, such as 'my_{step_id}'."
            findings.add("WFE-E201", pointer + "/step_id", detail)
        if step_id in self.pointers:
            taken = f"The step id '{step_id}' is already taken by the step at {self.pointers[step_id]}."
            detail = f"{taken} Ids are unique in the whole workflow, containers included."
            findings.add("WFE-E200", pointer + "/step_id", detail)
            return
        self.pointers[step_id] = pointer
        self.containers[step_id] = containers

    def __contains__(self, step_id: object) -> bool:
        return step_id in self.pointers


def unresolved(
    reference: Reference,
    scope: Scope,
    reader: str | None,
    index: StepIndex,
    findings: Findings,
    literal: str = "",
) -> tuple[str, str] | None:
    """Code and sentence of why `reader` (a step id, or None for an output) in `scope` cannot read this; None if it
    can. `literal` shows how a text would be written there, with `{}` for the text.
    """
    if isinstance(reference, ScopeReference):
        return _unresolved_word(reference, scope)
    step_id = reference.step_id
    level: Scope | None = scope
    inner: Scope | None = None
    while level is not None:
        if step_id in level.steps:
            return _own_or_around(step_id, reader if inner is None else None, inner)
        level, inner = level.outer, level
    if step_id in index.after_failure and (not scope.after_failure or not index.containers[step_id]):
        return "WFE-E216", _after_failure(step_id, scope)
    if step_id in index:
        return _inside_container(step_id, scope, index)
    return (
        "WFE-E204",
        with_advice(
            f"{quoted(step_id)} is neither the id of a step nor a scope word.",
            _meant(reference, index, findings, literal),
        ),
    )


_WORDS_OF_OTHER_LANGUAGES: Final = {
    "True": "true",
    "False": "false",
    **dict.fromkeys(("None", "nil", "undefined"), "null"),
}


def _meant(reference: StepReference, index: StepIndex, findings: Findings, literal: str) -> str:
    """What the author of a reference to no step may have meant."""
    step_id, path = reference.step_id, reference.path
    if not path and step_id in _WORDS_OF_OTHER_LANGUAGES:
        return f" Did you mean {_WORDS_OF_OTHER_LANGUAGES[step_id]}?"
    if path and path[0] in index and isinstance(path[0], str):
        return f" A step is read by its id alone: {quoted(reference_text(StepReference(path[0], 'output', path[1:])))}."
    near = findings.suggest(step_id, [*index.pointers, "input", "variables", "execution"])
    text = "" if path else literal.replace("{}", step_id)
    if near or text:
        return near if not text else near + text  # a text without a path may be no reference at all
    return " Known are the step ids and input, variables, item, index, execution."


def _unresolved_word(reference: ScopeReference, scope: Scope) -> tuple[str, str] | None:
    if reference.word == "item" and not scope.has_item:
        return "WFE-E206", "'item' is known only in a step with for_each and in the steps of a map."
    if reference.word == "failure" and not scope.after_failure:
        return "WFE-E217", "'failure' is known only in the steps of 'on_failure' and 'compensate'."
    if reference.word == "index" and not scope.has_index:
        return "WFE-E206", "'index' is known only in a step with for_each and in the steps of a map or loop."
    return None


def _own_or_around(step_id: str, reader: str | None, inner: Scope | None) -> tuple[str, str] | None:
    """A step that is in reach may still be the reader itself, or a container around it that has not ended."""
    if step_id == reader:
        return "WFE-E203", f"The step '{step_id}' reads itself. It can read only other steps."
    if inner is not None and inner.container == step_id and not inner.is_loop:
        return "WFE-E203", f"A step inside '{step_id}' cannot read '{step_id}', which has not ended by then."
    return None


def _after_failure(step_id: str, scope: Scope) -> str:
    if scope.after_failure:
        return f"The step '{step_id}' cannot be read from here: each 'compensate' reads its own steps and those of the workflow."
    return f"The step '{step_id}' runs only when the run fails. Read it in a step of 'on_failure'."


def _inside_container(step_id: str, scope: Scope, index: StepIndex) -> tuple[str, str]:
    around = scope.chain()
    foreign = next((c for c in index.containers[step_id] if c not in around), index.containers[step_id][-1])
    advice = f"Read the container '{foreign}', whose output has the outputs of its last steps by id."
    return "WFE-E207", f"The step '{step_id}' is inside '{foreign}' and cannot be read from here. {advice}"


def unknown_dependency(step_id: str, scope: Scope, index: StepIndex, findings: Findings) -> str:
    """The sentence for a dependency that is no sibling."""
    if step_id in index.after_failure:
        return _after_failure(step_id, scope)
    if scope.after_failure and step_id in index and scope.container is None:
        return (
            f"The step '{step_id}' has ended, or never will, when steps run that deal with a failure. Remove the dependency; "
            f"the steps here may read '{step_id}' and '{step_id}.status'."
        )
    if step_id in index:
        inside = index.containers[step_id]
        foreign = next((c for c in inside if c not in scope.chain()), None)
        if foreign:
            return f"The step '{step_id}' is inside '{foreign}'. Depend on '{foreign}' instead."
        return f"The step '{step_id}' is outside this container. Let the container depend on it."
    return with_advice(f"There is no step {quoted(step_id)}.", findings.suggest(step_id, list(scope.steps)))
