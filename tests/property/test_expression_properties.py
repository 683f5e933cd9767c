"""Generated expressions against the oracle, for random shapes and random data, wrong ones included, on both evaluators.

A case is made from one number, because drawing such deep values piece by piece takes longer than all else here. What fails
says which expression over which data, so nothing needs shrinking.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, get_args

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support.expression_world import TEMPLATE_VARIABLES, World, assert_values
from tests.support.reference_semantics import evaluate_condition, evaluate_source, read_reference
from workflow_engine.compiler.jsonata.conditions import condition_fragment
from workflow_engine.compiler.jsonata.references import reference_fragment
from workflow_engine.compiler.jsonata.sources import source_fragment
from workflow_engine.language.syntax import (
    And,
    Check,
    Comparison,
    Condition,
    LiteralValue,
    Not,
    Operand,
    Or,
    Reference,
    ScopeReference,
    Segment,
    Source,
    StepReference,
    Template,
    TemplateVariable,
    TemplateVariableName,
    Truthy,
    Wildcard,
)

# One process of Node evaluates a batch.
BATCH = 100
batches = given(st.integers(0, 2**32))
unshrunk = settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])

COMMON_KEYS = ["a", "b", "c"]
# Not the backslash alone: JSON.parse of Node 24 takes the key '"' for one once it has seen an object with it.
RARE_KEYS = ["c d", "", "`", '"', "c\\d", "a.b", "é😀", "%}", "__proto__", "toString", "hasOwnProperty", "constructor"]
TEXTS = [
    "",
    "a",
    "ab",
    "b",
    "é日",
    "😀",
    "5",
    "-1.50",
    "1e3",
    "07",
    "1e999",
    "٣",
    '"q"',
    "{%x%}",
    "null",
    "a\nb",
    "z" * 99,
]
# No whole numbers from 1e15 up, which within a text of JSON have 15 digits on AWS and all of them locally.
NUMBERS = [0, 1, -1, 5, 5, -1.5, 1000, 0.1, 1e-7, 1e300, 5e-324, 123456789012345, -0.0, 0.1 + 0.2]
COMPARISONS = ["==", "!=", ">", ">=", "<", "<=", "contains", "not_contains", "in", "not_in", "starts_with", "ends_with"]
CHECKS = ["is_empty", "is_not_empty", "is_null", "is_not_null", "exists"]
PATTERNS = ["^[a-z]+$", "[(/]|%}", "a{1}", r"\d$", "é", "^$"]


class Cases:
    """Random parts of cases, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.choice = self.random.choice

    def one_in(self, count: int) -> bool:
        return self.random.randrange(count) == 0

    def key(self) -> str:
        return self.choice(RARE_KEYS if self.one_in(5) else COMMON_KEYS)

    def value(self, depth: int = 4) -> Any:
        kind = self.random.randrange(10) if depth else self.random.randrange(4)
        if kind < 4:
            return self.choice([None, self.choice([True, False]), self.choice(NUMBERS), self.choice(TEXTS)])
        size = self.random.randrange(4)
        if kind < 7:
            return {self.key(): self.value(depth - 1) for _ in range(size + 1)}
        if kind < 9:
            return [self.value(depth - 1) for _ in range(size)]
        return [[self.value(depth - 1)] for _ in range(size)]

    def world(self) -> World:
        return World(
            steps={"a": self.record(), "b": self.record()},
            input=self.value(),
            item=self.value(),
            variables={self.key(): self.value()},
        )

    def record(self) -> dict[str, Any]:
        record = {"status": self.choice(["completed", "failed", "skipped"])}
        for facet in ("output", "error"):
            if not self.one_in(4):
                record[facet] = self.value(6)
        return record

    def path(self) -> tuple[Segment, ...]:
        return tuple(self.segment() for _ in range(self.random.randrange(6)))

    def segment(self) -> Segment:
        kind = self.random.randrange(10)
        if kind < 6:
            return self.key()
        if kind < 8:
            return 10**400 if self.one_in(30) else self.random.randrange(-3, 4)
        return Wildcard()

    def reference(self) -> Reference:
        kind = self.random.randrange(12)
        if kind < 6:
            return StepReference(self.choice(["a", "b"]), self.choice(["output", "output", "error"]), self.path())
        if kind < 10:
            return ScopeReference(self.choice(["input", "variables", "item"]), self.path())
        if kind < 11:
            return StepReference("a", "status") if self.one_in(2) else ScopeReference("index")
        return ScopeReference("execution", self.choice([(), ("id",), ("started_at",), ("x",), (0,), ("id", "x")]))

    def operand(self) -> Operand:
        return LiteralValue(self.value(2)) if self.one_in(3) else self.reference()

    def condition(self, depth: int = 2) -> Condition:
        if depth and not self.one_in(3):
            parts = tuple(self.condition(depth - 1) for _ in range(self.random.randrange(1, 6)))
            return And(parts) if self.one_in(3) else Or(parts) if self.one_in(2) else Not(parts[0])
        kind = self.random.randrange(10)
        if kind < 6:
            return Comparison(self.choice(COMPARISONS), self.operand(), self.operand())  # type: ignore[arg-type]  # text
        if kind < 7:
            return Comparison("regex_match", self.operand(), LiteralValue(self.choice(PATTERNS)))
        if kind < 9:
            return Check(self.choice(CHECKS), self.operand())  # type: ignore[arg-type]  # text
        return Truthy(self.operand())

    def template(self) -> Template:
        return Template(tuple(self.template_part() for _ in range(self.random.randrange(7))))

    def template_part(self) -> str | Reference | TemplateVariable:
        kind = self.random.randrange(6)
        if kind < 2:
            return self.choice(TEXTS)
        if kind < 5:
            return self.reference()
        return TemplateVariable(self.choice([name for name in get_args(TemplateVariableName) if name != "uuid"]))

    def source(self) -> Source:
        kind = self.random.randrange(4)
        return self.template() if kind < 2 else self.reference() if kind < 3 else LiteralValue(self.value())


def cases_of(batch: int) -> Iterator[tuple[Cases, World]]:
    for number in range(BATCH):
        cases = Cases(batch * BATCH + number)
        yield cases, cases.world()


@unshrunk
@batches
def test_a_reference_has_the_value_the_language_says(batch: int) -> None:
    rows = []
    for cases, world in cases_of(batch):
        reference = cases.reference()
        rows.append((reference_fragment(reference, world), world, read_reference(reference, world.lookup)))
    assert_values(rows)


@unshrunk
@batches
def test_a_condition_is_true_or_false_as_the_language_says(batch: int) -> None:
    rows = []
    for cases, world in cases_of(batch):
        condition = cases.condition()
        rows.append((condition_fragment(condition, world), world, evaluate_condition(condition, world.lookup)))
    assert_values(rows)


@unshrunk
@batches
def test_a_source_has_the_value_the_language_says(batch: int) -> None:
    rows = []
    for cases, world in cases_of(batch):
        source = cases.source()
        expected = evaluate_source(source, world.lookup, TEMPLATE_VARIABLES)
        rows.append((source_fragment(source, world, world.literal), world, expected))
    assert_values(rows)
