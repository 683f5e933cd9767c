"""Fill in the variables of a stored prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from workflow_engine.language.diagnostics import Json
from workflow_engine.language.document import DocumentModel, Whole
from workflow_engine.usecases.bodies.fields import read_fields
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.prompts.check_prompt import TEXTS

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import RenderedPrompt


class RenderRequest(DocumentModel):
    """What `POST /prompts/{prompt_id}/render` takes."""

    variables: dict[str, Any] | None = None
    """What the prompt's placeholders stand for."""
    version: Annotated[int, Field(ge=1), Whole] | None = None
    """Of the prompt; the newest when absent."""


def render(engine: Engine, caller: Caller, prompt_id: str, body: Json) -> RenderedPrompt:
    """`{prompt_id, version, system_prompt, query, missing}`: both texts with the variables filled in; `missing` are
    placeholders without a value. Raises NotFoundError, InvalidRequestError.
    """
    from workflow_engine.agents.placeholders import names_in
    from workflow_engine.agents.placeholders import render as filled

    fields = read_fields(RenderRequest, body)
    prompt = engine.prompts.get(caller.tenant_id, prompt_id, fields.version)
    defaults = {v["name"]: v["default"] for v in prompt.document.get("variables", ()) if "default" in v}
    values = {**defaults, **(fields.variables or {})}
    texts = {name: prompt.document.get(name) for name in TEXTS}
    placeholders = dict.fromkeys(name for text in texts.values() if text for name in names_in(text))
    return {
        "prompt_id": prompt_id,
        "version": prompt.version,
        "system_prompt": None if texts["system_prompt"] is None else filled(texts["system_prompt"], values),
        "query": None if texts["query_template"] is None else filled(texts["query_template"], values),
        "missing": [name for name in placeholders if values.get(name) is None and name not in defaults],
    }
