"""A workflow with a step for each way to carry more than 256 KiB, none of them critical, and what its run must tell.

Run by a test on the local interpreter and by one on a real account: what AWS does is documented in part only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.support.run_report import RunReport, report
from workflow_engine.compiler import Compilation, compile_workflow
from workflow_engine.language import parse_workflow
from workflow_engine.steps import builtin_catalogue

FILLER: Final = "filler"
"""Step type of the function in `FUNCTION_SOURCE`."""

FUNCTION_SOURCE: Final = """
def handler(event, context):
    given = {**event["step_config"]["config"], **event["input_data"]}
    size = given["sizes"][given["index"]] if "sizes" in given else given.get("bytes", 0)
    return {"text": "x" * size}
"""

LIMIT: Final = 262_144
TOO_LARGE: Final = "States.DataLimitExceeded"

_CATALOGUE = builtin_catalogue().with_registered([{"step_type": FILLER}])


def _fill(step_id: str, size: int, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": FILLER, "config": {"bytes": size}, **fields}


TOLERATED: Final = ("result", "list", "fed", "pure")
"""Steps that fail because of their size: what a function returns, what a list adds up to, what a step is given, what
a state computes."""

DOCUMENT: Final[dict[str, Any]] = {
    "name": "Too large",
    "execution_pattern": "sequential",
    "variables": {"three": [1, 2, 3]},
    "steps": [
        _fill("result", 300_000, critical=False, max_retries=2),
        _fill("list", 100_000, critical=False, for_each="variables.three"),
        _fill("left", 150_000),
        _fill("right", 150_000),
        _fill("fed", 1, critical=False, max_retries=2, input_mapping={"a": "left.text", "b": "right.text"}),
        {
            "step_id": "pure",
            "step_type": "merge",
            "critical": False,
            "config": {"mode": "wait_all"},
            "input_mapping": {"a": "left.text", "b": "right.text"},
        },
        _fill("follower", 1, dependencies=["list"]),
        _fill(
            "last",
            1,
            trigger_rule="all_done",
            input_mapping={step: f"{step}.error.type" for step in TOLERATED},
        ),
    ],
    "output": {step: f"{step}.status" for step in (*TOLERATED, "last")},
}


def compiled(document: dict[str, Any]) -> Compilation:
    """A workflow's machine."""
    parsed = parse_workflow(document, _CATALOGUE)
    assert parsed.workflow is not None, parsed.diagnostics
    return compile_workflow(parsed.workflow, _CATALOGUE)


def check_run(events: Iterable[Mapping[str, Any]], compilation: Compilation) -> RunReport:
    """Assert that the run went on after each of these, and that its results say what was too large."""
    told = report(events, compilation.outline)
    assert told.status == "completed", told.error
    assert told.output == {**dict.fromkeys(TOLERATED, "failed"), "last": "completed"}
    assert told.step_results["follower"]["status"] == "skipped"
    assert told.step_results["last"]["status"] == "completed"
    words = {"result": "Its result", "list": "The results of its 3 elements", "fed": "input_mapping", "pure": "What it"}
    for step in TOLERATED:
        found = told.step_results[step]
        assert (found["status"], found["error_type"]) == ("failed", TOO_LARGE), found
        assert words[step] in found["error_message"], found
        assert found["retry_count"] == 0, found
    return told
