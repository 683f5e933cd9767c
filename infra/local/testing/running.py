"""Cases on one cloud: each from its start to what was observed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import random
import time
from collections.abc import Awaitable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from infra.local.cloud import LocalCloud
from infra.local.mocking.desk import decide_by, stage_for, status_of
from infra.local.mocking.mocks import Book
from infra.local.mocking.stage import Problem, Stage, evaluate_with
from infra.local.mocking.tasks import tolerated_of
from infra.local.mocking.virtual_time import VirtualLoop
from infra.local.testing.flows import Flow, FlowStep
from infra.local.testing.model import Action, Case, Stored
from infra.local.testing.observed import Observed
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.http.caller import LOCAL_TENANT
from workflow_engine.statuses import has_ended
from workflow_engine.usecases.engine import Engine

if TYPE_CHECKING:
    from infra.local.stepfunctions.engine import Engine as Machines

DEFAULT_NOW: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC).timestamp()
"""When a case begins that does not say: a Monday morning."""

REAL_SECONDS: Final = 60.0
"""What a case may take on the machine that it runs on."""

FINAL: Final = frozenset({"completed", "failed", "cancelled", "timed_out"})


class CannotRunError(Exception):
    """A workflow, or what its cases need in the store, is refused. `findings` are those of the API."""

    def __init__(self, told: str, findings: tuple[Mapping[str, str], ...] = ()) -> None:
        super().__init__(told)
        self.findings = findings


class Bench:
    """A cloud whose time is that of the case that runs, one after the other. Workflows stay compiled."""

    def __init__(self, steps: Path | None = None) -> None:
        self.steps = steps
        self._loop: VirtualLoop | None = None
        self._random = random.Random(0)
        self._choices: set[tuple[str, str, int | None]] = set()
        self._cloud = LocalCloud(
            steps_directory=steps,
            skips_time=True,
            now=self._now,
            machine_options={"loop": self._new_loop, "randomness": self._random, "on_choice": self._on_choice},
        )
        self._flows: dict[str, Flow] = {}
        self._stored: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Self:
        self._cloud.__enter__()
        return self

    @property
    def ignored(self) -> Mapping[str, str]:
        """Files of the folder of steps that are no step types, and why."""
        return {} if self._cloud.found is None else self._cloud.found.ignored

    def __exit__(self, *ended: object) -> None:
        self._cloud.__exit__(*ended)

    def _new_loop(self) -> VirtualLoop:
        self._loop = VirtualLoop()
        return self._loop

    def _now(self) -> datetime:
        now = time.time() if self._loop is None else self._loop.now()
        return datetime.fromtimestamp(now, UTC)

    def _on_choice(self, arn: str, state: str, rule: int | None) -> None:
        self._choices.add((arn, state, rule))

    @property
    def _engine(self) -> Machines:
        return self._cloud.step_functions().engine

    # The store

    def store(self, stored: Stored) -> None:
        """Let the store hold just these definitions. Raises CannotRunError."""
        wanted = {
            (kind, name): document
            for kind, documents in (
                ("prompts", stored.prompts),
                ("agents", stored.agents),
                ("workflows", stored.workflows),
            )
            for name, document in documents.items()
        }
        for kind, name in reversed([key for key in self._stored if key not in wanted]):
            self._cloud.call("DELETE", f"/{kind}/{name}")
            del self._stored[kind, name]
        for (kind, name), document in wanted.items():
            text = json.dumps(document)
            if self._stored.get((kind, name)) == text:
                continue
            status, answer = self._cloud.call("PUT", f"/{kind}/{name}", document)
            if status >= 400:
                raise CannotRunError(
                    f"{kind.removesuffix('s').capitalize()} '{name}' is refused.", tuple(answer["errors"])
                )
            self._stored[kind, name] = text

    def flow(self, document: Any) -> Flow:
        """A workflow, compiled. Raises CannotRunError with its findings."""
        key = json.dumps(document)
        if key not in self._flows:
            status, answer = self._cloud.call("POST", "/workflows/compile", document)
            if status >= 400:
                raise CannotRunError("The workflow is refused.", tuple(answer["errors"]))
            self._flows[key] = Flow.of(document, answer["asl"])
        return self._flows[key]

    def findings(self, document: Any) -> tuple[Mapping[str, str], ...]:
        """All errors and warnings of a workflow."""
        _, answer = self._cloud.call("POST", "/workflows/validate", document)
        return (*answer.get("errors", ()), *answer.get("warnings", ()))

    # A case

    def run(self, document: Any, case: Case, others: Mapping[str, FlowStep]) -> Observed:
        """Run a case to its end. `others` are the steps of workflows that it may start."""
        flow = self.flow(document)
        problems = self._address_problems(flow, case, others)
        if problems:
            return Observed(problems=problems)
        self._cloud.step_functions()
        assert self._loop is not None
        loops = flow.loops | {name for name, step in others.items() if step.step_type == "loop"}
        stage = stage_for(
            Book(dict(case.mocks), evaluate_with(self._engine.evaluator)),
            loops=loops,
            tolerated=tolerated_of(document),
            secrets=case.secrets,
            unmocked=case.unmocked,
            elapsed=self._loop.elapsed,
        )
        with _time_zone(case.time_zone):
            return self._observe(document, case, stage)

    def _address_problems(self, flow: Flow, case: Case, others: Mapping[str, FlowStep]) -> list[Problem]:
        mocks = [*case.mocks.values(), *(mock for action in case.actions for mock in action.mocks.values())]
        found = []
        for mock in mocks:
            told = flow.address_problem(mock.address, others)
            if told is not None:
                found.append(Problem(f"mock '{mock.address}': {told}", mock.place))
        return found

    def _observe(self, document: Any, case: Case, stage: Stage) -> Observed:
        loop = self._loop
        assert loop is not None
        self._random.seed(case.seed)
        self._choices = set()
        self._in_loop(self._hold(case.now or DEFAULT_NOW))
        self._cloud.desk().expect(stage)
        body = {"workflow": document, "input": case.input, "mocks": {}, **case.user}
        status, started = self._cloud.call("POST", "/workflows/execute", body)
        if status >= 400:
            self._in_loop(self._release())
            return Observed(problems=[Problem(f"The run is refused: {_sentences(started)}", case.place)])
        execution_id = started["execution_id"]
        arn = Engine.from_environment().executions.get(LOCAL_TENANT, execution_id).execution_arn
        conducting = asyncio.run_coroutine_threadsafe(self._conduct(case, stage, execution_id, arn), loop)
        has_ended_in_time = True
        try:
            conducting.result(REAL_SECONDS)
        except TimeoutError:
            has_ended_in_time = False
            conducting.cancel()
            told = f"The case has not ended within {REAL_SECONDS:g} seconds of this machine. Does a step that really runs hang?"
            stage.note(told, case.place)
        must_have_ended = has_ended_in_time and case.expect.get("status") != "waiting"
        results = self._results(execution_id, must_have_ended=must_have_ended)
        observed = Observed(
            results,
            stage.calls,
            stage.most_at_once,
            stage.problems,
            self._in_loop(self._order(arn)),
            {(state, rule) for of_run, state, rule in self._choices if of_run == arn},
            duration=self._in_loop(self._lasted(arn)),
            evaluate=stage.book.evaluate,
        )
        self._unused(case, stage, observed)
        self._in_loop(self._stop_all())
        self._cloud.desk().forget(execution_id)
        return observed

    def _in_loop(self, work: Awaitable[Any]) -> Any:
        assert self._loop is not None

        async def done() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(REAL_SECONDS)

    async def _hold(self, now: float) -> None:
        """Let a case begin, whose time stands until it is told what happens in it."""
        assert self._loop is not None
        self._loop.begin(now)
        self._loop.works_outside += 1

    async def _release(self) -> None:
        assert self._loop is not None
        self._loop.works_outside -= 1

    async def _conduct(self, case: Case, stage: Stage, execution_id: str, arn: str) -> None:
        """Do what is done from outside, then wait for the end."""
        loop = self._loop
        assert loop is not None
        waits = self._hold_before_deadlines(stage, arn) if case.expect.get("status") == "waiting" else None
        stops = asyncio.ensure_future(waits.wait()) if waits is not None else None
        began = loop.time()
        await self._release()
        try:
            for action in sorted(case.actions, key=lambda action: action.at):
                await asyncio.sleep(max(0.0, began + action.at - loop.time()))
                await self._act(action, stage, execution_id)
            ends = asyncio.ensure_future(self._engine.end_of(arn))
            await asyncio.wait([ends, *([stops] if stops else [])], return_when=asyncio.FIRST_COMPLETED)
            ends.cancel()
        finally:
            if stops is not None:
                stops.cancel()
            loop.works_outside += 1  # nothing goes on until the next case, or until this one is cleared away

    def _hold_before_deadlines(self, stage: Stage, arn: str) -> asyncio.Event:
        """Let no time pass that would end a call which never answers; gives what is told when only that could happen."""
        loop = self._loop
        assert loop is not None
        ends = min(
            (run.deadline() or math.inf for run in self._engine.in_memory() if run.head.arn == arn), default=math.inf
        )

        def limit() -> float | None:
            if not stage.hanging:
                return None
            due = min(ends, *(attempt.due for attempt in stage.hanging.values()))
            return loop.time() + due - loop.now()

        loop.limit, loop.held_back = limit, asyncio.Event()
        return loop.held_back

    async def _act(self, action: Action, stage: Stage, execution_id: str) -> None:
        try:
            if action.mocks:
                stage.book.renew(action.mocks)
            status, told = await self._engine.helpers.call(self._acted, action, execution_id)
        except Exception as error:
            stage.note(f"'{action.kind}' fails: {error}", action.place)
            return
        if action.expect_error is None and status >= 400:
            stage.note(f"'{action.kind}' is refused with {status}: {told}", action.place)
        elif action.expect_error is not None and status != action.expect_error:
            done = f"is refused with {status}: {told}" if status >= 400 else "is taken"
            stage.note(f"'{action.kind}' {done}; expected to be refused with {action.expect_error}", action.place)

    def _acted(self, action: Action, execution_id: str) -> tuple[int, str]:
        """Do it; gives the status that the API would answer, and what it says. In a thread."""
        if action.kind == "decide":
            for step_id, said in action.value.items():
                given = {"decision": said} if isinstance(said, str) else dict(said)
                more = {name: given[name] for name in ("comment", "payload") if name in given}
                try:
                    decide_by(execution_id, step_id, given.get("element"), given.get("decision"), given.get("by"), more)
                except WorkflowEngineError as error:
                    return status_of(error), str(error)
            return 200, ""
        path = f"/executions/{execution_id}/{action.kind}"
        body = {"cause": action.value} if action.kind == "cancel" and isinstance(action.value, str) else {}
        status, answer = self._cloud.call("POST", path, body)
        return status, "" if status < 400 else _sentences(answer)

    # What came of it

    def _results(self, execution_id: str, *, must_have_ended: bool) -> dict[str, Any]:
        path = f"/executions/{execution_id}/results"
        until = time.monotonic() + REAL_SECONDS
        while True:
            _, results = self._cloud.call("GET", path)
            if has_ended(results["status"]) or not must_have_ended or time.monotonic() > until:
                break
            self._cloud.wait_for_an_end(0.02)
        while cursor := results["next_cursor"]:
            _, page = self._cloud.call("GET", f"{path}?cursor={cursor}")
            results["step_results"] |= page["step_results"]
            results["next_cursor"] = page["next_cursor"]
        holders = ((results, "output"), *((step, "output_data") for step in results["step_results"].values()))
        for holder, name in holders:
            if (holder.get("output_link") or {}).get("href"):
                holder[name] = self._cloud.call("GET", holder.pop("output_link")["href"])[1]
        return dict(results)

    async def _order(self, arn: str) -> list[str]:
        """The names of states as they were first entered."""
        entries = self._engine.journal.entries(arn)
        names = [entry.fields["name"] for entry in entries if entry.type.endswith("StateEntered")]
        return list(dict.fromkeys(names))

    async def _lasted(self, arn: str) -> float:
        head = self._engine.head(arn)
        assert self._loop is not None
        return (head.stopped if head.stopped is not None else self._loop.now()) - head.started

    def _unused(self, case: Case, stage: Stage, observed: Observed) -> None:
        idle = steps_not_expected(case.expect)
        for mock, reply in stage.book.unused():
            if mock.address in idle:
                continue
            if reply is None:
                told = (
                    f"mock '{mock.address}' was never used. Take it out, or say that the step does not run: "
                    f"never: [{mock.address}]"
                )
                observed.problems.append(Problem(told, mock.place))
            else:
                observed.problems.append(Problem(f"a reply of mock '{mock.address}' was never used", reply.place))

    async def _stop_all(self) -> None:
        """End what a case has left behind."""
        for run in self._engine.in_memory():
            with contextlib.suppress(Exception):
                self._engine.stop_run(run.head.arn, None, "The case is over.")
        for _ in range(5):
            await asyncio.sleep(0)
        await self._release()


def steps_not_expected(expect: Mapping[str, Any]) -> set[str]:
    """The addresses of which a case says that nothing is called: their mocks are there in vain on purpose."""
    calls = expect.get("calls") or {}
    steps = expect.get("steps") or {}
    none = {
        name
        for name, wanted in calls.items()
        if wanted == 0 or (isinstance(wanted, Mapping) and wanted.get("count") == 0)
    }
    idle = {name for name, wanted in steps.items() if _status_of(wanted) in ("skipped", "pending")}
    return {*(expect.get("never") or ()), *none, *idle}


def _status_of(wanted: Any) -> Any:
    return wanted.get("status") if isinstance(wanted, Mapping) else wanted


def _sentences(problem: Any) -> str:
    errors = problem.get("errors") if isinstance(problem, Mapping) else None
    return " ".join(f"{e['pointer']} {e['detail']}".strip() for e in errors or ()) or str(problem)


@contextlib.contextmanager
def _time_zone(name: str | None) -> Iterator[None]:
    """Let this process be in a time zone while the block lasts."""
    if name is None or not hasattr(time, "tzset"):  # which Windows has not
        yield
        return
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
