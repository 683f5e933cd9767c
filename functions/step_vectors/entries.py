"""What a step is given: texts to embed, embeddings to store, a query."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from workflow_engine.errors import InvalidStepInput
from workflow_engine.steps.vectors import MAX_DIMENSION
from workflow_engine.store.vectors import MAX_FILTERABLE_BYTES, MAX_METADATA_BYTES, Vector
from workflow_engine.vector_filters import NOT_FILTERED

Object = Mapping[str, Any]

MAX_TEXTS: Final = 20_000
MAX_KEY_CHARACTERS: Final = 1024
MAX_METADATA_KEYS: Final = 50
"""S3 Vectors, "Limitations and restrictions": length of a key, and keys of metadata of a vector."""

MODEL: Final = "embedding_model"
"""The entry of metadata that names the model, so that a query by another one is noticed."""

_LISTS: Final = ("chunks", "texts", "documents", "retrieved_chunks")
_TEXTS: Final = ("text", "content", "chunk")
_QUERIES: Final = ("query", "text", "content", "current_message", "message", "input")
_OWN: Final = ("text", "embedding", "chunk_index", "filename", "id", "start", "end", "metadata")


def chunks_of(input_data: Object, fetch: Callable[[str], Any]) -> list[dict[str, Any]]:
    """The texts to embed, each an object `{text, chunk_index, filename?, metadata?, id?}`.

    They are the entry `chunks` (`texts`, `documents`) of the input or of the one output in it that has one, or a single text.
    `fetch` gives those of a reference. Raises InvalidStepInput where there are none.
    """
    found = _find_list(input_data, fetch)
    if not isinstance(found, list):
        raise InvalidStepInput(
            'The input has no texts. Hand them on from a text_chunking step: "input_mapping": {"chunks": "step_id.chunks"}.'
        )
    if len(found) > MAX_TEXTS:
        raise InvalidStepInput(f"The input has {len(found)} texts; at most {MAX_TEXTS} are embedded in one step.")
    return [_chunk(value, number) for number, value in enumerate(found)]


def _find_list(value: Object, fetch: Callable[[str], Any]) -> Any:
    if isinstance(value.get("chunks_ref"), str):
        return fetch(value["chunks_ref"])
    for name in _LISTS:
        if isinstance(value.get(name), list):
            return list(value[name])
    for name in _TEXTS:
        if isinstance(value.get(name), str):
            return [{**{n: value[n] for n in ("filename",) if n in value}, "text": value[name]}]
    inner = list(value.values())
    if len(inner) == 1:
        (only,) = inner
        if isinstance(only, list):
            return only
        if isinstance(only, str):
            return [only]
        if isinstance(only, Mapping):
            return _find_list(only, fetch)
    return None


def _chunk(value: Any, number: int) -> dict[str, Any]:
    if isinstance(value, str):
        return {"text": value, "chunk_index": number}
    if isinstance(value, Mapping):
        text = next((value[name] for name in _TEXTS if isinstance(value.get(name), str)), None)
        if text is not None:
            kept = {name: value[name] for name in ("filename", "metadata", "id") if value.get(name) is not None}
            return {"text": text, "chunk_index": value.get("chunk_index", number), **kept}
    raise InvalidStepInput(f"Text {number} is neither a text nor an object with a 'text'.")


def vectors_of(entries: Sequence[Any], model: str | None, further: Object) -> list[Vector]:
    """The embeddings as vectors. Raises InvalidStepInput for one that is none, or has more metadata than can be kept."""
    found = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("text"), str):
            raise InvalidStepInput(f"Embedding {number} is not an object with 'text' and 'embedding'.")
        values = _values(entry.get("embedding"), f"Embedding {number}")
        metadata = {**_metadata(entry, model), **_flat(further, "metadata of the step")}
        _check_size(metadata, number)
        key = str(entry.get("id") or _key(entry))
        if len(key) > MAX_KEY_CHARACTERS:
            raise InvalidStepInput(f"Embedding {number} has an 'id' of more than {MAX_KEY_CHARACTERS} characters.")
        found[key] = Vector(key, values, metadata)
    return list(found.values())


def _key(entry: Object) -> str:
    """The same for the same text at the same place of the same file, so that storing it again stores nothing twice."""
    parts = [entry.get("filename"), entry.get("chunk_index"), entry["text"]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _metadata(entry: Object, model: str | None) -> dict[str, Any]:
    metadata = {NOT_FILTERED: entry["text"]}
    metadata |= {name: entry[name] for name in ("chunk_index", "filename") if entry.get(name) is not None}
    if model:
        metadata[MODEL] = model
    more = {name: value for name, value in entry.items() if name not in _OWN}
    given = entry.get("metadata")
    return metadata | _flat({**more, **(given if isinstance(given, Mapping) else {})}, "metadata of an embedding")


def _flat(metadata: Object, what: str) -> dict[str, Any]:
    """Only what S3 Vectors keeps ("Metadata filtering": texts, numbers, truth values, lists); null is left out."""
    for name, value in metadata.items():
        each = value if isinstance(value, list) else [value]
        if not all(v is None or isinstance(v, str | int | float | bool) for v in each):
            raise InvalidStepInput(
                f"The {what} has '{name}', which is neither a text, a number, true, false nor a list of these."
            )
        if name in (NOT_FILTERED, MODEL):
            raise InvalidStepInput(f"The {what} may not have an entry '{name}', which has a meaning of its own.")
    return {name: value for name, value in metadata.items() if value not in (None, [])}


def _check_size(metadata: Object, number: int) -> None:
    if len(metadata) > MAX_METADATA_KEYS:
        raise InvalidStepInput(f"Embedding {number} has more than {MAX_METADATA_KEYS} entries of metadata.")
    filterable = {name: value for name, value in metadata.items() if name != NOT_FILTERED}
    for value, most in ((filterable, MAX_FILTERABLE_BYTES), (metadata, MAX_METADATA_BYTES)):
        size = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        if size > most:
            what = "text and metadata" if value is metadata else "metadata"
            raise InvalidStepInput(f"Embedding {number} has {size:,} bytes of {what}; at most {most:,} can be kept.")


def _values(value: Any, what: str) -> list[float]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_DIMENSION:
        raise InvalidStepInput(f"{what} has no list of 1 to {MAX_DIMENSION} numbers as its 'embedding'.")
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value):
        raise InvalidStepInput(f"{what} has something that is no number.")
    if not any(value):
        raise InvalidStepInput(f"{what} has zeros only, so it has no direction that could be compared.")
    return [float(v) for v in value]


def embeddings_in(input_data: Object) -> Object:
    """The output of an `embedding_generation` in the input, or an input of that form. InvalidStepInput where there is none."""
    for value in (input_data, *_outputs(input_data)):
        if isinstance(value.get("embeddings"), list) or isinstance(value.get("embeddings_ref"), str):
            return value
    raise InvalidStepInput(
        "The input has no embeddings. Depend on an embedding_generation step, or map its 'embeddings' and 'embeddings_ref'."
    )


def query_of(config: Object, input_data: Object) -> str:
    """What is looked for. Raises InvalidStepInput where that is nothing."""
    found = config.get("query") or next(_queries(input_data), None)
    if not isinstance(found, str) or not found.strip():
        raise InvalidStepInput("Nothing is asked for. Give a 'query' in the configuration or the input.")
    return found


def _queries(input_data: Object) -> Iterator[str]:
    for value in (input_data, *_outputs(input_data)):
        for name in _QUERIES:
            if isinstance(value.get(name), str):
                yield value[name]
    if len(input_data) == 1:
        yield from (value for value in input_data.values() if isinstance(value, str))


def _outputs(input_data: Object) -> Iterator[Object]:
    return (value for value in input_data.values() if isinstance(value, Mapping))
