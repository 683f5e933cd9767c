"""The output of each step type of this function, and of a prompt that is kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from agent_runtime.agents import Run, run_agent_step
from agent_runtime.services import Services, StepCall
from agent_runtime.texts import FillableText
from agent_runtime.toolbox import ToolFailedError, open_toolbox
from workflow_engine.errors import InvalidStepInput, NotFoundError, StepReportedFailure

Object = Mapping[str, Any]

_MODEL_FIELDS: Final = ("provider_type", "model", "temperature", "top_p", "max_tokens")


def output_of(services: Services, config: Object, input_data: Object, call: StepCall) -> dict[str, Any]:
    """The step's output.

    Raises LlmError and McpServerError for what lies with others, `InvalidStepInput` for a configuration or an input
    that cannot be meant, `StepReportedFailure` for a tool that failed.
    """
    compute = _STEPS.get(call.step_type)
    if compute is None:
        raise InvalidStepInput(f"step_agent has no step type '{call.step_type}'.")
    try:
        return compute(services, config, input_data, call)
    except RecursionError:
        raise InvalidStepInput("The data is nested too deeply.") from None


def _prompt(services: Services, config: Object, input_data: Object, call: StepCall) -> dict[str, Any]:
    """A prompt for the agents after it; the texts of a stored one as far as their variables are known here."""
    prompt_id, version = config.get("prompt_id"), config.get("prompt_version")
    stored: Object = {}
    if prompt_id is not None:
        try:
            found = services.prompt(call.tenant_id, prompt_id, version)
        except NotFoundError as error:
            raise InvalidStepInput(str(error)) from None
        stored, version = found.document, found.version
    declared = {v["name"]: v for v in stored.get("variables", ())}
    defaults = {name: v["default"] for name, v in declared.items() if "default" in v}
    mapped = input_data.get("variables")
    given = {
        **input_data,
        **(mapped if isinstance(mapped, Mapping) else {}),
        **_variables(config.get("variables") or {}, input_data),
    }
    values = {**defaults, **given}
    missing = [name for name, v in declared.items() if v.get("required") and values.get(name) is None]
    if missing:
        raise InvalidStepInput(f"The prompt '{prompt_id}' needs a value for {', '.join(missing)}.")
    own = {name: _text(config.get(name), stored.get(name)) for name in ("system_prompt", "query_template")}
    texts = {name: text.filled(values) if text else None for name, text in own.items()}
    model = {name: source[name] for source in (stored, config) for name in _MODEL_FIELDS if name in source}
    used = {name for text in texts.values() if text for name in text.names()}
    return {
        "kind": "prompt",
        "prompt_id": prompt_id,
        "prompt_version": version,
        **{name: str(text) if text else None for name, text in texts.items()},
        "pieces": {name: text.as_pieces() for name, text in texts.items() if text and text.names()},
        "variables": {name: value for name, value in values.items() if name in used},
        "input": {},
        "overrides": model,
    }


def _text(own: Any, stored: str | None) -> FillableText | None:
    """A text of the step, else that of the stored prompt."""
    if own:
        return FillableText.of_step(own)
    return FillableText.of_definition(stored) if stored else None


def _variables(configured: Object | Sequence[Object], input_data: Object) -> dict[str, Any]:
    """The values that a step gives its prompt; of a list those that its input has, else their defaults."""
    if isinstance(configured, Mapping):
        return dict(configured)
    values = {}
    for variable in configured:
        found = _picked(input_data, variable.get("source", variable["name"]))
        value = variable.get("default_value") if found is None else found
        if value is not None:
            values[variable["name"]] = value
    return values


def _tool(services: Services, config: Object, input_data: Object, call: StepCall) -> dict[str, Any]:
    """One tool, called once."""
    name = config["tool_name"]
    mapping = config.get("param_mapping")
    mapped = dict(input_data) if mapping is None else {to: _picked(input_data, path) for to, path in mapping.items()}
    params = {**(config.get("static_params") or {}), **mapped}
    run = Run.of(services, call)
    with ExitStack() as opened:
        toolbox = open_toolbox(opened, run, [name], partial(run.ask_agent, None), depth=0)
        only = next(iter(toolbox.by_name), "")
        if len(toolbox.by_name) != 1:
            why = " ".join(("Name one: mcp:SERVER/TOOL.", *toolbox.warnings))
            raise InvalidStepInput(f"'{name}' names {len(toolbox.by_name)} tools. {why}")
        try:
            result = toolbox.call(only, params)
        except ToolFailedError as error:
            raise StepReportedFailure(str(error)) from error
    return {"success": True, "tool": name, "params": params, "result": result, "executed_at": run.timestamp()}


def _picked(input_data: Object, path: str) -> Any:
    """The entry of the input that `a.b` names, null where there is none."""
    found: Any = input_data
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


_STEPS: Final[Mapping[str, Callable[[Services, Object, Object, StepCall], dict[str, Any]]]] = {
    "agent_execution": run_agent_step,
    "agent": run_agent_step,
    "prompt": _prompt,
    "tool_execution": _tool,
    "tool": _tool,
}
