"""`text_chunking`: cuts a text into pieces that a model can take. A Task on `step_files`.

* `sliding_window`: `chunk_size` characters each, the last `overlap` of them again at the beginning of the next.
* `sentence`: whole sentences, as many as fit; the overlap is of whole sentences, too.
* `recursive` (the default): the largest of paragraphs, sentences, words that fit.
* `tokens`: the same, measured in tokens of a model.

All that goes from step to step is at most 256 KiB, so a long text comes by reference, and many pieces go on by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering, TaskLowering
from workflow_engine.errors import InvalidStepInput
from workflow_engine.function_memory import MEMORY_MB
from workflow_engine.json_schema import Path
from workflow_engine.schema_parts import SUCCESS, TIMESTAMP, object_schema, output_schema, property_schema
from workflow_engine.steps.step_type import StepType

STEP_FILES: Final = "step_files"
"""The Lambda that reads files and cuts texts."""

STRATEGIES: Final = ("sliding_window", "sentence", "recursive", "tokens")
DEFAULT_STRATEGY: Final = "recursive"
DEFAULT_SIZE: Final = 1000
DEFAULT_OVERLAP: Final = 100
DEFAULT_MODEL: Final = "gpt-4o"
TIMEOUT_SECONDS: Final = 300


def overlap_of(config: Mapping[str, Any]) -> int:
    """The overlap: as configured, else 100 or a tenth of the size, whichever is less."""
    size: int = config.get("chunk_size", DEFAULT_SIZE)
    overlap: int = config.get("overlap", min(DEFAULT_OVERLAP, size // 10))
    return overlap


def examine(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What the schema cannot say: pieces go on."""
    size = config.get("chunk_size", DEFAULT_SIZE)
    if overlap_of(config) >= size:
        yield ("overlap",), f"'overlap' must be less than 'chunk_size', which is {size}."
    if "model" in config and config.get("strategy", DEFAULT_STRATEGY) != "tokens":
        yield ("model",), "'model' counts tokens, so it needs 'strategy': 'tokens'."


def _lower(_config: Mapping[str, Any]) -> Lowering:
    return TaskLowering(
        STEP_FILES, TIMEOUT_SECONDS, final_errors=(InvalidStepInput.__name__,), memory_mb=MEMORY_MB[STEP_FILES]
    )


CHUNK: Final = output_schema(
    {
        "text": property_schema("Text", "The piece.", type="string"),
        "chunk_index": property_schema("Index", "Its place among the pieces, from 0.", type="integer"),
        "start": property_schema("Start", "Where it begins in the text, in characters.", type="integer"),
        "end": property_schema("End", "Where it ends, exclusive.", type="integer"),
        "filename": property_schema("File", "The file that the text is of, where that is known.", type="string"),
    },
    optional=["filename"],
)

TEXT_CHUNKING: Final = StepType(
    name="text_chunking",
    description="Cuts a text into pieces: by a sliding window, sentences, paragraphs, or tokens.",
    config_schema=object_schema(
        {
            "strategy": property_schema(
                "Strategy", "How the text is cut.", enum=list(STRATEGIES), default=DEFAULT_STRATEGY
            ),
            "chunk_size": property_schema(
                "Size",
                "How long a piece may be, in characters; with the strategy tokens in tokens.",
                default=DEFAULT_SIZE,
                type="integer",
                minimum=1,
                maximum=100_000,
            ),
            "overlap": property_schema(
                "Overlap",
                f"How much of the end of a piece begins the next one, at most. Without it {DEFAULT_OVERLAP}, or a tenth of "
                "small pieces.",
                examples=[DEFAULT_OVERLAP],
                type="integer",
                minimum=0,
            ),
            "model": property_schema(
                "Model",
                "The model of OpenAI whose tokens are counted.",
                type="string",
                minLength=1,
                default=DEFAULT_MODEL,
            ),
            "language": property_schema(
                "Language",
                "The language of the sentences, by its code in ISO 639.",
                default="en",
                type="string",
                pattern="^[a-z]{2,3}$",
            ),
        }
    ),
    output_schema=output_schema(
        {
            "chunks": property_schema(
                "Chunks", "The pieces, in order; empty where there is a reference.", type="array", items=CHUNK
            ),
            "chunks_ref": property_schema(
                "Reference",
                "Where they are if they are many, for embedding_generation; else null.",
                type=["string", "null"],
            ),
            "chunk_count": property_schema("Count", "How many there are.", type="integer"),
            "strategy": property_schema("Strategy", "As configured.", enum=list(STRATEGIES)),
            "chunk_size": property_schema("Size", "As configured.", type="integer"),
            "overlap": property_schema("Overlap", "As configured.", type="integer"),
            "original_content_length": property_schema("Length", "Of the text, in characters.", type="integer"),
            "processed_at": TIMESTAMP,
            "success": SUCCESS,
        }
    ),
    lower=_lower,
    needs_input=True,
    examine=examine,
)
