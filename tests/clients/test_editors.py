"""What editors make of the published schema: the language services behind VS Code, Neovim and others, for JSON and for YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import run_node
from tests.golden.test_schema_mistakes import VALIDATOR, validator_for, workflows
from tests.support import npm
from workflow_engine.steps import builtin_catalogue

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clients")]

HERE = Path(__file__).parent / "editors"
ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "statemachines" / "workflow.schema.json"
MISTAKES = ROOT / "tests" / "golden" / "mistakes"
TABLE = ROOT / "tests" / "golden" / "schema_mistakes.json"

TYPES = set(builtin_catalogue().names())
NOT_IN_YAML = "dup_id"
"""The service for YAML looks for elements that are alike among texts and numbers only."""


def ask(folder: Path, *questions: tuple[str, str, str]) -> list[Any]:
    """The answers to (language, validate | complete | hover, text)."""
    failure = npm.install(HERE)
    assert failure is None, failure
    asked = [{"language": language, "what": what, "text": text} for language, what, text in questions]
    file = folder / "asked.json"
    file.write_text(json.dumps({"schema": json.loads(SCHEMA.read_text()), "questions": asked}))
    answers: list[Any] = json.loads(run_node(HERE / "ask.js", file))
    return answers


@pytest.mark.parametrize(
    ("json_text", "yaml_text", "expected"),
    [
        ('{"steps": [{"step_type": "|"}]}', "steps:\n  - step_type: |\n", TYPES),
        (
            '{"steps": [{"step_type": "map", "config": {"steps": [{"step_type": "|"}]}}]}',
            "steps:\n  - step_type: map\n    config:\n      steps:\n        - step_type: |\n",
            TYPES,
        ),
        (
            '{"steps": [{"step_type": "data_processing", "config": {"|"}}]}',
            "steps:\n  - step_type: data_processing\n    config:\n      |\n",
            {"processing_type", "options"},
        ),
        (
            '{"steps": [{"step_type": "data_processing", "config": {"processing_type": "|"}}]}',
            "steps:\n  - step_type: data_processing\n    config:\n      processing_type: |\n",
            {"count", "uppercase", "filter"},
        ),
        (
            '{"steps": [{"step_type": "agent", "config": {"agent_config": {"|"}}}]}',
            "steps:\n  - step_type: agent\n    config:\n      agent_config:\n        |\n",
            {"model", "tools", "temperature"},
        ),
        (
            '{"steps": [{"step_type": "transform", "input_mapping": {"x": {"|"}}}]}',
            "steps:\n  - step_type: transform\n    input_mapping:\n      x:\n        |\n",
            {"value", "template", "expression"},
        ),
        ('{"steps": [{"trigger_rule": "|"}]}', "steps:\n  - trigger_rule: |\n", {"all_done", "one_failed"}),
        ('{"|"}', "|", {"name", "steps", "on_failure", "input_schema"}),
    ],
)
def test_what_may_stand_at_a_place_is_proposed(
    tmp_path: Path, json_text: str, yaml_text: str, expected: set[str]
) -> None:
    for labels in ask(tmp_path, ("json", "complete", json_text), ("yaml", "complete", yaml_text)):
        assert expected <= set(labels)


def test_a_field_shows_what_it_means_with_default_and_example(tmp_path: Path) -> None:
    field, step_type = ask(
        tmp_path,
        ("json", "hover", '{"steps": [{"step_type": "agent", "max_re|tries": 3}]}'),
        ("json", "hover", '{"steps": [{"step_type": "data_pro|cessing"}]}'),
    )
    assert "tried again" in field
    assert "Default: `0`" in field
    assert "Example: `3`" in field
    assert builtin_catalogue().by_name["data_processing"].description in step_type


def test_both_services_flag_the_mistakes_that_the_schema_flags_and_no_others(tmp_path: Path) -> None:
    table = json.loads(TABLE.read_text())
    names = [name for name, line in table.items() if name.endswith(".json") and line["schema"] != "not JSON"]
    texts = [json.dumps(json.loads((MISTAKES / name).read_text())).replace("|", "!") for name in names]
    # JSON is YAML.
    questions = [(language, "validate", text) for text in texts for language in ("json", "yaml")]
    answers = ask(tmp_path, *questions)
    for name, by_json, by_yaml in zip(names, answers[::2], answers[1::2], strict=True):
        is_flagged = table[name]["schema"] is not None
        assert bool(by_json) == is_flagged, (name, by_json)
        assert bool(by_yaml) == (is_flagged and not name.startswith(NOT_IN_YAML)), (name, by_yaml)


def test_neither_flags_a_workflow_that_is_right(tmp_path: Path) -> None:
    flows = {name: document for name, document in workflows().items() if validator_for(document) is VALIDATOR}
    assert len(flows) > 60
    # A | would be the cursor; in JSON it may be written so.
    texts = [json.dumps(document).replace("|", "\\u007c") for document in flows.values()]
    answers = ask(tmp_path, *((language, "validate", text) for text in texts for language in ("json", "yaml")))
    for name, by_json, by_yaml in zip(flows, answers[::2], answers[1::2], strict=True):
        assert (by_json, by_yaml) == ([], []), name


def test_a_mistake_in_a_text_is_told_in_our_words(tmp_path: Path) -> None:
    text = '{"steps": [{"step_type": "transform", "config": {"expression": "a"}, "input_mapping": {"a": "{{ b.c }}"}}]}'
    for found in ask(tmp_path, ("json", "validate", text), ("yaml", "validate", text)):
        assert any("A reference is written step_id.path" in message for message in found)
