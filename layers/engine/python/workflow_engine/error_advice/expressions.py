"""Errors of expressions: what Step Functions says of them as a whole, and JSONata's codes in the message.

Codes: JSONata's source, `src/jsonata.js`, `errorCodes` (of the release that Step Functions documents, 2.0.x); U1001 is that of an
evaluation that exceeded a limit.
"""

from __future__ import annotations

import re
from typing import Final

from workflow_engine.error_advice.entry import Entries, Entry, when

_WHY: Final = "docs/results.md#why-an-expression-failed"
_TRANSFORM: Final = "docs/transform.md"

EVALUATION_ERROR: Final = "States.QueryEvaluationError"
CODE_IN_MESSAGE: Final = re.compile(r"\b([DSTU]\d{4}):")

_NO_NUMBER: Final = Entry(
    "A side of an arithmetic operator is no number: null, since its step was skipped or the field is missing, or a text that "
    "only reads as a number.",
    "Look at what was read and its type; the message tells it where it can. $number(...) makes a number of a text, and a "
    "condition keeps the step from running where the value may be null.",
    _WHY,
    code="WFE-W211",
)
_NOT_COMPARABLE: Final = Entry(
    "Values are compared by < or > that are of different types, or neither numbers nor texts.",
    "Look at what was read; the message tells it where it can. Make both sides numbers by $number(...), or texts by $string(...).",
    _WHY,
)
_WRONG_ARGUMENT: Final = Entry(
    "A function of JSONata was given a value of a type that it does not take, often null in the place of a text or a list.",
    "Look at what was read and its type; the message tells it where it can. Give a default where a value may be missing: "
    "($exists(name) ? name : '').",
    _WHY,
)
_NO_FUNCTION: Final = Entry(
    "What is called in the expression is no function: its name is misspelled, or is one that Step Functions does not have.",
    "Check the name, with its $, against docs.jsonata.org. $eval, ?? and ?: are not there.",
    _TRANSFORM,
    code="WFE-E304",
)
_WRONG_KEY: Final = Entry(
    "A name in an object that the expression makes is no text, or two entries of it have the same name.",
    "Write $string(...) around what gives the name, and see that each name comes once.",
    _TRANSFORM,
)
_NOT_SORTABLE: Final = Entry(
    "Values to sort by are neither all numbers nor all texts.",
    "Filter out what has none, or sort by $string(...) or $number(...) of the value.",
    _TRANSFORM,
)
_NO_CAST: Final = Entry(
    "$number was given a text that does not read as a number.",
    "Filter such texts out before, or test them: $match(text, /^-?[0-9.]+$/).",
    _TRANSFORM,
)
_LIMIT: Final = Entry(
    "The expression took more time, memory or depth than Step Functions gives one: a recursion without an end, or too large a "
    "list.",
    "Compute over less data at once (a for_each, or a filter first), or do it in a step of your own.",
    _TRANSFORM,
)
_RAISED: Final = Entry(
    "The expression raised this error itself, by $error or $assert, or a function of it refused a value.",
    "The message says what was wrong with the data. Mend what the step before gives, then redrive the run.",
    _WHY,
)
_NUMBER_RANGE: Final = Entry(
    "A number is too large, or is none: a division by zero, a root of a negative number, or a very large power.",
    "Test the value first: (divisor = 0 ? null : total / divisor).",
    _TRANSFORM,
)
_FORMAT: Final = Entry(
    "A picture or format text for numbers or dates is not one, or the text does not fit it.",
    "Compare the format with docs.jsonata.org, and with what the message says was read.",
    _TRANSFORM,
)
_RANGE: Final = Entry(
    "The ends of a range [a..b] are no whole numbers, or lie too far apart.",
    "Use $floor(...) or $round(...) for the ends, and see that the list has fewer than a million elements.",
    _TRANSFORM,
)
_SINGLE: Final = Entry(
    "$single found no match, or more than one.",
    "Use a filter, [condition][0], where none or several are possible.",
    _TRANSFORM,
)

_PICTURES: Final = tuple(f"D{number}" for number in (*range(3080, 3094), 3100, 3110, *range(3130, 3137)))

JSONATA: Final[Entries] = {
    **dict.fromkeys(("T2001", "T2002", "D1002"), _NO_NUMBER),
    **dict.fromkeys(("T2003", "T2004", "D2014"), _RANGE),
    **dict.fromkeys(("T2009", "T2010"), _NOT_COMPARABLE),
    **dict.fromkeys(
        (
            *("T0410", "T0411", "T0412", "T1010", "T2011", "T2012"),
            *("D1004", "D3010", "D3011", "D3012", "D3020", "D3040", "D3050", "D3140"),
        ),
        _WRONG_ARGUMENT,
    ),
    **dict.fromkeys(("T1005", "T1006", "T1007", "T1008", "T2006"), _NO_FUNCTION),
    **dict.fromkeys(("T1003", "D1009"), _WRONG_KEY),
    **dict.fromkeys(("T2007", "T2008", "D3070"), _NOT_SORTABLE),
    "D3030": _NO_CAST,
    **dict.fromkeys(("D1001", "D3001", "D3060", "D3061"), _NUMBER_RANGE),
    **dict.fromkeys(_PICTURES, _FORMAT),
    **dict.fromkeys(("D3137", "D3141"), _RAISED),
    **dict.fromkeys(("D3138", "D3139"), _SINGLE),
    **dict.fromkeys(("D1011", "D1012", "U1001"), _LIMIT),
}
"""By JSONata's code, as it stands in the message of a failed evaluation."""

ENTRIES: Final[Entries] = {
    EVALUATION_ERROR: Entry(
        "An expression met a value that it cannot work with: null, since a step was skipped or a field is missing, or one of "
        "another type.",
        "Look at which parameter failed, and at what it read: the message tells it where it can. A retry cannot help; mend the "
        "expression or what it reads.",
        _WHY,
        cases=(
            when(
                r"Needs a list, not a value of type",
                Entry(
                    "What a for_each or map runs over is no list.",
                    "Name the field that has the list, such as step.data.items. null counts as an empty list; one value "
                    "becomes a list by [...] in a transform step.",
                    _WHY,
                    code="WFE-E212",
                ),
            ),
            when(
                r"The list has \d+ items[,;]",
                Entry(
                    "The list of a for_each or map is longer than its max_items, or than the history of one run has room for.",
                    "Run over parts of the list in several runs or subflows, or raise max_items where that alone is in the way.",
                    "docs/large-data.md#long-lists",
                    code="WFE-E501",
                ),
            ),
            when(
                r"returned nothing \(undefined\)",
                Entry(
                    "The expression gave nothing: a path in it leads to no value.",
                    "Check the path against what the step before really gave (its output), and give a default where it may be "
                    "missing.",
                    _WHY,
                    code="WFE-W211",
                ),
            ),
            when(r"(?i)evaluation timeout|memory limit|Stack overflow", _LIMIT),
        ),
    ),
}
