"""Is every permission of every role needed? Take one action away at a time, deploy, and see whether a journey fails.

    python -m tests.mutation.iam_mutation [--jobs 2] [--only REGEX] [--exempt-too]

Each mutation gets an emulator of its own, because a machine that exists is not created again. An action whose removal no
journey notices is reported as superfluous. Those in `EXEMPTIONS` are not tried, unless asked for. Prints a table; exits with
1 when an action is superfluous, or an exempt one is noticed: then it should go from the list.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tests.e2e.harness.deployment import Deployment, deploy, invoke_statement, make_caller
from tests.e2e.harness.emulator import REGION, REPOSITORY, URL_VARIABLE, Emulator, running_emulator
from tests.e2e.harness.synthesis import Assembly, synthesize_all

JOURNEYS: Final = ("tests/e2e", "tests/journeys")
JOURNEYS_SECONDS: Final = 300

REMOVED: Final = "workflow:NoSuchAction"
"""What stands in the removed action's place, so that no statement is left without one."""

EXEMPTIONS: Final[dict[str, str]] = {
    r"\w+ logs:(CreateLogStream|PutLogEvents)": "a function's own log; the emulator writes it whatever the role allows",
    r"\w+ xray:\w+": "tracing; the emulator has no X-Ray",
    r"MachineRole\w+ logs:\w+": "log delivery of machines; not emulated",
    r"MachineRole\w+ events:\w+": "asked by Step Functions itself to follow subflows; not emulated",
    r"MachineRole\w+ states:(DescribeExecution|StopExecution)": "asked by Step Functions itself of subflows; not emulated",
    r"ExecutionRecorder\w+ states:StopExecution": "a subflow that begins while its parent is cancelled: the moment is too short",
    r"Api\w+ states:DescribeExecution": "one look before `?wait` gives up; without it the answer is the same",
}
"""Regular expressions of policies and actions whose removal no journey can notice, each with the reason."""

FIRST: Final[dict[str, tuple[str, ...]]] = {
    "ExecutionRecorder": ("tests/e2e/test_events.py",),
    "ExecutionSweeper": ("tests/e2e/test_upkeep.py",),
    "MachineJanitor": ("tests/e2e/test_upkeep.py",),
    "ResultsArchiver": ("tests/e2e/test_upkeep.py",),
    "StepRegistrar": ("tests/e2e/test_workflow_step.py",),
    "MachineRole": ("tests/e2e/test_custom_step.py", "tests/journeys/test_subflows.py"),
    "StepAgent": ("tests/e2e/test_agents.py",),
    "ApiTools": ("tests/e2e/test_agents.py", "tests/journeys/test_tools.py"),
    "ApiAgents": ("tests/journeys/test_definitions.py", "tests/journeys/test_agents.py", "tests/e2e/test_agents.py"),
    "ApiSteps": ("tests/journeys/test_stored_workflows.py", "tests/e2e/test_idempotency.py"),
    "ApiWorkflows": ("tests/journeys/test_stored_workflows.py", "tests/e2e/test_idempotency.py"),
    "ApiExecutions": ("tests/journeys/test_runs.py",),
}
"""By the beginning of a policy's name, where its loss shows soonest. Everything else runs afterwards."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One action of one statement of one policy in a stack's template."""

    stack: str
    path: tuple[str | int, ...]
    policy: str
    action: str
    resources: str

    def applied(self, template: dict[str, Any]) -> dict[str, Any]:
        """The template without the action."""
        changed = copy.deepcopy(template)
        at: Any = changed
        for step in self.path[:-1]:
            at = at[step]
        at[self.path[-1]] = REMOVED
        return changed

    @property
    def exemption(self) -> str | None:
        """Why no journey can notice, or None."""
        name = f"{self.policy} {self.action}"
        return next((reason for pattern, reason in EXEMPTIONS.items() if re.fullmatch(pattern, name)), None)

    @property
    def journeys(self) -> tuple[str, ...]:
        """The files to run, in this order. Files, because pytest sorts those of a folder."""
        first = [file for name, files in FIRST.items() if self.policy.startswith(name) for file in files]
        return (*first, *(file for file in all_journeys() if file not in first))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened without the action: `noticed_by` is the first test that failed, or the stack that did."""

    mutation: Mutation
    noticed_by: str | None

    @property
    def verdict(self) -> str:
        """The table's last column."""
        if self.noticed_by is not None:
            return f"needed: {self.noticed_by}"
        return f"exempt: {self.mutation.exemption}" if self.mutation.exemption else "SUPERFLUOUS"

    @property
    def is_wrong(self) -> bool:
        """Superfluous, or exempt although a journey notices."""
        return (self.noticed_by is None) == (self.mutation.exemption is None)


def all_journeys() -> list[str]:
    """Every file with journeys."""
    files = (file for folder in JOURNEYS for file in sorted((REPOSITORY / folder).glob("test_*.py")))
    return [file.relative_to(REPOSITORY).as_posix() for file in files]


def mutations(stack: str, template: dict[str, Any]) -> Iterator[Mutation]:
    """Every action that a template allows a role."""
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        documents: list[tuple[tuple[str | int, ...], Any]] = []
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            documents.append((("PolicyDocument",), properties["PolicyDocument"]))
        elif resource["Type"] == "AWS::IAM::Role":
            policies = properties.get("Policies", [])
            documents += [(("Policies", i, "PolicyDocument"), p["PolicyDocument"]) for i, p in enumerate(policies)]
        for path, document in documents:
            for at, action, statement in _actions(document):
                full = ("Resources", logical_id, "Properties", *path, *at)
                yield Mutation(stack, full, logical_id, action, _short(statement.get("Resource")))


def _actions(document: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str, dict[str, Any]]]:
    for number, statement in enumerate(document["Statement"]):
        if statement.get("Effect") != "Allow":
            continue
        actions = statement["Action"]
        if isinstance(actions, str):
            yield ("Statement", number, "Action"), actions, statement
        else:
            for index, action in enumerate(actions):
                yield ("Statement", number, "Action", index), action, statement


def _short(resource: Any) -> str:
    text = resource if isinstance(resource, str) else json.dumps(resource)
    return text if len(text) <= 60 else f"{text[:57]}..."


def try_without(mutation: Mutation | None, assembly: Assembly) -> str | None:
    """Deploy without the action and run the journeys. Gives the first failure, None when all pass."""
    with tempfile.TemporaryDirectory(prefix="workflow-mutation-") as folder:
        if mutation is not None:
            assembly = _mutated(assembly, mutation, Path(folder))
        with running_emulator(Path(folder) / "emulator") as emulator:
            try:
                deployment = deploy(emulator, assembly)
            except RuntimeError as error:
                return str(error).partition("\n")[2] or str(error)
            return _first_failure(emulator, deployment, mutation.journeys if mutation else all_journeys())


def _mutated(assembly: Assembly, mutation: Mutation, folder: Path) -> Assembly:
    stack = next(s for s in assembly.stacks if s.name == mutation.stack)
    template = folder / "template.json"
    template.write_text(json.dumps(mutation.applied(json.loads(stack.template.read_text(encoding="utf-8")))))
    assets = tuple(replace(a, source=template) if a.key == stack.template_key else a for a in assembly.assets)
    return replace(assembly, assets=assets)


def _first_failure(emulator: Emulator, deployment: Deployment, journeys: Iterable[str]) -> str | None:
    caller = make_caller(emulator, "journeys", invoke_statement(deployment))
    environment = os.environ | {
        "WORKFLOW_API_URL": deployment.api_url,
        "WORKFLOW_API_AUTH": "sigv4",
        "AWS_ACCESS_KEY_ID": caller.access_key,
        "AWS_SECRET_ACCESS_KEY": caller.secret_key,
        "AWS_DEFAULT_REGION": REGION,
        URL_VARIABLE: emulator.url,
    }
    options = ["-n", "0", "-x", "-m", "not benchmark and not slow", "-p", "no:cacheprovider", "--tb=no", "-rfE"]
    try:
        run = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *journeys],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=JOURNEYS_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {JOURNEYS_SECONDS} s"
    if run.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) \S*::(\S+)", run.stdout, re.MULTILINE)
    return found.group(1) if found else (run.stdout + run.stderr)[-500:]


def _outcome(mutation: Mutation, assembly: Assembly, tries_exempt: bool) -> Outcome:
    if mutation.exemption is not None and not tries_exempt:
        return Outcome(mutation, None)
    return Outcome(mutation, try_without(mutation, assembly))


def main() -> int:
    """Run the check; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1, help="emulators at once")
    parser.add_argument(
        "--only", default="", help="only policies and actions in which this regular expression is found"
    )
    parser.add_argument("--exempt-too", action="store_true", help="try the exempt actions, which should change nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workflow-mutation-") as folder:
        assembly = synthesize_all(Path(folder) / "cdk.out")
        templates = [(s.name, json.loads(s.template.read_text(encoding="utf-8"))) for s in assembly.stacks]
        wanted = [
            m for name, t in templates for m in mutations(name, t) if re.search(options.only, f"{m.policy} {m.action}")
        ]
        if (failure := try_without(None, assembly)) is not None:
            print(f"The journeys fail with every permission in place: {failure}", file=sys.stderr)
            return 2
        print("| policy | action | resource | without it |\n|---|---|---|---|", flush=True)
        outcomes = []
        with ThreadPoolExecutor(options.jobs) as pool:
            for outcome in pool.map(lambda m: _outcome(m, assembly, options.exempt_too), wanted):
                m = outcome.mutation
                print(f"| {m.policy} | {m.action} | {m.resources} | {outcome.verdict} |", flush=True)
                outcomes.append(outcome)
    wrong = [outcome for outcome in outcomes if outcome.is_wrong]
    print(f"\n{len(outcomes)} actions, {len(wrong)} to look at")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
