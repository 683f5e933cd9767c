"""`embedding_generation`, `vector_storage` and `vector_search`: texts as vectors, kept and found. Tasks on `step_vectors`.

Vectors lie in collections of a tenant: in Amazon S3 Vectors in the cloud, in SQLite on a laptop. A large list of embeddings is
kept as a document of which the output has the reference, since all that goes from step to step is at most 256 KiB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflow_engine.agents import errors as model_errors
from workflow_engine.agents.vendors import VENDORS, split
from workflow_engine.compiler.catalogue import Lowering, TaskLowering
from workflow_engine.function_memory import MEMORY_MB
from workflow_engine.json_schema import Path
from workflow_engine.schema_parts import SUCCESS, TIMESTAMP, object_schema, output_schema, property_schema
from workflow_engine.steps.step_type import StepType
from workflow_engine.vector_errors import FINAL_ERRORS, TRANSIENT_ERRORS
from workflow_engine.vector_filters import problems

STEP_VECTORS: Final = "step_vectors"
"""The Lambda of embeddings and vectors."""

TIMEOUT_SECONDS: Final = 600
MAX_DIMENSION: Final = 4096
MAX_TOP_K: Final = 100
"""S3 Vectors, "Limitations and restrictions": dimension, and what one query gives."""

DEFAULT_PROVIDER: Final = "openai"
DEFAULT_BATCH: Final = 100
DEFAULT_COLLECTION: Final = "default"
DEFAULT_TOP_K: Final = 5
NOTHING_TO_FIND: Final = "Nothing is asked for: give a 'query', or hand the step one by an 'input_mapping'."


def _examine_provider(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    try:
        split(config.get("provider", DEFAULT_PROVIDER))
    except ValueError as error:
        yield ("provider",), str(error)


def _task(*, paid: bool, without_input: str | None = None) -> Lowering:
    return TaskLowering(
        STEP_VECTORS,
        TIMEOUT_SECONDS,
        transient_errors=(*TRANSIENT_ERRORS, *model_errors.TRANSIENT_ERRORS),
        final_errors=tuple(dict.fromkeys((*FINAL_ERRORS, *model_errors.FINAL_ERRORS))),
        tells_timeout=True,
        paid=paid,
        without_input=without_input,
        memory_mb=MEMORY_MB[STEP_VECTORS],
    )


_PROVIDER: Final = property_schema(
    "Provider",
    f"Who embeds: {', '.join(VENDORS)}, each with _embedding behind it or alone. Without a key it is simulated.",
    default=DEFAULT_PROVIDER,
    type="string",
    minLength=1,
)
_MODEL: Final = property_schema(
    "Model",
    "The model that embeds. Without one, the provider's own.",
    type="string",
    minLength=1,
    examples=["text-embedding-3-small"],
)
_DIMENSIONS: Final = property_schema(
    "Dimensions",
    "How many numbers a vector has, where the model lets one choose. Without it, the model's own.",
    examples=[512],
    type="integer",
    minimum=1,
    maximum=MAX_DIMENSION,
)
_COLLECTION: Final = property_schema(
    "Collection",
    "The collection of texts: a letter or digit, then letters, digits, '_' or '-', 64 at most.",
    default=DEFAULT_COLLECTION,
    type="string",
    pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
)
_MODE: Final = property_schema(
    "Mode", "llm: a model has embedded. simulation: none was asked.", enum=["llm", "simulation"]
)
_EMBEDDING: Final = output_schema(
    {
        "text": property_schema("Text", "What was embedded.", type="string"),
        "embedding": property_schema("Embedding", "The vector.", type="array", items={"type": "number"}),
        "chunk_index": property_schema("Index", "The place of the text.", type="integer"),
        "filename": property_schema("File", "The file that it is of, where that is known.", type="string"),
    },
    optional=["filename"],
    additionalProperties=True,
)

EMBEDDING_GENERATION: Final = StepType(
    name="embedding_generation",
    description="Embeds texts as vectors.",
    config_schema=object_schema(
        {
            "provider": _PROVIDER,
            "model": _MODEL,
            "dimensions": _DIMENSIONS,
            "batch_size": property_schema(
                "Batch size",
                "How many texts are sent in one request.",
                default=DEFAULT_BATCH,
                type="integer",
                minimum=1,
                maximum=2048,
            ),
        }
    ),
    output_schema=output_schema(
        {
            "embeddings": property_schema(
                "Embeddings",
                "In the order of the texts; empty where there is a reference.",
                type="array",
                items=_EMBEDDING,
            ),
            "embeddings_ref": property_schema(
                "Reference", "Where they are kept if they are large; null otherwise.", type=["string", "null"]
            ),
            "embedding_count": property_schema("Count", "How many there are.", type="integer"),
            "dimensions": property_schema("Dimensions", "Of a vector; null without any.", type=["integer", "null"]),
            "provider": property_schema("Provider", "Who embedded.", type="string"),
            "model": property_schema("Model", "Its model.", type="string"),
            "mode": _MODE,
            "batch_size": property_schema("Batch size", "As configured.", type="integer"),
            "usage": property_schema(
                "Usage", "Tokens, calls and cost_usd, null where the price is not known.", type="object"
            ),
            "processed_at": TIMESTAMP,
            "success": SUCCESS,
        }
    ),
    lower=lambda _config: _task(paid=True),
    needs_input=True,
    examine=_examine_provider,
)

MAX_IDS_TOLD: Final = 1000
OPERATIONS: Final = ("upsert", "delete", "drop")
STORAGE_TYPES: Final = ("s3_vectors", "sqlite", "in_memory")


def _examine_storage(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    operation = config.get("operation", "upsert")
    if operation != "delete" and "ids" in config:
        yield ("ids",), '\'ids\' are what "operation": "delete" removes.'
    if operation != "upsert" and "metadata" in config:
        yield ("metadata",), f'\'metadata\' is stored with vectors; "operation": "{operation}" stores none.'


VECTOR_STORAGE: Final = StepType(
    name="vector_storage",
    description="Keeps embeddings in a collection, or removes them.",
    config_schema=object_schema(
        {
            "operation": property_schema(
                "Operation",
                "upsert stores each in the place of the one with its id; delete removes those of `ids`; drop "
                "removes the collection.",
                enum=list(OPERATIONS),
                default="upsert",
            ),
            "storage_type": property_schema(
                "Storage",
                "Accepted for older clients: S3 Vectors in the cloud, SQLite on a laptop.",
                enum=list(STORAGE_TYPES),
            ),
            "collection_name": _COLLECTION,
            "metadata": property_schema(
                "Metadata",
                "Kept with every vector, for filters.",
                type="object",
                maxProperties=30,
                examples=[{"year": 2024, "kind": "report"}],
            ),
            "ids": property_schema(
                "Ids",
                "What delete removes. Without it, `ids` of the input.",
                examples=[["report-1"]],
                type="array",
                items={"type": "string", "minLength": 1},
            ),
        }
    ),
    output_schema=output_schema(
        {
            "storage_type": property_schema("Storage", "What keeps them.", enum=["s3_vectors", "sqlite"]),
            "collection_name": property_schema("Collection", "As configured.", type="string"),
            "operation": property_schema("Operation", "As configured.", enum=list(OPERATIONS)),
            "stored_count": property_schema("Stored", "How many were stored.", type="integer"),
            "ids": property_schema(
                "Ids",
                f"Those stored, or asked to be removed; none where they are more than {MAX_IDS_TOLD}.",
                type="array",
                items={"type": "string"},
            ),
            "processed_at": TIMESTAMP,
            "success": SUCCESS,
        }
    ),
    lower=lambda _config: _task(paid=False),
    examine=_examine_storage,
)


def _examine_search(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    yield from _examine_provider(config)
    if "filter" in config:
        yield from problems(config["filter"], ("filter",))


VECTOR_SEARCH: Final = StepType(
    name="vector_search",
    description="Finds the texts of a collection that are nearest to a query.",
    config_schema=object_schema(
        {
            "query": property_schema(
                "Query",
                "What is looked for. May hold {{ references }}. Without it, `query` of the input.",
                type="string",
                examples=["{{ input.question }}"],
            ),
            "collection_name": _COLLECTION,
            "top_k": property_schema(
                "Top k",
                "How many texts are found at most.",
                type="integer",
                minimum=1,
                maximum=MAX_TOP_K,
                default=DEFAULT_TOP_K,
            ),
            "provider": _PROVIDER,
            "model": _MODEL,
            "dimensions": _DIMENSIONS,
            "filter": property_schema(
                "Filter",
                "What the metadata of a text must be. Without it, `filter` of the input.",
                examples=[{"year": {"$gte": 2020}, "kind": "report"}],
                type="object",
            ),
            "min_score": property_schema(
                "Least score",
                "Texts less near than this are left out; 1 is the same.",
                type="number",
                minimum=-1,
                maximum=1,
                examples=[0.5],
            ),
        }
    ),
    output_schema=output_schema(
        {
            "retrieved_chunks": property_schema(
                "Chunks",
                "Nearest first.",
                type="array",
                items=output_schema(
                    {
                        "text": property_schema("Text", "The text.", type="string"),
                        "score": property_schema("Score", "From -1 to 1, where 1 is the same.", type="number"),
                        "chunk_index": property_schema("Index", "Its place in its text.", type=["integer", "null"]),
                        "filename": property_schema("File", "The file that it is of.", type=["string", "null"]),
                        "id": property_schema("Id", "Under which it is stored.", type="string"),
                        "metadata": property_schema("Metadata", "What else was kept with it.", type="object"),
                    }
                ),
            ),
            "retrieved_count": property_schema("Count", "How many were found.", type="integer"),
            "collection_name": property_schema("Collection", "As configured.", type="string"),
            "query": property_schema("Query", "What was looked for.", type="string"),
            "mode": _MODE,
            "processed_at": TIMESTAMP,
            "success": SUCCESS,
        }
    ),
    lower=lambda config: _task(paid=True, without_input=None if config.get("query") else NOTHING_TO_FIND),
    template_fields=("query",),
    examine=_examine_search,
)
