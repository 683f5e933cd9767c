"""Parsing definitions: one at a time, and each only once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from infra.local.seams.expressions import locate_expressions
from infra.local.seams.patching import parser, replace

DEFINITIONS_KEPT: Final = 512


def keep_query_languages_per_parser() -> None:
    """moto keeps the parser's stack of query languages on the class.

    One refused definition left its entries there for all later ones, and concurrent parsers mixed theirs.
    """
    preprocessor = parser("asl.parse.preprocessor").Preprocessor

    def own_languages(self: Any) -> None:
        self._query_language_per_scope = []

    replace(preprocessor, "__init__", own_languages)


def parse_each_definition_once() -> None:
    """moto parses the definition again at every start of an execution, at about 7 ms a state.

    A parsed definition is never changed by running it, so all executions share it. The lock is there because the
    parser generator's runtime keeps its automata in shared tables.
    """
    language = parser("asl.parse.asl_parser").AmazonStateLanguageParser
    stock = language.parse
    lock = threading.Lock()

    @lru_cache(maxsize=DEFINITIONS_KEPT)
    def parsed(definition: str) -> Any:
        with lock:
            program, _tree = stock(definition)
        for state in states_of(program):
            locate_expressions(state)
        return program

    replace(language, "parse", staticmethod(lambda definition: (parsed(definition), None)))


def states_of(program: Any) -> Iterator[Any]:
    """All states of a parsed definition, those of branches and iterations included."""
    for state in program.states.states.values():
        yield state
        for branch in getattr(getattr(state, "branches", None), "programs", ()):
            yield from states_of(branch)
        iteration = getattr(state, "iteration_component", None)
        if iteration is not None:
            yield from states_of(iteration._get_iteration_program())


def identify_components_by_object() -> None:
    """moto draws a component's key for the retry counters when it is first asked, which concurrent runs do at once."""
    component = parser("asl.component.eval_component").EvalComponent
    replace(component, "heap_key", property(lambda self: str(id(self))))


def install() -> None:
    """Put this module's seams in place."""
    keep_query_languages_per_parser()
    parse_each_definition_once()
    identify_components_by_object()
