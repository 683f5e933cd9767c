"""Where a step stands is told to it as the key of its result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("local-cloud")

WHERE = "def handler(event, context):\n    return event['execution_context']['place']\n"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    folder = tmp_path_factory.mktemp("steps")
    (folder / "where.py").write_text(WHERE)
    with LocalCloud(steps_directory=folder) as cloud:
        yield cloud


def where(step_id: str, **more: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "where", **more}


def mapped(step_id: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    config = {"items": "input.list", "steps": [*steps]}
    return {"step_id": step_id, "step_type": "map", "config": config, **more}


def looped(step_id: str, *steps: dict[str, Any]) -> dict[str, Any]:
    config = {"until": f"{steps[0]['step_id']}.output == 'none' or index >= 1", "max_iterations": 3, "steps": [*steps]}
    return {"step_id": step_id, "step_type": "loop", "config": config}


def switched(step_id: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    config = {"cases": [{"when": "input.list == null", "steps": [where(f"z_{step_id}")]}], "default": [*steps]}
    return {"step_id": step_id, "step_type": "switch", "config": config, **more}


BODIES = {
    "alone": (where("a"),),
    "for_each": (where("a", for_each="input.list"),),
    "map": (mapped("m", where("a"), where("b")),),
    "map in map in map": (mapped("m", mapped("n", mapped("o", where("a"), where("b", dependencies=["a"])))),),
    "for_each in map": (mapped("m", where("a", for_each="input.list"), where("b", for_each="input.list")),),
    "loop": (looped("l", where("a")),),
    "map in loop in map": (mapped("m", looped("l", mapped("n", where("a")))),),
    "switch": (switched("s", where("a"), where("b")),),
    "switch that may fail, in a map in a switch": (
        switched("s", mapped("m", switched("t", where("a"), critical=False), where("b", critical=False))),
    ),
    "after pure steps of an element": (
        mapped(
            "m",
            mapped(
                "n", {"step_id": "p", "step_type": "data_input", "config": {"data": 1}}, where("a", dependencies=["p"])
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_step_is_told_the_key_of_its_result(cloud: LocalCloud, name: str) -> None:
    body: dict[str, Any] = {"name": "Places", "steps": [*BODIES[name]], "input": {"list": ["x", "y"]}}
    status, results = cloud.call("POST", "/workflows/execute?wait=20", body)
    assert (status, results["status"]) == (200, "completed"), results.get("errors", results)
    own = {key: r["output_data"] for key, r in results["step_results"].items() if key.split(".")[-1][:1] in "ab"}
    told = {key: output for key, output in own.items() if isinstance(output, str)}
    assert told
    assert told == {key: key for key in told}
