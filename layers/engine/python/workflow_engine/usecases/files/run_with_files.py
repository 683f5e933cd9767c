"""A run whose request brings files beside the document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.files.store_file import FilePart, take_part

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCUMENT: Final = "document"
_INPUTS: Final = ("input", "input_data")


def body_with_files(
    engine: Engine, caller: Caller, fields: Mapping[str, Callable[[], Json]], files: Sequence[FilePart]
) -> Json:
    """The JSON body that the field `document` has, with the files in its input: each under the name of its part, several of
    one name as a list, as `{reference, file_name, content_type, size_bytes}`. `fields` have, by name, what reads the field.

    The document may be without an input; the field `input` gives one then. Files are kept once the form
    is known to be right. Raises InvalidRequestError.
    """
    body = _document(fields)()
    if not isinstance(body, dict):
        raise InvalidRequestError(
            f"The field '{DOCUMENT}' must be a JSON object, as the body of this route is otherwise."
        )
    name = next((name for name in _INPUTS if body.get(name) is not None), _INPUTS[0])
    if "input" in fields:
        if body.get(name) is not None:
            raise InvalidRequestError.at(
                pointer(name), "The input is in the document and in a field of its own. Send one."
            )
        body = {**body, name: fields["input"]()}
    if not files:
        return body
    given = body.get(name)
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise InvalidRequestError.at(pointer(name), "Files become entries of the input, so it must be an object.")
    for part in files:
        if part.name in given:
            detail = f"The input has an entry '{part.name}' already. Give the part of the file another name."
            raise InvalidRequestError.at(pointer(name, part.name), detail)
    return {**body, name: {**given, **_kept(engine, caller, files)}}


def _document(fields: Mapping[str, Callable[[], Json]]) -> Callable[[], Json]:
    unknown = [name for name in fields if name not in (DOCUMENT, "input")]
    if unknown:
        raise InvalidRequestError(
            f"The form has a field '{unknown[0]}'. It takes '{DOCUMENT}', 'input', and files, which have a file name."
        )
    if DOCUMENT not in fields:
        raise InvalidRequestError(
            f"The form has no field '{DOCUMENT}' with the JSON that is the body of this route otherwise: curl -F "
            f"'{DOCUMENT}=<run.json' -F report=@report.pdf."
        )
    return fields[DOCUMENT]


def _kept(engine: Engine, caller: Caller, files: Sequence[FilePart]) -> dict[str, Any]:
    by_name: dict[str, list[dict[str, Any]]] = {}
    for part in files:
        stored = take_part(engine, caller, part)
        about = {name: stored[name] for name in ("reference", "file_name", "content_type", "size_bytes")}
        by_name.setdefault(part.name, []).append(about)
    return {name: found[0] if len(found) == 1 else found for name, found in by_name.items()}
