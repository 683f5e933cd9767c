"""A definition of a state machine, read once: its states, with their templates ready to be evaluated.

States are in JSONata. A state in JSONPath, the language of a machine that names none, is taken where it has no field of
that language: it passes its input through, and its texts are what they are. What AWS checks when a machine is
created is in `validation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any, Final

from infra.local.stepfunctions.limits import parsed
from workflow_engine.aws_quotas import STATE_SECONDS
from workflow_engine.lazy_dataclass import dataclass

JSONATA: Final = "JSONata"
JSONPATH: Final = "JSONPath"
DEFINITIONS_KEPT: Final = 512

# AWS page "Handling errors in Step Functions workflows", "Retrying after an error": the defaults of a retrier.
DEFAULT_MAX_ATTEMPTS: Final = 3
DEFAULT_INTERVAL_SECONDS: Final = 1
DEFAULT_BACKOFF_RATE: Final = 2.0

RESOURCES: Final = (
    "arn:aws:states:::lambda:invoke",
    "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "arn:aws:states:::states:startExecution",
    "arn:aws:states:::states:startExecution.sync",
    "arn:aws:states:::states:startExecution.sync:2",
)
"""The integrated services that tasks may call here, beside the ARNs of functions and activities."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A text `{% source %}` of a definition. `location` is its place in the state, such as "Output/list[1]/total"."""

    source: str
    location: str


@dataclass(frozen=True, slots=True)
class Template:
    """A value of a definition, in which expressions may stand for values. `value` has `Expression` in their places."""

    value: Any
    is_constant: bool

    @property
    def expression(self) -> Expression | None:
        """The expression, where the whole template is one."""
        return self.value if isinstance(self.value, Expression) else None


@dataclass(frozen=True, slots=True)
class Retrier:
    """When, how often and after how many seconds a failed state is tried again."""

    errors: Sequence[str]
    max_attempts: int
    interval: float
    backoff: float
    max_delay: float
    has_jitter: bool


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out of a state, with what it assigns and gives: the state's own, a catcher's, or a rule's of a Choice.

    `next` is None at the end of the chain.
    """

    next: str | None
    assign: Template | None = None
    output: Template | None = None
    errors: Sequence[str] = ()
    condition: Template | None = None


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a Map has in its distributed mode."""

    is_express: bool
    label: str
    reader: Mapping[str, Any] | None
    reader_arguments: Template | None
    batcher: Mapping[str, Any] | None
    batch_input: Template | None
    writer: Mapping[str, Any] | None
    writer_arguments: Template | None
    tolerated_count: Template | None
    tolerated_percentage: Template | None


@dataclass(frozen=True, slots=True)
class State:
    """One state. `kind` is its Type; what a type does not have is None or empty."""

    name: str
    kind: str
    exit: Exit
    default: Exit | None = None
    rules: Sequence[Exit] = ()
    retriers: Sequence[Retrier] = ()
    catchers: Sequence[Exit] = ()
    resource: str = ""
    arguments: Template | None = None
    timeout: Template | None = None
    heartbeat: Template | None = None
    seconds: Template | None = None
    timestamp: Template | None = None
    error: Template | None = None
    cause: Template | None = None
    items: Template | None = None
    item_selector: Template | None = None
    max_concurrency: Template | None = None
    branches: Sequence[Machine] = ()
    distribution: Distribution | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """A chain of states: a whole machine, a branch, or what a Map does with each item."""

    start: str
    states: Mapping[str, State] = field(repr=False)
    timeout_seconds: int | None = None

    def every_state(self) -> Iterator[State]:
        """All states, those of branches and iterations included."""
        for state in self.states.values():
            yield state
            for branch in state.branches:
                yield from branch.every_state()


@lru_cache(maxsize=DEFINITIONS_KEPT)
def read_definition(text: str) -> Machine:
    """The machine of a definition that `check_definition` accepts. The same text gives the same machine."""
    return _machine(parsed(text), JSONPATH)


def _machine(value: Mapping[str, Any], language: str) -> Machine:
    language = value.get("QueryLanguage", language)
    states = {name: _state(name, state, language) for name, state in value["States"].items()}
    return Machine(value["StartAt"], states, value.get("TimeoutSeconds"))


def _state(name: str, value: Mapping[str, Any], machine_language: str) -> State:
    language = value.get("QueryLanguage", machine_language)

    def template(key: str, of: Mapping[str, Any] = value, location: str | None = None) -> Template | None:
        return read_template(of[key], location or key, language) if key in of else None

    kind = value["Type"]
    is_choice = kind == "Choice"
    own = Exit(None if is_choice else value.get("Next"), template("Assign"), template("Output"))
    processor = value.get("ItemProcessor") or value.get("Iterator")
    machines = [*value.get("Branches", ()), *([processor] if processor else [])]
    return State(
        name=name,
        kind=kind,
        exit=own,
        default=Exit(value["Default"], own.assign, own.output) if "Default" in value else None,
        rules=[_rule(index, rule, language) for index, rule in enumerate(value.get("Choices", ()))],
        retriers=[_retrier(retrier) for retrier in value.get("Retry", ())],
        catchers=[
            Exit(
                catcher["Next"],
                template("Assign", catcher, f"Catch[{index}]/Assign"),
                template("Output", catcher, f"Catch[{index}]/Output"),
                catcher["ErrorEquals"],
            )
            for index, catcher in enumerate(value.get("Catch", ()))
        ],
        resource=value.get("Resource", ""),
        arguments=template("Arguments"),
        timeout=template("TimeoutSeconds"),
        heartbeat=template("HeartbeatSeconds"),
        seconds=template("Seconds"),
        timestamp=template("Timestamp"),
        error=template("Error"),
        cause=template("Cause"),
        items=template("Items"),
        item_selector=template("ItemSelector"),
        max_concurrency=template("MaxConcurrency"),
        branches=[_machine(machine, machine_language) for machine in machines],
        distribution=_distribution(name, value, language) if processor else None,
    )


def _rule(index: int, rule: Mapping[str, Any], language: str) -> Exit:
    def template(key: str) -> Template | None:
        return read_template(rule[key], f"Choices[{index}]/{key}", language) if key in rule else None

    return Exit(rule["Next"], template("Assign"), template("Output"), condition=template("Condition"))


def _retrier(value: Mapping[str, Any]) -> Retrier:
    return Retrier(
        errors=value["ErrorEquals"],
        max_attempts=value.get("MaxAttempts", DEFAULT_MAX_ATTEMPTS),
        interval=value.get("IntervalSeconds", DEFAULT_INTERVAL_SECONDS),
        backoff=value.get("BackoffRate", DEFAULT_BACKOFF_RATE),
        max_delay=value.get("MaxDelaySeconds", STATE_SECONDS),
        has_jitter=value.get("JitterStrategy", "NONE") == "FULL",
    )


def _distribution(name: str, value: Mapping[str, Any], language: str) -> Distribution | None:
    config = (value.get("ItemProcessor") or {}).get("ProcessorConfig", {})
    if config.get("Mode") != "DISTRIBUTED":
        return None
    reader, batcher, writer = (value.get(key) for key in ("ItemReader", "ItemBatcher", "ResultWriter"))

    def part(of: Mapping[str, Any] | None, key: str, location: str) -> Template | None:
        return read_template(of[key], location, language) if of and key in of else None

    return Distribution(
        is_express=config.get("ExecutionType") == "EXPRESS",
        label=value.get("Label") or name,
        reader=reader,
        reader_arguments=part(reader, "Arguments", "ItemReader/Arguments"),
        batcher=batcher,
        batch_input=part(batcher, "BatchInput", "ItemBatcher/BatchInput"),
        writer=writer,
        writer_arguments=part(writer, "Arguments", "ResultWriter/Arguments"),
        tolerated_count=part(value, "ToleratedFailureCount", "ToleratedFailureCount"),
        tolerated_percentage=part(value, "ToleratedFailurePercentage", "ToleratedFailurePercentage"),
    )


def read_template(value: Any, location: str, language: str = JSONATA) -> Template:
    """A value of a definition as a template; in JSONPath no text is an expression."""
    if language == JSONPATH:
        return Template(value, is_constant=True)
    read = _with_expressions(value, location)
    return Template(value if read is None else read, is_constant=read is None)


def _with_expressions(value: Any, location: str) -> Any:
    """The value with expressions in it, or None where it has none."""
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        return Expression(value[2:-2].strip(), location)
    if isinstance(value, dict):
        found = {key: _with_expressions(item, f"{location}/{key}") for key, item in value.items()}
        if any(item is not None for item in found.values()):
            return {key: value[key] if item is None else item for key, item in found.items()}
    if isinstance(value, list):
        items = [_with_expressions(item, f"{location}[{index}]") for index, item in enumerate(value)]
        if any(item is not None for item in items):
            return [own if item is None else item for own, item in zip(value, items, strict=True)]
    return None


def in_jsonata(definition: Mapping[str, Any], language: str = JSONPATH) -> dict[str, Any]:
    """The definition as a whole in JSONata, for who reads only that: states without JSONPath fields mean the same in it."""
    language = definition.get("QueryLanguage", language)
    if language == JSONATA:
        return dict(definition)
    written = {name: value for name, value in definition.items() if name != "States"}
    states = definition.get("States")
    if isinstance(states, Mapping):
        written["States"] = {name: _state_in_jsonata(state) for name, state in states.items()}
    return {"QueryLanguage": JSONATA, **{k: v for k, v in written.items() if k != "QueryLanguage"}}


def _state_in_jsonata(state: Any) -> Any:
    if not isinstance(state, Mapping):
        return state
    # A container in JSONata may hold states in JSONPath while the machine itself is in JSONPath.
    written = {name: value for name, value in state.items() if name != "QueryLanguage"}
    for key in ("ItemProcessor", "Iterator"):
        if isinstance(written.get(key), Mapping):
            written[key] = _without_language(in_jsonata(written[key]))
    if isinstance(written.get("Branches"), Sequence):
        written["Branches"] = [
            _without_language(in_jsonata(b)) if isinstance(b, Mapping) else b for b in written["Branches"]
        ]
    return written


def _without_language(machine: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in machine.items() if name != "QueryLanguage"}
