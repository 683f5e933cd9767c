"""A text cut into pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from functions.step_files.documents import Documents
from workflow_engine.errors import InvalidStepInput
from workflow_engine.steps.text_chunking import (
    DEFAULT_MODEL,
    DEFAULT_SIZE,
    DEFAULT_STRATEGY,
    overlap_of,
)

Object = Mapping[str, Any]
Piece = tuple[int, int]
"""Where a piece begins and ends in the text, in characters."""

MAX_CHUNKS: Final = 20_000
_TEXT_NAMES: Final = ("text", "content", "input", "data", "response", "result")
_FILE_NAMES: Final = ("file_name", "filename")


def chunk(config: Object, input_data: Object, documents: Documents, processed_at: str) -> dict[str, Any]:
    """The step's output. Raises InvalidStepInput where the input has no text."""
    text, filename = text_of(input_data, documents)
    strategy, size, overlap = (
        config.get("strategy", DEFAULT_STRATEGY),
        config.get("chunk_size", DEFAULT_SIZE),
        overlap_of(config),
    )
    if overlap >= size:
        raise InvalidStepInput(f"'overlap' ({overlap}) must be less than 'chunk_size' ({size}).")
    chunks: list[dict[str, Any]] = []
    for start, end in _STRATEGIES[strategy](text, size, overlap, config):
        piece = text[start:end]
        if piece.strip():
            chunks.append({"text": piece, "chunk_index": len(chunks), "start": start, "end": end})
        if len(chunks) > MAX_CHUNKS:
            raise InvalidStepInput(f"The text gives more than {MAX_CHUNKS} chunks. Choose a larger 'chunk_size'.")
    if filename:
        chunks = [{**one, "filename": filename} for one in chunks]
    kept, reference = documents.inline(chunks, [])
    return {
        "chunks": kept,
        "chunks_ref": reference,
        "chunk_count": len(chunks),
        "strategy": strategy,
        "chunk_size": size,
        "overlap": overlap,
        "original_content_length": len(text),
        "processed_at": processed_at,
        "success": True,
    }


def text_of(input_data: Object, documents: Documents) -> tuple[str, str | None]:
    """The text of a step's input, and the name of its file where the output of a step that read one is in it.

    It is the entry `text` or `content`, else the only entry; of an object, such as the output of a `file_reader`, its text.
    Raises InvalidStepInput where there is none, or more than one that could be meant.
    """
    if (found := _text_in(input_data, documents)) is not None:
        return found
    given = [found for value in input_data.values() if (found := _text_of_value(value, documents)) is not None]
    if len(given) == 1:
        return given[0]
    why = "has no text" if not given else "has several texts"
    raise InvalidStepInput(
        f'The input {why}. Name the one that is meant: "input_mapping": {{"text": "step_id.content"}}.'
    )


def _text_in(value: Object, documents: Documents) -> tuple[str, str | None] | None:
    file = next((value[n] for n in _FILE_NAMES if isinstance(value.get(n), str)), None)
    if isinstance(value.get("content_ref"), str):
        text = documents.fetch(value["content_ref"])
        return (text, file) if isinstance(text, str) else None
    return next(((value[n], file) for n in _TEXT_NAMES if isinstance(value.get(n), str)), None)


def _text_of_value(value: Any, documents: Documents) -> tuple[str, str | None] | None:
    if isinstance(value, str):
        return value, None
    return _text_in(value, documents) if isinstance(value, Mapping) else None


def _sliding_window(text: str, size: int, overlap: int, _config: Object) -> Iterator[Piece]:
    for start in range(0, len(text), size - overlap):
        yield start, min(start + size, len(text))
        if start + size >= len(text):
            return


def _sentences(text: str, size: int, overlap: int, config: Object) -> Iterator[Piece]:
    """Sentences that stand together fill a piece; the last ones of it, up to the overlap, begin the next. A sentence that is
    longer than a piece is cut.
    """
    from sentencex import get_sentence_boundaries

    bounds: list[Piece] = []
    for boundary in get_sentence_boundaries(config.get("language", "en"), text):
        start, end = boundary["start_index"], boundary["end_index"]
        bounds += [(at, min(at + size, end)) for at in range(start, end, size)]
    held: list[Piece] = []
    for one in bounds:
        if held and one[1] - held[0][0] > size:
            yield held[0][0], held[-1][1]
            held = [h for h in held if held[-1][1] - h[0] <= overlap]
            while held and one[1] - held[0][0] > size:
                held.pop(0)
        held.append(one)
    if held:
        yield held[0][0], held[-1][1]


def _recursive(text: str, size: int, overlap: int, _config: Object) -> Iterator[Piece]:
    from semantic_text_splitter import TextSplitter

    return _pieces(TextSplitter(size, overlap), text)


def _tokens(text: str, size: int, overlap: int, config: Object) -> Iterator[Piece]:
    from semantic_text_splitter import TextSplitter

    model = config.get("model", DEFAULT_MODEL)
    try:
        # Its tables of tokens are part of the library, so nothing is downloaded.
        splitter = TextSplitter.from_tiktoken_model(model, size, overlap)
    except Exception:  # what the library raises has no class of its own
        raise InvalidStepInput(
            f"The tokens of model '{model}' are not known. Leave 'model' out, or name one of OpenAI's."
        ) from None
    return _pieces(splitter, text)


def _pieces(splitter: Any, text: str) -> Iterator[Piece]:
    return ((start, start + len(piece)) for start, piece in splitter.chunk_indices(text))


_STRATEGIES: Final[Mapping[str, Callable[[str, int, int, Object], Iterator[Piece]]]] = {
    "sliding_window": _sliding_window,
    "sentence": _sentences,
    "recursive": _recursive,
    "tokens": _tokens,
}
