"""What is known before the run about how a step ends, and what a trigger rule makes of it.

A step's possible statuses are a set; a step whose set is `{completed}` needs no status at run time, so guards and variables
are spent only on steps that may be skipped or may fail without ending the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Literal

from workflow_engine.compiler.jsonata.fragments import Array, Fragment, Group, Text, bind
from workflow_engine.language.syntax import TriggerRule
from workflow_engine.statuses import StepEnd

Statuses = frozenset[StepEnd | Literal["pending"]]
"""`pending` is what only failure steps see."""
Verdict = Literal["always", "never", "depends"]

COMPLETED: Statuses = frozenset({"completed"})
SKIPPED: Statuses = frozenset({"skipped"})
FAILED: Statuses = frozenset({"failed"})
NOT_BEGUN: Statuses = frozenset({"pending"})
ANY: Statuses = COMPLETED | SKIPPED | FAILED | NOT_BEGUN


def _all_success(deps: Set[Statuses]) -> Verdict:
    if all(d == COMPLETED for d in deps):
        return "always"
    return "never" if any("completed" not in d for d in deps) else "depends"


def _min_one_success(deps: Set[Statuses]) -> Verdict:
    if any(d == FAILED for d in deps) or all("completed" not in d for d in deps):
        return "never"
    return "always" if any(d == COMPLETED for d in deps) and all("failed" not in d for d in deps) else "depends"


def _one(status: StepEnd) -> Callable[[Set[Statuses]], Verdict]:
    def verdict(deps: Set[Statuses]) -> Verdict:
        if any(d == {status} for d in deps):
            return "always"
        return "depends" if any(status in d for d in deps) else "never"

    return verdict


_VERDICTS: dict[TriggerRule, Callable[[Set[Statuses]], Verdict]] = {
    "all_success": _all_success,
    "none_failed_min_one_success": _min_one_success,
    "all_done": lambda _: "always",
    "one_success": _one("completed"),
    "one_failed": _one("failed"),
}


def rule_verdict(rule: TriggerRule, dependencies: Set[Statuses]) -> Verdict:
    """Whether the rule is met, given the ways in which the dependencies may end.

    Without dependencies every rule is met, as in Airflow.
    """
    return _VERDICTS[rule](dependencies) if dependencies else "always"


_RULES: dict[TriggerRule, Text] = {
    "all_success": Text('$not("failed" in $d or "skipped" in $d)'),
    "none_failed_min_one_success": Text('"completed" in $d and $not("failed" in $d)'),
    "one_success": Text('"completed" in $d'),
    "one_failed": Text('"failed" in $d'),
}


def rule_fragment(rule: TriggerRule, statuses: Sequence[Fragment]) -> Fragment:
    """True iff the rule is met by the dependencies' statuses; `all_done` needs no test."""
    return Group((bind("d", Array(tuple(statuses))), _RULES[rule]))
