"""From a posted document to what can be stored and started."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import workflow_engine
from workflow_engine.language.catalogue import split_version
from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError, Json, has_errors
from workflow_engine.language.document import UNNAMED
from workflow_engine.language.findings import Findings
from workflow_engine.language.walk import walk_steps
from workflow_engine.language.wellformed import check_well_formed
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store.items import dump
from workflow_engine.store.names import Name
from workflow_engine.store.workflows import SNAPSHOT_PREFIX, Compiled, StoredWorkflow
from workflow_engine.usecases.bodies.workflow import PostedWorkflow
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.compiler import Compilation
    from workflow_engine.language.syntax import Workflow
    from workflow_engine.steps import Catalogue
    from workflow_engine.usecases.answers import Finding
    from workflow_engine.usecases.workflows.subflows import StoredWorkflows

_COMPILING_ROOMS: Final = ("agents", "language", "compiler", "steps")

_STEP_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}(@[1-9][0-9]{0,7})?")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The step types that a document may use: the built-in ones, and those registered ones that it names. `missing` warns of
    what it names beside step types and was looked up in vain; `stored` gives the workflows that it names as subflows.
    """

    catalogue: Catalogue
    registrations: Mapping[str, Mapping[str, Json]]
    missing: tuple[Diagnostic, ...] = ()
    stored: StoredWorkflows = lambda _id, _version: None

    def fingerprint(self) -> str:
        """Changes when a registration changes in what compiling depends on, or the engine itself does. JSON text."""
        from workflow_engine.steps.registered import compiled_of

        registered = {name: compiled_of(r) for name, r in sorted(self.registrations.items())}
        return dump([_engine_version(), registered])


def vocabulary(engine: Engine, caller: Caller, document: Json, *, looks_names_up: bool = False) -> Vocabulary:
    """The step types for a document. One BatchGetItem when it names types that are not built in, else no call.

    With `looks_names_up` the same call looks for the agents, prompts, tools and MCP servers that the document names.
    """
    from workflow_engine.steps import builtin_catalogue
    from workflow_engine.usecases.workflows.named import mentions_in, missing, to_look_up
    from workflow_engine.usecases.workflows.reminders import reminders_in

    catalogue = builtin_catalogue()
    named = {step.get("step_type") for _, step in walk_steps(document) if isinstance(step.get("step_type"), str)}
    named |= {reminder.step_type for reminder in reminders_in(document)}
    unknown = [t for t in named if isinstance(t, str) and catalogue.find(t) is None and _STEP_TYPE.fullmatch(t)]
    mentions = mentions_in(document, catalogue) if looks_names_up else ()
    types = {step_type: split_version(step_type) for step_type in sorted(unknown)}
    names = [Name("step", name, v) for name, version in types.values() for v in {None, version}]
    found = engine.names.find_many(caller.tenant_id, dict.fromkeys([*names, *to_look_up(mentions)]))
    registrations, unpinned = {}, {}
    for step_type, (name, version) in types.items():
        in_use = found.get(Name("step", name))
        chosen = engine.steps.chosen(step_type, in_use, found.get(Name("step", name, version)))
        if chosen is not None:
            registrations[step_type] = {**chosen, "step_type": step_type}
        elif in_use is not None:  # so that what is wrong with the version can be said
            unpinned[name] = engine.steps.of_record(in_use)
    if registrations or unpinned:
        catalogue = catalogue.with_registered({**unpinned, **registrations}.values())
    stored = partial(engine.workflows.find, caller.tenant_id)
    return Vocabulary(catalogue, registrations, missing(mentions, found), stored)


def compile_posted(
    posted: PostedWorkflow, words: Vocabulary, workflow_id: str | None = None
) -> tuple[Compilation, tuple[Diagnostic, ...]]:
    """Parse and compile; gives the compilation and all warnings. `workflow_id` is what it is to be stored under. Raises
    InvalidWorkflowError, pointers into the body.
    """
    from workflow_engine.compiler import compile_workflow
    from workflow_engine.language import parse_workflow
    from workflow_engine.usecases.workflows.named import impossible, mentions_in
    from workflow_engine.usecases.workflows.reminders import check_reminders

    parsed = parse_workflow(posted.document, words.catalogue)
    wrong = impossible(mentions_in(posted.document, words.catalogue), words.catalogue)
    wrong += check_reminders(posted.document, words.catalogue)
    if parsed.workflow is None or wrong:
        raise InvalidWorkflowError(posted.placed((*wrong, *parsed.diagnostics, *words.missing)))
    try:
        compilation = compile_workflow(parsed.workflow, words.catalogue)
    except InvalidWorkflowError as error:
        found = (*error.diagnostics, *(d for d in parsed.diagnostics if d not in error.diagnostics), *words.missing)
        raise InvalidWorkflowError(posted.placed(found)) from error
    of_subflows = _of_subflows(compilation, parsed.workflow, words, workflow_id or posted.document.get("workflow_id"))
    told = posted.placed((*parsed.diagnostics, *of_subflows, *compilation.warnings, *words.missing))
    if has_errors(of_subflows):
        raise InvalidWorkflowError(told)
    return compilation, told


def _of_subflows(
    compilation: Compilation, workflow: Workflow, words: Vocabulary, workflow_id: str | None
) -> tuple[Diagnostic, ...]:
    if "subflows" not in compilation.bindings:
        return ()
    from workflow_engine.usecases.workflows.subflows import subflow_findings  # which most workflows have none of

    return subflow_findings(workflow, workflow_id, words.stored)


def compiler_of(words: Vocabulary) -> str:
    """Names, in 32 characters, what a document was compiled with: equal ones give equal results."""
    return hashlib.sha256(words.fingerprint().encode()).hexdigest()[:32]


def with_machine(engine: Engine, compilation: Compilation, words: Vocabulary) -> Compiled:
    """What is stored of a compilation, once its machine exists."""
    machine = engine.machines.ensure(compilation.definition)
    return replace(without_machine(engine, compilation, words), machine_arn=machine.machine_arn)


def without_machine(engine: Engine, compilation: Compilation, words: Vocabulary) -> Compiled:
    """What would be stored of a compilation, but for the ARN of its machine, which need not exist."""
    return Compiled(
        bindings=compilation.bindings,
        outline=compilation.outline,
        plan=compilation.plan,
        functions=tuple(compilation.bindings["functions"]),
        machine_hash=engine.machines.hash_of(compilation.definition),
        machine_arn="",
        compiler=compiler_of(words),
        fan_out=compilation.fan_out,
    )


def first_version(
    engine: Engine,
    caller: Caller,
    posted: PostedWorkflow,
    workflow_id: str,
    compilation: Compilation,
    words: Vocabulary,
    *,
    listed: bool = True,
) -> StoredWorkflow:
    """A posted workflow in its stored form, once its machine exists. Nothing is stored yet."""
    now = engine.timestamp()
    return StoredWorkflow(
        tenant_id=caller.tenant_id,
        id=workflow_id,
        version=1,
        name=posted.document.get("name") or UNNAMED,
        document=posted.document,
        compiled=with_machine(engine, compilation, words),
        created_at=now,
        updated_at=now,
        created_by=caller.user_id,
        listed=listed,
    )


def is_plain(document: Json) -> bool:
    """False for JSON that cannot even be walked or printed; parsing it reports why."""
    return isinstance(document, dict) and check_well_formed(document, Findings())


def snapshot_id(document: Json, words: Vocabulary) -> str:
    """The id under which a workflow that is posted to be run once is kept: equal posts share it, and its compiled form.

    The order of keys counts, because it is the order of a step's inputs.
    """
    return SNAPSHOT_PREFIX + hashlib.sha256(f"{words.fingerprint()}\n{dump(document)}".encode()).hexdigest()[:32]


def findings(diagnostics: tuple[Diagnostic, ...]) -> tuple[list[Finding], list[Finding]]:
    """Errors and warnings, as the API shows them."""
    told: dict[str, list[Finding]] = {"error": [], "warning": []}
    for d in diagnostics:
        told[d.severity].append(cast("Finding", d.as_dict()))
    return told["error"], told["warning"]


@cache
def _engine_version() -> str:
    """Hash of the code that decides what a workflow compiles to: what an older engine compiled is not taken for current. All of
    the ground floor counts, since most of it decides.

    In a layer the package lies as files, without a version; a few milliseconds once per process, where it is asked for.
    """
    package = Path(workflow_engine.__file__).parent
    digest = hashlib.sha256()
    rooms = [path for room in _COMPILING_ROOMS for path in sorted((package / room).rglob("*.py"))]
    for path in (*rooms, *sorted(package.glob("*.py"))):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
