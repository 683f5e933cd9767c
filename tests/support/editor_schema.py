"""Validators of the published schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from tests.support.catalogue import fake_catalogue
from workflow_engine.language.schema import workflow_schema
from workflow_engine.steps import builtin_catalogue


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """As ECMA reads it, whose `$` is no place before a line's end."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_extend: Any = jsonschema.validators.extend
_Validator: Any = _extend(jsonschema.Draft202012Validator, {"pattern": _pattern})

OF_FAKES: Any = _Validator(workflow_schema(fake_catalogue().step_types()))
"""For the step types of `tests.support.catalogue`."""
OF_BUILTINS: Any = _Validator(workflow_schema(builtin_catalogue().step_types()))


def misfits(validator: Any, document: Any) -> list[tuple[list[str | int], str, str]]:
    """Place, keyword and message of all that a document is refused for."""
    return [(list(e.absolute_path), e.validator, e.message[-200:]) for e in validator.iter_errors(document)]
