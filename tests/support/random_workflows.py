"""Random workflow documents for property tests, and the step function that their steps run.

Every construct of the language may occur in every other. At most one step of a document fails critically, since two would
race and the history then shows either.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from hypothesis import strategies as st

from tests.support import random_approvals

PROBE = "probe"
INPUT = {
    "flag": True,
    "count": 3,
    "items": [{"v": 1}, {"v": 2}, {"v": 0}],
    "one": [{"v": 7}],
    "none": None,
    "text": "t",
}
_PATTERNS = ["parallel", "dependency", "conditional", "sequential"]
_RULES = ["none_failed_min_one_success", "all_success", "all_done", "one_success", "one_failed"]


_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")


def timeless(value: Any) -> Any:
    """The value with every point in time, also inside of texts, replaced by the same word."""
    return json.loads(_MOMENT.sub("then", json.dumps(value)))


class ProbeFailedError(Exception):
    """What a probe raises that is told to fail."""


def probe_output(config: dict[str, Any], data: dict[str, Any], index: int | None, attempt: int) -> dict[str, Any]:
    """A small output that depends on all of the input. Raises ProbeFailedError where the configuration says so."""
    if (
        attempt <= config.get("failing_attempts", 0)
        or config.get("fail")
        or (index is not None and config.get("fail_index") == index)
    ):
        raise ProbeFailedError(f"told to fail at {index}")
    text = json.dumps(timeless(data), sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:2], "big")
    return {"digest": number, "n": number % 5, "list": [{"v": i} for i in range(number % 3)], "size": len(data)}


class Choices(Protocol):
    """Where chance comes from: hypothesis, or a seed."""

    def number(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""

    def pick(self, options: Sequence[Any]) -> Any:
        """One of the options."""

    def some(self, options: Sequence[Any], most: int) -> list[Any]:
        """One to `most` different options."""


@dataclass(frozen=True)
class _Drawn:
    """Chance from hypothesis."""

    draw: Any

    def number(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def pick(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def some(self, options: Sequence[Any], most: int) -> list[Any]:
        most = min(most, len(options))
        return list(self.draw(st.lists(st.sampled_from(options), min_size=1, max_size=most, unique=True)))


_PROBE_PATHS: Final = [".n", ".list", ".list.v", ".n.deep"]


@dataclass
class _Drawing:
    """`paths` has, for each step drawn so far, the paths that its output may have: what it cannot have is refused."""

    choices: Choices
    count: int = 0
    may_fail: bool = True
    budget: int = 12
    rows: list[str] = field(default_factory=list)
    paths: dict[str, list[str]] = field(default_factory=dict)
    rules: bool = True
    plain: bool = False
    after_failure: bool = False
    approvals: bool = False

    def chance(self, percent: int) -> bool:
        return self.choices.number(0, 99) < percent

    def pick(self, options: list[Any]) -> Any:
        return self.choices.pick(options)

    def new_id(self) -> str:
        self.count += 1
        return f"{self.pick(['s', 'a-b', 'x_y'])}{self.count}"

    # --- parts ---

    def reference(self, ids: list[str], in_list: bool) -> str:
        options = ["input.count", "input.items[1].v", "input.none", "variables.limit"]
        options += ["item.v", "index"] if in_list else []
        options += ["failure.step_id", "failure.error_type", "failure.others"] if self.after_failure else []
        for step_id in ids[-6:]:
            options += [f"{step_id}{path}" for path in self.paths.get(step_id, [])]
            options += [f"{step_id}.status", step_id]
        return str(self.pick(options))

    def some_path(self, step_id: str) -> str:
        """The step, or a path that its output may have."""
        return step_id + str(self.pick(self.paths.get(step_id) or [""]))

    def condition(self, ids: list[str], in_list: bool) -> Any:
        left = self.reference(ids, in_list)
        text = self.pick(
            [
                f"{left} > 1",
                f"{left} == 2",
                f"not ({left} is_empty)",
                f"{left} exists and input.flag",
                f"{left} != 'failed'",
            ]
        )
        if left.endswith(".decision"):  # known to be none of what the others compare it with
            text = f"{left} == '{self.pick(['approved', 'denied'])}'"
        return self.pick(
            [text, [text, "input.count >= 1"], {"logical_operator": "or", "conditions": [text, "input.none"]}]
        )

    def source(self, ids: list[str], in_list: bool) -> Any:
        reference = self.reference(ids, in_list)
        return self.pick(
            [
                reference,
                reference,
                {"value": {"k": ["{% $x %}", 'quo"te']}},
                {"template": "n={{ " + reference + " }}!"},
                [1, 2],
            ]
        )

    # --- steps ---

    def body(self, depth: int, in_list: bool, outer: list[str], most: int) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = []
        size = self.choices.number(1, most)
        for _ in range(size):
            if self.budget <= 0 and steps:
                break
            self.budget -= 1
            steps.append(self.step(depth, in_list, outer, [s["step_id"] for s in steps]))
        return steps

    def step(self, depth: int, in_list: bool, outer: list[str], before: list[str]) -> dict[str, Any]:
        step: dict[str, Any] = {"step_id": self.new_id()}
        visible = outer + before
        if before and self.chance(65):
            step["dependencies"] = self.choices.some(before, 3)
        if self.rules:
            if self.chance(30):
                step["trigger_rule"] = self.pick(_RULES)
            if self.chance(25):
                step["conditions"] = self.condition(visible, in_list)
            if self.chance(30):
                step["critical"] = False
        kinds = ["probe"] * 6 + ["pure", "each", "rows"] + (["map"] if depth < 2 else [])
        if depth < 2 and not self.plain:
            kinds += ["loop", "switch"]
        if self.approvals:
            kinds += ["approval"] * 4
        kind = self.pick(kinds)
        getattr(self, f"_{kind}")(step, depth, in_list, visible)
        if step["step_type"] == PROBE:
            self.paths[step["step_id"]] = _PROBE_PATHS
        return step

    def _config(self, step: dict[str, Any], each: bool = False) -> dict[str, Any]:
        tolerated = step.get("critical") is False
        if not self.rules or not self.chance(35):
            return {}
        if self.chance(30):
            step["max_retries"] = self.choices.number(1, 2)
            if self.chance(70):
                return {"failing_attempts": self.choices.number(1, step["max_retries"])}
        if not tolerated:
            if not self.may_fail or not self.chance(25):
                return {}
            self.may_fail = False
        return {"fail_index": 1} if each else {"fail": True}

    def _probe(self, step: dict[str, Any], depth: int, in_list: bool, visible: list[str]) -> None:
        step |= {"step_type": PROBE, "config": self._config(step)}
        if self.chance(60):
            step["input_mapping"] = {f"p{i}": self.source(visible, in_list) for i in range(self.choices.number(0, 2))}

    def _approval(self, step: dict[str, Any], depth: int, in_list: bool, visible: list[str]) -> None:
        config: dict[str, Any] = {
            "prompt": f"{self.choices.number(0, 2)} {self.pick(['approved', 'denied', 'late'])}",
            "timeout_seconds": 60,
            "on_deny": self.pick(["complete", "fail"]),
            "on_timeout": self.pick(["fail", "deny", {"decision": "approved", "payload": [1]}, {"decision": "denied"}]),
        }
        retries = self.choices.number(0, 2)
        fails = isinstance(random_approvals.outcome(config, retries + 1), str)
        if fails and step.get("critical") is not False:
            if self.may_fail:
                self.may_fail = False
            else:
                config |= {"on_deny": "complete", "on_timeout": "deny"}
        step |= {"step_type": random_approvals.APPROVAL, "config": config, "max_retries": retries}
        if self.chance(30):
            step["for_each"] = self._list(visible)
        if self.chance(40):
            step["input_mapping"] = {"p": self.source(visible, in_list or "for_each" in step)}
        self.paths[step["step_id"]] = [] if "for_each" in step else random_approvals.PATHS

    def _pure(self, step: dict[str, Any], depth: int, in_list: bool, visible: list[str]) -> None:
        step |= {"step_type": "merge", "config": {"mode": "wait_all", "combine_mode": "array"}}
        self.paths[step["step_id"]] = [".data", ".completed_count", ".sources[-1]"]
        if not step.get("dependencies") or self.chance(50):
            step["input_mapping"] = {"a": self.source(visible, in_list), "b": self.source(visible, in_list)}

    def _rows(self, step: dict[str, Any], depth: int, in_list: bool, visible: list[str]) -> None:
        step |= {
            "step_type": "data_input",
            "config": {"data": {"rows": [{"v": i} for i in range(self.choices.number(0, 3))]}},
        }
        self.rows.append(step["step_id"])
        self.paths[step["step_id"]] = [".data.rows", ".data.rows.v", ".data.rows[0].v", ".success"]

    def _list(self, visible: list[str]) -> str:
        options = ["variables.pair", *(f"{i}.data.rows" for i in self.rows if i in visible)]
        if not self.plain:
            options += ["input.items", "input.one", "input.none"]
            options += [f"{i}.list" for i in visible[-4:] if self.paths.get(i) is _PROBE_PATHS]
        return str(self.pick(options))

    def _each(self, step: dict[str, Any], depth: int, in_list: bool, visible: list[str]) -> None:
        step |= {"step_type": PROBE, "for_each": self._list(visible), "config": self._config(step, each=True)}
        step["input_mapping"] = {"item": "item", "i": "index", "p": self.source(visible, True)}
        if self.rules and self.chance(40):
            step["conditions"] = "item.v > 0"

    def _map(self, step: dict[str, Any], depth: int, in_list: bool, visible: list[str]) -> None:
        steps = self.body(depth + 1, True, visible, 3)
        output = self._output(step, steps)
        step |= {"step_type": "map", "config": {"items": self._list(visible), "steps": steps, **output}}

    def _loop(self, step: dict[str, Any], depth: int, in_list: bool, visible: list[str]) -> None:
        own = step["step_id"]
        steps = self.body(depth + 1, in_list, [*visible, own], 3)
        output = self._output(step, steps)
        last = self.some_path(steps[-1]["step_id"])
        kind, test = self.pick(
            [
                ("until", f"index >= {self.choices.number(0, 2)}"),
                ("until", f"{last} > 1"),
                ("until", f"{steps[-1]['step_id']}.status == 'skipped'"),
                ("while", f"{self.some_path(own)} != 2"),
                ("while", f"{own} is_null"),
            ]
        )
        config = {kind: test, "max_iterations": self.choices.number(1, 3), "steps": steps, **output}
        # Running out of turns is a failure of its own.
        step |= {"step_type": "loop", "critical": False, "config": config}

    def _switch(self, step: dict[str, Any], depth: int, in_list: bool, visible: list[str]) -> None:
        cases = [
            {"when": self.condition(visible, in_list), "steps": self.body(depth + 1, in_list, visible, 2)}
            for _ in range(self.choices.number(1, 2))
        ]
        default = self.body(depth + 1, in_list, visible, 2) if self.chance(50) else []
        for steps in [case["steps"] for case in cases] + ([default] if default else []):
            self._give_last(step, steps)
        step |= {"step_type": "switch", "config": {"cases": cases, "default": default}}

    def _output(self, container: dict[str, Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
        if self.chance(25):
            self.paths[container["step_id"]] = [".last", ".const"]
            return {"output": {"last": self.some_path(steps[-1]["step_id"]), "const": {"value": 1}}}
        self._give_last(container, steps)
        return {}

    def _give_last(self, container: dict[str, Any], steps: list[dict[str, Any]]) -> None:
        """No step reads a later one, so the last of a body is among those whose outputs the container gives."""
        last = steps[-1]["step_id"]
        paths = self.paths.setdefault(container["step_id"], [])
        paths += [f".{last}", *(f".{last}{path}" for path in self.paths.get(last, [])[:2])]


def random_workflow(
    choices: Choices, *, rules: bool = True, plain: bool = False, approvals: bool = False, most: int = 7
) -> dict[str, Any]:
    """A workflow document. Without `rules` only a loop or switch may skip a step, or fail. If `plain`, it has neither these
    nor lists of unknown size: every run of it goes the same way. With `approvals` some of its steps ask.
    """
    drawing = _Drawing(choices, rules=rules and not plain, plain=plain, approvals=approvals)
    steps = drawing.body(0, False, [], most)
    document: dict[str, Any] = {
        "name": "random",
        "execution_pattern": choices.pick(_PATTERNS),
        "variables": {"limit": 2, "pair": [{"v": 1}, {"v": 0}]},
        "steps": steps,
    }
    if drawing.chance(50):
        document["output"] = {"out": steps[-1]["step_id"], "how": steps[0]["step_id"] + ".status"}
    return document


def random_saga(choices: Choices, *, approvals: bool = False) -> dict[str, Any]:
    """A workflow document in which a critical step mostly fails, with steps that undo others and deal with the failure."""
    drawing = _Drawing(choices, approvals=approvals)
    steps = drawing.body(0, False, [], 6)
    if drawing.may_fail and drawing.chance(85):
        _make_fail(drawing, steps)
    drawing.may_fail = False
    drawing.after_failure = True
    ids = [step["step_id"] for step in steps]
    undoing: list[str] = []
    for step in steps:
        if drawing.chance(50):
            drawing.budget = 2
            step["compensate"] = _after_failure(drawing, ids, undoes_elements="for_each" in step)
            undoing += [one["step_id"] for one in step["compensate"]]
    undoing += _undo_inside(drawing, steps)
    drawing.budget = 3
    on_failure = _after_failure(drawing, ids + undoing) if not undoing or drawing.chance(60) else []
    return {
        "name": "saga",
        "execution_pattern": choices.pick(_PATTERNS),
        "variables": {"limit": 2, "pair": [{"v": 1}, {"v": 0}]},
        "steps": steps,
        "on_failure": on_failure,
    }


def _undo_inside(drawing: _Drawing, steps: list[dict[str, Any]]) -> list[str]:
    """Let steps inside of critical switches be undone. Gives the ids of what undoes them."""
    made: list[str] = []
    for switch in steps:
        if switch["step_type"] != "switch" or switch.get("critical") is False:
            continue
        config = switch["config"]
        inside = [*(step for case in config["cases"] for step in case["steps"]), *config["default"]]
        made += _undo_inside(drawing, inside)
        for step in inside:
            if drawing.chance(70):
                own = drawing.new_id()
                mapping = drawing.pick([None, {"was": step["step_id"], "why": "failure.step_id"}])
                step["compensate"] = [
                    {"step_id": own, "step_type": PROBE, **({"input_mapping": mapping} if mapping else {})}
                ]
                drawing.paths[own] = _PROBE_PATHS
                made.append(own)
    return made


def _after_failure(drawing: _Drawing, outer: list[str], *, undoes_elements: bool = False) -> list[dict[str, Any]]:
    """A body of failure steps, some of which fail. What undoes elements is one step per element."""
    steps = drawing.body(1, undoes_elements, outer, 3)
    while undoes_elements and (others := [s for s in steps if s["step_type"] != PROBE or "for_each" in s]):
        left = [step for step in steps if others[0]["step_id"] not in json.dumps(step)]
        steps = [step for step in left if step is not others[0]]
    for step in steps:
        step.pop("critical", None)
        if step["step_type"] == PROBE and "for_each" not in step and drawing.chance(25):
            step["config"] = {"fail": True}
    return steps


def _make_fail(drawing: _Drawing, steps: list[dict[str, Any]]) -> None:
    """Let one step of the body fail critically; one of the workflow's own, or one inside of a switch or map."""
    step = drawing.pick(steps)
    inner = step["config"] if step["step_type"] in ("map", "switch") else {}
    bodies = [inner.get("steps", []), *(case["steps"] for case in inner.get("cases", []))]
    step.pop("critical", None)
    if any(bodies) and drawing.chance(60):
        _make_fail(drawing, drawing.pick([body for body in bodies if body]))
    elif step["step_type"] == PROBE and "for_each" in step:
        step["config"] = {"fail_index": 0}
    elif step["step_type"] == random_approvals.APPROVAL:
        step["config"] |= {"prompt": "0 denied", "on_deny": "fail"}
    elif step["step_type"] == PROBE and drawing.chance(60):
        step["config"] = {"fail": True}
    elif step["step_type"] in (PROBE, "merge"):
        for name in ("config", "input_mapping", "max_retries"):
            step.pop(name, None)
        step |= {"step_type": "fail", "config": {"error": "Refused", "message": "n={{ variables.limit }}"}}
        drawing.paths[step["step_id"]] = []


@st.composite
def sagas(draw: Any, *, approvals: bool = False) -> dict[str, Any]:
    """Documents of `random_saga` as hypothesis draws them."""
    return random_saga(_Drawn(draw), approvals=approvals)


@st.composite
def workflows(
    draw: Any, *, rules: bool = True, plain: bool = False, approvals: bool = False, most: int = 7
) -> dict[str, Any]:
    """Workflow documents as hypothesis draws them."""
    return random_workflow(_Drawn(draw), rules=rules, plain=plain, approvals=approvals, most=most)
