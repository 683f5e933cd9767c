"""How a step type is lowered: what the compiler asks of the catalogue beyond what the language asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Final, Protocol

from workflow_engine.compiler.jsonata.fragments import Fragment
from workflow_engine.language.catalogue import StepTypeSpec
from workflow_engine.language.syntax import Reference, RetryPolicy, ScopeReference
from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class MappedInput:
    """One entry of a pure step's input_data. `present` is a boolean fragment, None when the key is always there.

    Only the default mapping (`{dependency_id: output}` of completed dependencies) has keys that may be absent.
    """

    name: str
    value: Fragment
    present: Fragment | None = None


@dataclass(frozen=True, slots=True)
class PureContext:
    """What the builder of a pure step may use.

    `config(key)` reads a top-level config value at run time (null when the client gave none), so that values stay out of
    the definition; `static_config` is for what decides the code, such as a mode. `inputs` are in mapping order; `input_data`
    is the object of all of them. `templates` are the rendered template fields, `template_pieces` those whose own text may
    hold `{names}` in pieces (`expressions.pieces_fragment`), `expressions` the values of the fields that are JSONata.
    `entered` is when the state was entered, as text (ISO 8601), the same in every expression of the state. `read` gives the
    value of a reference. `declared` counts the inputs as the workflow declares them: entries of input_mapping, else
    dependencies, also those that cannot complete; `mapped` tells which of the two.
    """

    static_config: Mapping[str, Any]
    config: Callable[[str], Fragment]
    inputs: tuple[MappedInput, ...]
    input_data: Fragment
    templates: Mapping[str, Fragment]
    template_pieces: Mapping[str, Fragment]
    expressions: Mapping[str, Fragment]
    entered: Fragment
    read: Callable[[Reference], Fragment]
    declared: int
    mapped: bool
    step_id: str


@dataclass(frozen=True, slots=True)
class PureLowering:
    """The step is a value computed in JSONata; it becomes a `Pass` state. `build` gives the step's output.

    `growth_bytes` bounds by how much the output may exceed the sum of what it reads (config and inputs), in bytes of JSON,
    after that was taken `growth_factor` times.
    `constant` are fields of the output that are known before the run, with their values; `handed_on` are fields whose value
    is what a reference without `[*]` reads from the run's input. `no_input` as for a Task.
    """

    build: Callable[[PureContext], Fragment]
    growth_bytes: int = 512
    constant: Mapping[str, Any] = field(default_factory=dict)
    handed_on: Mapping[str, ScopeReference] = field(default_factory=dict)
    growth_factor: int = 1
    no_input: str | None = None


@dataclass(frozen=True, slots=True)
class Late:
    """What a step comes to whose time is over: the output that `build` gives, from the values of its configuration; without
    one it fails, with this error and cause.
    """

    build: Callable[[Callable[[str], Fragment]], Fragment] | None = None
    error: str = ""
    cause: str = ""


OUTPUT_CHECK: Final = "output_check"
"""What `step_data` is told as the step type where it holds an output to a schema (`TaskLowering.checked_by`)."""


@dataclass(frozen=True, slots=True)
class TaskLowering:
    """The step is a Lambda function, named by an alias that the execution input's `functions` maps to an ARN.

    `timeout_seconds` is None where the function's own timeout is enough. `transient_errors` are names of errors (Lambda's
    `errorType`) that pass by themselves: they are retried unless the step says how to retry. `final_errors` are never
    retried, whatever the step says. With `tells_timeout` the function learns how long the step may take, so that it can
    end in time by itself; a Task that timed out leaves its function running. With `names_inputs_of_type` it learns which
    entries of its input are whole outputs of steps of that type, which their form alone would not prove. `paid` says that
    somebody else's bill grows with each call, such as that of a model. With `fills_names` the function fills `{names}` in
    its template fields, which then come in pieces where their own text may hold some. `without_input` is the sentence for
    a step that is sure to get an empty input, and would fail for it; None where an empty input is as good as any. `no_input`
    is the sentence that says why this step's output is as good as none to such a step; None where it is one. `of_text` does
    the same without a call where the only input has one of these names and is sure to be a text. With `calls_endpoint` the
    function sends the step to the endpoint that the execution input's `endpoints` has under the alias, and learns beside
    the step's payload what it needs for that: `call`, an object of `endpoint`, `entered_at` and `timeout_seconds`. `activity` is
    the ARN of an activity whose workers do the step, in the place of a function; one that tells nothing for
    `heartbeat_seconds` is taken for lost. `retry` is how a step is retried that says
    nothing itself; `expected_seconds` how long it usually takes, None where nothing tells. With `waits_for_answer` the
    function only begins the step: its output is what somebody sends later, by the token that the function gets in `call`,
    beside `redrive`, `entered_at` and `timeout_seconds`. `late` is what such a step comes to when nobody does in time; None
    where it then fails as any other. With `fills_texts` the function fills the nested templates itself, by what a value means
    at its place, such as a part of a URL: `call` has `texts`, the pieces of each by its pointer in the configuration
    (`jsonata.sources.values_fragment`), and the other fields but `endpoint`. With `starts_child` no function does the step but
    a run of the workflow that the configuration names, whose input is the step's. `checked_by` is the alias of the function of
    ours that holds what a client's function gave to the schema that the execution input's `output_schemas` has under the step's
    alias. `memory_mb` is the memory of the function where that is known, since Lambda bills by it.
    """

    function: str
    timeout_seconds: int | None = None
    transient_errors: tuple[str, ...] = ()
    final_errors: tuple[str, ...] = ()
    tells_timeout: bool = False
    names_inputs_of_type: str | None = None
    paid: bool = False
    fills_names: bool = False
    without_input: str | None = None
    no_input: str | None = None
    of_text: Mapping[str, PureLowering] = field(default_factory=dict)
    calls_endpoint: bool = False
    fills_texts: bool = False
    activity: str | None = None
    heartbeat_seconds: int | None = None
    retry: RetryPolicy | None = None
    expected_seconds: float | None = None
    waits_for_answer: bool = False
    late: Late | None = None
    starts_child: bool = False
    checked_by: str | None = None
    memory_mb: int | None = None


@dataclass(frozen=True, slots=True)
class WaitLowering:
    """The step waits. `seconds` is a whole number within 0..99,999,999, or null for an invalid value, which fails the step.

    `build` gives the output after the wait. `expected_seconds` is how long it takes, None where only the run can tell.
    """

    seconds: Callable[[PureContext], Fragment]
    build: Callable[[PureContext], Fragment]
    expected_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class FailLowering:
    """The step fails, with the rendered templates `error` and `message` of its configuration."""


@dataclass(frozen=True, slots=True)
class ContainerLowering:
    """The step holds other steps: `map`, `loop` or `switch`, told apart by `Step.body`."""


Lowering = PureLowering | TaskLowering | WaitLowering | FailLowering | ContainerLowering


class CompilableStepType(StepTypeSpec, Protocol):
    """A step type that can be compiled."""

    def lowering(self, config: Mapping[str, Any]) -> Lowering:
        """How a step with this configuration (valid under `config_schema`) is lowered."""

    @property
    def output_fields(self) -> frozenset[str]:
        """Keys that every output is sure to have, as an object; none where a client's function gives the output."""


class CompilerCatalogue(Protocol):
    """The catalogue as the compiler sees it; `workflow_engine.steps` provides it."""

    def find(self, step_type: str) -> CompilableStepType | None: ...

    def names(self) -> Iterable[str]: ...
