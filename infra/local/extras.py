"""Packages that only some steps need, and how to install them: the wheel alone goes without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from infra.function import Function, Layer

EXTRA_OF_LAYER: Final[Mapping[Layer, str]] = {"files_deps": "files", "llm_deps": "llm"}
"""The extra of the wheel that has the packages of a layer."""


class MissingPackageError(Exception):
    """A step needs a package that is not installed."""


@contextmanager
def told_by_extra(function: Function) -> Iterator[None]:
    """A function of the catalogue that misses a package says which extra has it, as a MissingPackageError."""
    try:
        yield
    except ModuleNotFoundError as error:
        extra = next((EXTRA_OF_LAYER[layer] for layer in function.layers if layer in EXTRA_OF_LAYER), None)
        if extra is None:
            raise
        raise MissingPackageError(
            f"This needs the package '{error.name}', which is not installed here. Install it with the extra `{extra}`: "
            f"pip install 'workflow-engine[{extra}]'."
        ) from error
