"""The Lambda that reads files and cuts texts."""

from __future__ import annotations

from typing import Any, Final

from functions.step_files.chunks import chunk
from functions.step_files.documents import INLINE_BYTES, Documents, as_json
from functions.step_files.settings import clients, engine, world
from workflow_engine.faults import faults_logged
from workflow_engine.init_phase import at_init
from workflow_engine.observability import log_fields
from workflow_engine.sdk import InvalidStepInput, StepContext, step
from workflow_engine.stand_ins import utc_now
from workflow_engine.timestamps import iso

BEGINNING: Final = 20_000
"""Characters of a long text that go on as they are, for whoever wants to see how it begins."""


@step
def handler(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> dict[str, Any]:
    """The output of the step that `step_config` names."""
    at = iso(utc_now())
    with log_fields(**context.log_fields), faults_logged():
        match context.step_type:
            case "text_chunking":
                return chunk(config, input_data, _documents(context), at)
            case "file_reader":
                return _read(config, input_data, context, at)
        raise InvalidStepInput(f"step_files has no step type '{context.step_type}'.")


def _documents(context: StepContext) -> Documents:
    return Documents(engine().payloads, context.tenant_id or "")


def _read(config: dict[str, Any], input_data: dict[str, Any], context: StepContext, at: str) -> dict[str, Any]:
    from functions.step_files.formats import read
    from functions.step_files.sources import named_file, open_file

    named = named_file(config, input_data)
    file = open_file(named, context.tenant_id or "", world(), context.seconds_left)
    text, parsed = read(file.content, file.extension, config.get("encoding"))
    kept = text[: config.get("max_characters")]
    content, reference = _documents(context).inline(kept, kept[:BEGINNING])
    return {
        "file_path": named,
        "file_name": file.name,
        "file_extension": file.extension,
        "content": content,
        "content_ref": reference,
        "parsed": parsed if len(content) == len(text) and len(as_json(parsed)) <= INLINE_BYTES // 2 else None,
        "content_length": len(text),
        "truncated": len(content) < len(text),
        "processed_at": at,
        "success": True,
    }


at_init(clients)
