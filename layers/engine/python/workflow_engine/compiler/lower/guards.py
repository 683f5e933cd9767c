"""When a step runs: its trigger rule and its condition as one boolean expression, or as nothing when that is known already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Literal

from workflow_engine.compiler.jsonata.conditions import all_of, condition_fragment
from workflow_engine.compiler.jsonata.fragments import Fragment, Infix, Text
from workflow_engine.compiler.lower.readers import decides_per_element
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.status import SKIPPED, Statuses, rule_fragment, rule_verdict
from workflow_engine.compiler.structure import Leaf, Parallel, Sequence, Tree
from workflow_engine.language.syntax import Step
from workflow_engine.lazy_dataclass import dataclass

Guard = Fragment | Literal["always", "never"]


@dataclass(frozen=True, slots=True)
class GuardedSteps:
    """Steps of a body by vertex, and what their trigger rules look at. Of those that undo another step `undoes` has that
    step: they run only if it has completed.
    """

    steps: tuple[Step, ...]
    rule_dependencies: tuple[tuple[str, ...], ...]
    undoes: Mapping[str, str] = field(default_factory=dict)

    def guard(self, vertex: int, scope: Scope) -> Guard:
        """The guard of one step at this point of the machine."""
        step = self.steps[vertex]
        dependencies = self.rule_dependencies[vertex]
        verdict = rule_verdict(step.trigger_rule, {scope.statuses(d) for d in dependencies})
        if verdict == "never":
            return "never"
        parts: list[Fragment] = []
        if step.step_id in self.undoes:
            ended = scope.status(self.undoes[step.step_id])
            # Of a list, elements may have completed although the step failed.
            some = step.for_each is not None and step.for_each.completed_of is not None
            test = (" in ", '["completed","failed"]') if some else ("=", '"completed"')
            parts.append(Infix(test[0], (ended, Text(test[1]))))
        if verdict == "depends":
            statuses = dict.fromkeys(scope.status(d) for d in dependencies)
            parts.append(rule_fragment(step.trigger_rule, list(statuses)))
        if step.condition is not None and not decides_per_element(step):
            parts.append(condition_fragment(step.condition, scope))
        if not parts:
            return "always"
        return parts[0] if len(parts) == 1 else all_of(parts)

    def is_skipped_with(self, tree: Tree, scope: Scope, guard: Fragment | None, down: dict[str, Statuses]) -> bool:
        """Whether all of `tree` is skipped whenever the steps in `down` are, or because it has the very same guard.

        Adds its steps to `down` if so. With `guard` None and an empty `down`: whether it is skipped whatever happens.
        """
        if not isinstance(tree, Leaf):
            mine = dict(down)
            if all(self.is_skipped_with(part, scope, guard, mine) for part in _inside(tree)):
                down.update(mine)
                return True
            return False
        step = self.steps[tree.vertex]
        dependencies = self.rule_dependencies[tree.vertex]
        known = {_statuses(d, scope, down) for d in dependencies}
        settled = {statuses for statuses in known if statuses is not None}
        is_skipped = known == settled and rule_verdict(step.trigger_rule, settled) == "never"
        if not is_skipped and guard is not None and not any(d in down for d in dependencies):
            is_skipped = self._guard_if_known(tree.vertex, scope) == guard
        if is_skipped:
            down[step.step_id] = SKIPPED
        return is_skipped

    def _guard_if_known(self, vertex: int, scope: Scope) -> Guard | None:
        """The guard, or None when it reads a step that has not been passed yet."""
        try:
            return self.guard(vertex, scope)
        except KeyError:
            return None


def _statuses(step_id: str, scope: Scope, down: dict[str, Statuses]) -> Statuses | None:
    if step_id in down:
        return down[step_id]
    try:
        return scope.statuses(step_id)
    except KeyError:
        return None


def leaves(trees: Iterable[Tree]) -> list[int]:
    """All vertices of the trees, in execution order. Iterative: trees may be deep."""
    found: list[int] = []
    stack = list(reversed(list(trees)))
    while stack:
        tree = stack.pop()
        if isinstance(tree, Leaf):
            found.append(tree.vertex)
        else:
            stack.extend(reversed(_inside(tree)))
    return found


def first_leaf(tree: Tree) -> int:
    """The vertex that runs first."""
    while not isinstance(tree, Leaf):
        tree = _inside(tree)[0]
    return tree.vertex


def _inside(tree: Sequence | Parallel) -> tuple[Tree, ...]:
    return tree.parts if isinstance(tree, Sequence) else tree.branches
