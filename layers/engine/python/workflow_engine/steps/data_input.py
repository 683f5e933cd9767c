"""`data_input`: data for the steps after it, from the workflow itself or from the run's input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflow_engine.aws_quotas import PAYLOAD_BYTES
from workflow_engine.compiler.catalogue import Lowering, PureContext, PureLowering
from workflow_engine.compiler.jsonata.fragments import Fragment, json_literal, object_fragment
from workflow_engine.json_schema import Path
from workflow_engine.language.references import MalformedTextError, parse_reference
from workflow_engine.language.syntax import LiteralValue, ScopeReference, Source, Wildcard
from workflow_engine.schema_parts import SUCCESS, TIMESTAMP, object_schema, output_schema, property_schema
from workflow_engine.steps.sources import apply
from workflow_engine.steps.step_type import StepType

_INPUT_TYPES: Final = ["static", "dynamic"]
_NOTHING: Final[Mapping[str, Any]] = {}
"""What a static input without `data` gives."""

_LETTER: Final = "A-Za-z_$@\u00aa-\U0010ffff"
_NAME: Final = f"([0-9]{{1,9}}([{_LETTER}-][0-9{_LETTER}-]*)?|[{_LETTER}][0-9{_LETTER}-]*)"
_BRACKETS: Final = r"""\[(-?[0-9]{1,9}|\*|"[^"\\]*"|'[^'\\]*')\]"""
SOURCE_PATTERN: Final = rf"^({_NAME}|{_BRACKETS})(\.{_NAME}|{_BRACKETS}){{0,18}}$"
"""Texts that make a reference when `input.` stands before them; the grammar is that of `language.references`, but for
which characters beyond ASCII are letters: `_examine` knows.
"""


def _source_reference(source: str) -> str:
    """The reference that `source` means: a path below the run's input, with or without the leading `input`."""
    if source == "input" or source.startswith(("input.", "input[")):
        return source
    return f"input{source}" if source.startswith("[") else f"input.{source}"


def _data(context: PureContext) -> Fragment:
    config = context.static_config
    if config.get("input_type", "static") == "static":
        return context.config("data") if "data" in config else json_literal(dict(_NOTHING))
    found = context.read(parse_reference(_source_reference(config.get("source", "input"))))
    if "data" not in config:
        return found
    return apply("$found=null?$default:$found", {"found": found, "default": context.config("data")})


def _known_output(config: Mapping[str, Any]) -> Mapping[str, Source]:
    if config.get("input_type", "static") == "static":
        return {"data": LiteralValue(config.get("data", dict(_NOTHING)))}
    source = config.get("source", "input")
    if "data" in config or not isinstance(source, str):
        return {}
    try:
        return {"data": parse_reference(_source_reference(source))}
    except MalformedTextError:
        return {}


def _examine(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    try:
        parse_reference(_source_reference(config.get("source", "input")))
    except MalformedTextError as error:
        yield ("source",), f"The source is not a valid path below the run's input: {error.detail}"


def _build(context: PureContext) -> Fragment:
    return object_fragment(
        {
            "data": _data(context),
            "input_type": json_literal(context.static_config.get("input_type", "static")),
            "timestamp": context.entered,
            "success": json_literal(True),
        }
    )


def _lower(config: Mapping[str, Any]) -> Lowering:
    if config.get("input_type", "static") == "static":
        return PureLowering(_build, constant={"data": config.get("data", _NOTHING)})
    source = parse_reference(_source_reference(config.get("source", "input")))
    handed_on: dict[str, ScopeReference] = {}
    if isinstance(source, ScopeReference) and "data" not in config and Wildcard() not in source.path:
        handed_on["data"] = source
    return PureLowering(_build, growth_bytes=PAYLOAD_BYTES, handed_on=handed_on)


DATA_INPUT: Final = StepType(
    name="data_input",
    description="Provides data: written in the workflow (static) or taken from the input of the run (dynamic).",
    config_schema=object_schema(
        {
            "input_type": property_schema(
                "Kind of input",
                "static: the data stands in the workflow. dynamic: it comes from the input of the run.",
                enum=_INPUT_TYPES,
                default="static",
            ),
            "data": property_schema(
                "Data",
                "static: the data, any JSON value; {} when left out. dynamic: used where the input has none at `source`.",
                examples=[{"message": "Hello"}],
            ),
            "source": property_schema(
                "Source",
                "dynamic: the path below the run's input. Without one, the whole input.",
                examples=["user.name", "items[0]"],
                type="string",
                minLength=1,
                pattern=SOURCE_PATTERN,
            ),
        }
    ),
    output_schema=output_schema(
        {
            "data": property_schema("Data", "The data; null where the input has none."),
            "input_type": property_schema("Kind of input", "As configured.", enum=_INPUT_TYPES),
            "timestamp": TIMESTAMP,
            "success": SUCCESS,
        }
    ),
    lower=_lower,
    examine=_examine,
    takes_input=False,
    known_output=_known_output,
)
