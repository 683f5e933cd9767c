"""How storing and searching vectors fails. The class names are the error types that results, conditions and the compiler's Retry
see, so they are part of the contract.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.errors import InvalidStepInput, ThrottledError, UnavailableError, WorkflowEngineError


class DimensionMismatchError(WorkflowEngineError):
    """A vector has more or fewer numbers than those of the collection."""

    code = "dimension_mismatch"

    @classmethod
    def of(cls, collection: str, has: int, given: int) -> DimensionMismatchError:
        """The error with a sentence on both."""
        return cls(
            f"The collection '{collection}' has vectors of {has} dimensions, and this one has {given}. Embed with the same "
            "provider, model and 'dimensions', or use another collection."
        )


class EmbeddingModelMismatchError(WorkflowEngineError):
    """What is asked was embedded by another model than what is stored, so the two cannot be compared."""

    code = "embedding_model_mismatch"


class CollectionMissingError(WorkflowEngineError):
    """Nothing was ever stored in this collection."""

    code = "collection_missing"


def _names(*classes: type[Exception]) -> tuple[str, ...]:
    return tuple(c.__name__ for c in classes)


TRANSIENT_ERRORS: Final = _names(ThrottledError, UnavailableError)
"""They pass by themselves: retried unless the step says how to retry."""

FINAL_ERRORS: Final = _names(
    DimensionMismatchError, EmbeddingModelMismatchError, CollectionMissingError, InvalidStepInput
)
"""Never retried, whatever the step says."""
