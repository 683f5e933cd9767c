"""`workflow graph`: pictures of workflow files."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import resvg_py
from click.testing import CliRunner, Result

from infra.local.cli.commands import main
from infra.local.cli.graph import statuses_of
from infra.local.cloud import LocalCloud
from infra.local.drawing.layout import PlacedBox, lay_out
from infra.local.drawing.svg import svg
from tests.support.example_runs import EXAMPLES, load
from tests.support.local_server import running_server
from workflow_engine.compiler.reports.drawing import Drawing, drawing_of_workflow
from workflow_engine.language import parse_workflow
from workflow_engine.steps import builtin_catalogue

SVG = "{http://www.w3.org/2000/svg}"


def graph(*arguments: str, document: Any = None) -> Result:
    given = None if document is None else json.dumps(document)
    return CliRunner().invoke(main, ["graph", *arguments], input=given)


def drawing(document: Any) -> Drawing:
    parsed = parse_workflow(document, builtin_catalogue())
    assert parsed.workflow is not None, parsed.diagnostics
    return drawing_of_workflow(parsed.workflow)


def one(**fields: Any) -> dict[str, Any]:
    steps = [{"step_id": "a", "step_type": "data_input", "config": {"data": {}}, **fields}]
    return {"name": "One", "steps": steps}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_boxes_of_an_example_do_not_overlap_and_lie_in_what_holds_them(example: Path) -> None:
    def check(boxes: tuple[PlacedBox, ...], size: tuple[int, int]) -> None:
        for i, box in enumerate(boxes):
            assert box.at[0] >= -1
            assert box.at[1] >= -1
            assert box.at[0] + box.size[0] <= size[0] + 1
            assert box.at[1] + box.size[1] <= size[1] + 1
            for other in boxes[:i]:
                beside = any(
                    box.at[k] + box.size[k] <= other.at[k] or other.at[k] + other.size[k] <= box.at[k] for k in (0, 1)
                )
                assert beside, (box.box.name, other.box.name)
            for part in box.parts:
                assert part.at[0] + part.size[0] <= box.size[0]
                assert part.at[1] + part.size[1] <= box.size[1]
                check(part.layout.boxes, part.layout.size)

    layout = lay_out(drawing(load(example / "workflow.json")))
    check(layout.boxes, layout.size)


def test_the_same_workflow_gives_the_same_bytes_in_another_process() -> None:
    file = str(EXAMPLES[0] / "workflow.json")
    command = [sys.executable, "-m", "infra.local.cli", "graph", file, "--svg"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == graph(file, "--svg").stdout_bytes


def test_what_xml_cannot_hold_is_replaced_and_the_rest_escaped() -> None:
    nasty = "<script>&\"'\x00\x1b\ufffe\u202e]]>"
    condition = {"left_operand": "input.x", "operator": "==", "right_operand": {"value": nasty}}
    root = ElementTree.fromstring(svg(drawing(one(conditions=condition) | {"name": nasty}), nasty))  # raises for no XML
    assert root.findtext(f"{SVG}title") == "<script>&\"'" + "\N{REPLACEMENT CHARACTER}" * 4 + "]]>"
    assert not root.findall(f".//{SVG}script")


def test_a_long_condition_is_cut_in_the_box_and_whole_in_its_title() -> None:
    condition = " or ".join(f"input.field_{i} == {i}" for i in range(20))
    root = ElementTree.fromstring(svg(drawing(one(conditions=condition)), "One"))
    notes = [text.text or "" for text in root.findall(f".//{SVG}text")]
    assert max(len(note) for note in notes) == 44
    assert any(condition in (title.text or "") for title in root.findall(f".//{SVG}title"))


def test_a_run_is_shown_in_words_and_colours() -> None:
    saga = load(Path("statemachines/examples/saga/workflow.json"))
    root = ElementTree.fromstring(
        svg(drawing(saga), "Saga", {"hotel": "failed", "flight": "completed", "apology": "completed"})
    )
    shown = {rect.get("class") for rect in root.findall(f".//{SVG}rect")}
    assert {"box failed", "box completed", "box"} <= shown
    texts = [text.text for text in root.findall(f".//{SVG}text")]
    assert texts.count("data_processing · failed") == 1
    assert texts.count("output · completed") == 1


def test_a_picture_is_drawn_of_step_types_that_this_machine_does_not_know() -> None:
    done = graph("-", document={"name": "Far", "steps": [{"step_id": "a", "step_type": "ours@3", "config": {"x": 1}}]})
    assert (done.exit_code, done.stdout) == (0, 'flowchart TD\n  n0["a<br/><small>ours@3</small>"]\n')


def test_a_document_with_the_input_of_a_run_is_drawn_as_well() -> None:
    assert graph("-", document=one() | {"input": {"x": 1}}).exit_code == 0
    assert graph("-", document={"workflow": one(), "input": {"x": 1}}).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--svg", "--png"], "exclude each other"),
        (["-o", "picture.gif"], "tells no format"),
        (["--svg", "-o", "no/such/folder/a.svg"], "cannot be written"),
    ],
)
def test_a_wrong_command_line_is_told(arguments: list[str], told: str, tmp_path: Path) -> None:
    done = graph("-", *arguments, document=one())
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_wrong_workflow_ends_with_its_findings() -> None:
    done = graph(
        "-", document={"workflow": {"name": "x", "steps": [{"step_id": "a", "step_type": "merge", "depends": []}]}}
    )
    assert done.exit_code == 2
    assert "WFE-E101" in done.stderr


def test_without_the_libraries_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    done = graph("-", "--svg", document=one())
    assert done.exit_code == 1
    assert "workflow-engine[graph]" in done.stderr
    assert graph("-", "--mermaid", document=one()).exit_code == 0
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert "resvg" in graph("-", "--png", "-o", "/dev/null", document=one()).stderr


def test_a_png_is_twice_the_size_of_its_svg(tmp_path: Path) -> None:
    file = tmp_path / "one.png"
    done = graph("-", "-o", str(file), document=one())
    if "no usual font" in done.stderr:
        pytest.skip("no font is installed on this machine")
    assert done.exit_code == 0, done.stderr
    width, height = struct.unpack(">II", file.read_bytes()[16:24])
    root = ElementTree.fromstring(graph("-", "--svg", document=one()).stdout)
    assert (width, height) == (2 * int(root.get("width", "")), 2 * int(root.get("height", "")))


def test_a_png_that_would_have_no_text_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resvg_py, "svg_to_bytes", partial(resvg_py.svg_to_bytes, skip_system_fonts=True))
    done = graph("-", "-o", str(tmp_path / "none.png"), document=one())
    assert done.exit_code == 1
    assert "font" in done.stderr
    assert not (tmp_path / "none.png").exists()


SALES = {
    "name": "Sales",
    "execution_pattern": "dependency",
    "input": {"shops": [{"id": 1}, {"id": 2}]},
    "steps": [
        {
            "step_id": "shops",
            "step_type": "map",
            "critical": False,
            "config": {
                "items": "input.shops",
                "max_items": 5,
                "steps": [
                    {
                        "step_id": "sales",
                        "step_type": "transform",
                        "input_mapping": {"id": "item.id"},
                        "config": {"expression": "id"},
                    },
                    {"step_id": "none", "step_type": "fail", "conditions": "sales == 2", "config": {"message": "no"}},
                ],
            },
        },
        {"step_id": "report", "step_type": "output", "dependencies": ["shops"], "trigger_rule": "all_done"},
    ],
}  # fmt: skip


@pytest.mark.xdist_group("local-cloud")
def test_a_run_is_drawn_without_a_file_and_a_step_in_a_map_has_the_worst_of_its_parts() -> None:
    with LocalCloud() as cloud, running_server(cloud.gateway) as url:
        _, results = cloud.call("POST", "/workflows/execute?wait=20", SALES)
        done = graph("--run", results["execution_id"], "--svg", "--api", url)
        missing = graph("--run", "never-was", "--api", url)
    texts = {text.text for text in ElementTree.fromstring(done.stdout).findall(f".//{SVG}text")}
    assert {"map · failed", "fail · failed", "output · completed", "transform · completed"} <= texts
    assert missing.exit_code == 1
    assert "never-was" in missing.stderr


def test_neither_a_file_nor_a_run_is_a_mistake() -> None:
    assert graph("--svg").exit_code == 2
    assert graph("-", "--compiled", "--run", "x", document=one()).exit_code == 2


def test_the_compiled_machine_is_drawn_on_request() -> None:
    done = graph(str(Path("statemachines/examples/order/workflow.json")), "--compiled")
    assert "<small>Parallel</small>" in done.stdout
    assert "<small>Map</small>" in done.stdout


def test_a_step_has_its_own_status_and_not_that_of_an_element() -> None:
    results = {
        "a": {"status": "completed"},
        "a[0]": {"status": "failed"},
        "m[0].b": {"status": "skipped"},
        "m[1].b": {"status": "aborted"},
    }
    assert statuses_of(results) == {"a": "completed", "b": "aborted"}
