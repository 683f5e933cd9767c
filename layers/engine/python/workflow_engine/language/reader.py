"""Reads what a client wrote at one place: a reference, source, template or condition, resolved in its scope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, cast

from workflow_engine.language.advice import LIST_ADVICE
from workflow_engine.language.condition_text import (
    CHECKS,
    COMPARISONS,
    LOGICAL,
    MAX_CONDITION_DEPTH,
    MAX_CONDITION_TERMS,
    check_pattern,
    join,
    parse_condition_text,
    unknown_operator,
)
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import UNUSABLE_NAMES
from workflow_engine.language.expressions import parse_expression
from workflow_engine.language.findings import Findings, quoted, shown
from workflow_engine.language.lookalikes import leading_reference, placeholder_in, single_braces, texts_in
from workflow_engine.language.notes import Notes, PlacedComparison, PlacedReference, PlacedText
from workflow_engine.language.reads import references_of
from workflow_engine.language.references import MalformedTextError, parse_reference
from workflow_engine.language.scopes import Scope, StepIndex, unresolved
from workflow_engine.language.syntax import (
    And,
    Check,
    CheckOperator,
    Comparison,
    ComparisonOperator,
    Condition,
    Expression,
    LiteralValue,
    Not,
    Operand,
    Or,
    Reference,
    ScopeReference,
    Source,
    StepReference,
    Template,
)
from workflow_engine.language.templates import parse_template
from workflow_engine.lazy_dataclass import dataclass

TEST_FIELDS: Final = ("left_operand", "operator", "right_operand")
GROUP_FIELDS: Final = ("logical_operator", "conditions")


_LITERAL_ADVICE: Final = ' A text is written {"value": "{}"}.'
_TEMPLATE_ADVICE: Final = ' Text with references in it is written {"template": "{}"}.'
_QUOTES_ADVICE: Final = " A text is written in quotes: '{}'."
_OWN_ENTRY: Final = 'Give it an entry of its own, written {"template": "..."}.'


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads for one step, or for an output when `step_id` is None. Every method reports what is wrong and then gives None."""

    findings: Findings
    index: StepIndex
    notes: Notes
    scope: Scope
    step_id: str | None

    def reference(self, text: str, place: str, advice: str = _LITERAL_ADVICE) -> Reference | None:
        """A reference that resolves here. `advice` is for the author of a text that looks like none."""
        try:
            reference = parse_reference(text, advice)
        except MalformedTextError as error:
            self.findings.add(error.code, place, error.detail)
            return None
        return reference if self._resolves([reference], place, advice) else None

    def list_reference(self, text: str, place: str) -> Reference | None:
        """A reference that resolves here, and must lead to a list."""
        reference = self.reference(text, place, LIST_ADVICE)
        if reference is not None:
            self.notes.lists.append(PlacedReference(reference, place, self.scope))
        return reference

    def template(self, text: str, place: str) -> Template | None:
        """A template, all of whose references resolve here."""
        try:
            template = parse_template(text)
        except MalformedTextError as error:
            self.findings.add(error.code, place, error.detail)
            return None
        for found, meant in single_braces(template, self._can_read):
            self.findings.add("WFE-W214", place, f"{quoted(found)} is not filled in. Write {quoted(meant)}.")
        return template if self._resolves(references_of(template), place) else None

    def sources(self, mapping: Mapping[str, Json] | None, place: str, *, expressions: bool) -> dict[str, Source] | None:
        """A mapping or output at pointer `place`. None for none; an empty one is none, as clients send it for that."""
        if not mapping:
            return None
        for name in [name for name in UNUSABLE_NAMES if name in mapping]:
            self.findings.add("WFE-E103", place + pointer(name), f"'{name}' cannot be a name here. Choose another one.")
        read = {
            name: self.source(value, place + pointer(name), expressions=expressions) for name, value in mapping.items()
        }
        return {name: source for name, source in read.items() if source is not None}

    def source(self, value: Json, place: str, *, expressions: bool) -> Source | None:
        """A source: a reference, a marked literal, template or expression, or any other JSON as a literal."""
        if isinstance(value, str):
            return self.reference(value, place, _TEMPLATE_ADVICE if "{{" in value else _LITERAL_ADVICE)
        if not isinstance(value, dict) or len(value) != 1:
            return self._literal(value, place)
        (key, inner), *_ = value.items()
        inner_place = place + pointer(key)
        match key:
            case "value":
                return LiteralValue(inner)
            case "template" if not isinstance(inner, str):
                self.findings.add("WFE-E303", inner_place, f"A template must be a text, not {shown(inner)}.")
            case "template":
                return self.template(inner, inner_place)
            case "expression" if not expressions:
                detail = "An expression may stand in input_mapping only. Compute it in a step and refer to that step."
                self.findings.add("WFE-E304", inner_place, detail)
            case "expression" if not isinstance(inner, str):
                self.findings.add("WFE-E304", inner_place, f"An expression must be a text, not {shown(inner)}.")
            case "expression":
                return self.expression(inner, inner_place)
            case _:
                return self._literal(value, place)
        return None

    def _literal(self, value: Json, place: str) -> LiteralValue:
        """JSON that stands for itself. What looks like a reference in it is noted: its author may not know that."""
        for text, where in texts_in(value, place):
            self.note_text(text, where)
        return LiteralValue(value)

    def note_text(self, text: str, place: str) -> None:
        """Report a template where none is filled in (WFE-W214), note a text that begins with a reference to a step."""
        if (placeholder := self.unfilled(text)) is not None:
            detail = f"{quoted(placeholder)} is not filled in inside of an object or list. {_OWN_ENTRY}"
            self.findings.add("WFE-W214", place, detail)
        elif (found := leading_reference(text, self._can_read)) is not None:
            self.notes.texts.append(PlacedText(text, found[1], found[0], place, self.scope))

    def unfilled(self, text: str) -> str | None:
        """The first placeholder of a text that would be filled in if the text were a template here; None if there is none."""
        return placeholder_in(text, self._can_read)

    def expression(self, text: str, place: str, *, over_input: bool = False) -> Expression | None:
        """An author's JSONata, all of whose references resolve here; with `over_input` that of a step over its input."""
        try:
            expression = parse_expression(text, over_input=over_input)
        except MalformedTextError as error:
            self.findings.add(error.code, place, error.detail)
            return None
        return expression if self._resolves(references_of(expression), place) else None

    def _resolves(self, references: Iterable[Reference], place: str, literal: str = "") -> bool:
        read = list(references)
        found = {unresolved(r, self.scope, self.step_id, self.index, self.findings, literal): None for r in read}
        problems = [problem for problem in found if problem is not None]
        for code, detail in problems:
            self.findings.add(code, place, detail)
        if not problems:
            self.notes.references.extend(PlacedReference(reference, place, self.scope) for reference in read)
        return not problems

    # --- conditions ---

    def condition(self, value: Json, place: str) -> Condition | None:
        """A condition in any form: text, test, group, list. The empty list, at the top, is no condition."""
        if value is None or value == []:
            return None
        condition = self._condition(value, place, 1)
        if condition is None:
            return None
        if _depth(condition) > MAX_CONDITION_DEPTH:
            self.findings.add("WFE-E300", place, f"A condition is nested at most {MAX_CONDITION_DEPTH} levels deep.")
            return None
        if (terms := _terms(condition)) > MAX_CONDITION_TERMS:
            detail = f"A condition has at most {MAX_CONDITION_TERMS} tests, this one has {terms}. Use 'in' with a list."
            self.findings.add("WFE-E300", place, detail)
            return None
        if next(references_of(condition), None) is None:
            detail = "This condition reads nothing, so its result is always the same. Compare a value of the input or of a step."
            self.findings.add("WFE-W305", place, detail)
        return condition

    def _condition(self, value: Json, place: str, depth: int) -> Condition | None:
        if depth > MAX_CONDITION_DEPTH:
            self.findings.add("WFE-E300", place, f"A condition is nested at most {MAX_CONDITION_DEPTH} levels deep.")
            return None
        if isinstance(value, str):
            return self._condition_text(value, place)
        if isinstance(value, list):
            return self._group("and", value, place, depth)
        if isinstance(value, dict):
            return self._condition_object(value, place, depth)
        self.findings.add("WFE-E300", place, f"A condition is a text, an object or a list, not {shown(value)}.")
        return None

    def _condition_text(self, text: str, place: str) -> Condition | None:
        try:
            condition = parse_condition_text(text)
        except MalformedTextError as error:
            self.findings.add(error.code, place, error.detail)
            return None
        if not self._resolves(references_of(condition), place, _QUOTES_ADVICE):
            return None
        self._note_comparisons(condition, place)
        return condition

    def _note_comparisons(self, condition: Condition, place: str) -> None:
        match condition:
            case Comparison(left=left, right=right):
                self.notes.comparisons.append(PlacedComparison(condition, place, self.scope))
                for operand in (left, right):
                    self._note_operand(operand, place)
            case And(parts=parts) | Or(parts=parts):
                for part in parts:
                    self._note_comparisons(part, place)
            case Not(part=part):
                self._note_comparisons(part, place)

    def _note_operand(self, operand: Operand, place: str) -> None:
        """Warn of a template in a literal of a condition (WFE-W214): it is compared as it is."""
        text = operand.value if isinstance(operand, LiteralValue) else None
        if isinstance(text, str) and (placeholder := self.unfilled(text)) is not None:
            detail = (
                f"{quoted(placeholder)} is compared as it is. Write the reference itself, without braces and quotes."
            )
            self.findings.add("WFE-W214", place, detail)

    def _condition_object(self, value: dict[str, Json], place: str, depth: int) -> Condition | None:
        is_group = any(name in value for name in GROUP_FIELDS)
        fields = GROUP_FIELDS if is_group else TEST_FIELDS
        unknown = [name for name in value if name not in fields]
        for name in unknown:
            near = self.findings.suggest(name, (*TEST_FIELDS, *GROUP_FIELDS)) if name not in TEST_FIELDS else ""
            detail = f"A condition of this form has no field {shown(name)}; its fields are {', '.join(fields)}.{near}"
            self.findings.add("WFE-E101", place + pointer(name), detail)
        missing = [name for name in fields if name not in value and name != "right_operand"]
        for name in missing:
            self.findings.add("WFE-E102", place, f"The required field '{name}' of the condition is missing.")
        if unknown or missing:
            return None
        if not is_group:
            return self._test(value, place)
        operator, parts = value["logical_operator"], value["conditions"]
        if operator not in LOGICAL:
            near = self.findings.suggest(operator.lower(), LOGICAL) if isinstance(operator, str) else ""
            detail = f"'logical_operator' must be 'and', 'or' or 'not', not {shown(operator)}.{near}"
            self.findings.add("WFE-E105", place + "/logical_operator", detail)
            return None
        return self._group(operator, parts, place + "/conditions", depth)

    def _group(self, operator: str, parts: Json, place: str, depth: int) -> Condition | None:
        if not isinstance(parts, list) or not parts:
            self.findings.add("WFE-E300", place, "A group needs a list of at least one condition.")
            return None
        if operator == "not" and len(parts) != 1:
            detail = "'not' takes exactly one condition. Put the others into an 'and' or 'or' group inside it."
            self.findings.add("WFE-E300", place, detail)
            return None
        read = [self._condition(part, place + pointer(i), depth + 1) for i, part in enumerate(parts)]
        conditions = [condition for condition in read if condition is not None]
        if len(conditions) < len(parts):
            return None
        return Not(conditions[0]) if operator == "not" else join(And if operator == "and" else Or, conditions)

    def _test(self, value: dict[str, Json], place: str) -> Condition | None:
        left, operator = self._left(value["left_operand"], place + "/left_operand"), value["operator"]
        if not isinstance(operator, str) or operator not in (*COMPARISONS, *CHECKS):
            detail = (
                unknown_operator(operator) if isinstance(operator, str) else f"{shown(operator)} is not an operator."
            )
            self.findings.add("WFE-E301", place + "/operator", detail)
            return None
        if operator in CHECKS:
            if value.get("right_operand") is not None:
                detail = f"'{operator}' has no right operand. Remove it."
                self.findings.add("WFE-E300", place + "/right_operand", detail)
                return None
            return None if left is None else Check(cast("CheckOperator", operator), left)
        if "right_operand" not in value:
            self.findings.add(
                "WFE-E102", place, f"The operator '{operator}' needs a 'right_operand'; null is written null."
            )
            return None
        right = self._right(value["right_operand"], place + "/right_operand")
        if left is None or right is None:
            return None
        comparison = Comparison(cast("ComparisonOperator", operator), left, right)
        try:
            check_pattern(comparison)
        except MalformedTextError as error:
            self.findings.add(error.code, place + "/right_operand", error.detail)
            return None
        self._note_comparisons(comparison, place + "/right_operand")
        return comparison

    def _left(self, value: Json, place: str) -> Operand | None:
        if isinstance(value, str):
            return self.reference(value, place)
        if isinstance(value, dict) and list(value) == ["value"]:
            return LiteralValue(value["value"])
        self.findings.add("WFE-E300", place, f'A left operand is a reference or {{"value": ...}}, not {shown(value)}.')
        return None

    def _right(self, value: Json, place: str) -> Operand | None:
        """A literal, unless the text is a reference with a path to a step of this workflow or to a scope word."""
        if isinstance(value, dict) and list(value) == ["value"]:
            return LiteralValue(value["value"])
        if not isinstance(value, str):
            return LiteralValue(value)
        try:
            reference = parse_reference(value)
        except MalformedTextError:
            return LiteralValue(value)
        if not _has_path(reference, value) or not self._is_known(reference):
            return LiteralValue(value)
        return reference if self._resolves([reference], place) else None

    def _can_read(self, reference: Reference) -> bool:
        known = self._is_known(reference)
        return known and unresolved(reference, self.scope, self.step_id, self.index, self.findings) is None

    def _is_known(self, reference: Reference) -> bool:
        return isinstance(reference, ScopeReference) or reference.step_id in self.index


def _has_path(reference: Reference, text: str) -> bool:
    word = reference.step_id if isinstance(reference, StepReference) else reference.word
    return text.strip() != word


def _depth(condition: Condition) -> int:
    match condition:
        case And(parts=parts) | Or(parts=parts):
            return 1 + max(_depth(part) for part in parts)
        case Not(part=part):
            return 1 + _depth(part)
    return 1


def _terms(condition: Condition) -> int:
    match condition:
        case And(parts=parts) | Or(parts=parts):
            return sum(_terms(part) for part in parts)
        case Not(part=part):
            return _terms(part)
    return 1
