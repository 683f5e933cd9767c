"""How many mistakes an editor shows before anything is sent: `mistakes/` by a plain validator and the published schema.

`schema_mistakes.json` has a line a file: where the schema flags it (null: not at all; a document that is no JSON is flagged by
every reader), and the codes that the service gives it. After a wanted change, run with UPDATE_GOLDENS=1 and read the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.golden.test_mistakes import MISTAKES, findings
from workflow_engine.documents.yaml_text import parse_yaml
from workflow_engine.errors import MalformedDocumentError
from workflow_engine.language.diagnostics import CODES, pointer
from workflow_engine.language.explanations import explanation
from workflow_engine.language.schema import workflow_schema
from workflow_engine.language.walk import walk_steps
from workflow_engine.steps import builtin_catalogue

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).parent / "schema_mistakes.json"
VALIDATOR: Any = jsonschema.Draft202012Validator(
    json.loads((ROOT / "statemachines" / "workflow.schema.json").read_text())
)
NOT_JSON = "not JSON"
READERS: dict[str, Callable[[str], Any]] = {".json": json.loads, ".yaml": parse_yaml}

LATER = (
    "case_no_when", "compensate_ids", "cond_foreign_word", "cond_upper_and", "config_number_as_text", "foreach_list",
    "index_outside", "map_no_items", "on_error_true", "ref_double_dot",
)  # fmt: skip
FIRST = (
    "dep_typo_field", "dep_unknown", "dep_string", "type_typo", "missing_type", "dup_id", "cycle", "ref_typo", "single_brace_ref",
    "jsonpath", "literal_string", "literal_word", "steps_object", "cond_single_eq", "cond_js_and", "cond_unquoted", "config_typo",
    "enum_bad", "item_outside", "timeout_string", "retry_obj", "retries_neg", "step_id_space", "pattern_bad", "loop_no_max",
    "expr_syntax", "expr_bare_ref", "reserved_id", "foreach_obj", "template_unclosed", "mapping_self", "output_expr",
    "trigger_rule_typo", "agent_noquery_nomodel", "cond_bool_string", "seq_forgot_deps", "python_type", "comment", "trailing",
)  # fmt: skip
"""Forty-nine mistakes that authors make, by which the schema is measured; the rest of the folder is there for the findings."""


def flagged(path: Path) -> str | None:
    """Where a file is first flagged, and by which keyword; None where the schema takes it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return NOT_JSON
    found = sorted(VALIDATOR.iter_errors(document), key=lambda e: (-len(e.absolute_path), str(e.absolute_path)))
    return f"{pointer(*found[0].absolute_path) or '/'} {found[0].validator}" if found else None


def line(path: Path) -> dict[str, Any]:
    codes = dict.fromkeys(sentence.split()[0].rstrip(":") for sentence in findings(path.read_text(encoding="utf-8")))
    return {"schema": flagged(path), "service": list(codes)}


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    made = {path.name: line(path) for path in MISTAKES}
    if os.environ.get("UPDATE_GOLDENS"):
        lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(found)}" for name, found in made.items())
        TABLE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    return made


def test_the_schema_flags_what_the_table_says(table: dict[str, Any]) -> None:
    assert table == json.loads(TABLE.read_text(encoding="utf-8"))


def test_at_least_forty_of_forty_nine_mistakes_are_flagged_before_anything_is_sent(table: dict[str, Any]) -> None:
    measured = [f"{name}.json" for name in (*FIRST, *LATER)]
    assert len(set(measured)) == 49
    assert all(table[name]["service"] for name in measured)
    missed = [name for name in measured if table[name]["schema"] is None]
    assert len(measured) - len(missed) >= 40, missed


def test_the_schema_flags_nothing_that_only_gets_a_warning(table: dict[str, Any]) -> None:
    warned = [name for name, found in table.items() if all("-W" in code for code in found["service"])]
    assert warned
    assert [name for name in warned if table[name]["schema"] is not None] == []


# --- no false alarm ---


FOLDERS = ("statemachines", "docs", "infra/local/cli/templates")


def workflows() -> dict[str, Any]:
    """Every workflow that lies in the repository and is no example of a mistake."""
    found: dict[str, Any] = {}
    for path in sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in READERS):
        if path.name != "wrong.yaml" and not path.name.endswith((".test.yaml", ".fixtures.yaml")):
            document = _read(path)
            if isinstance(document, dict) and isinstance(document.get("steps"), list):
                found[str(path.relative_to(ROOT))] = document
    return found | {f"right example of {code}": right for code in CODES if (right := explanation(code).right)}


def _read(path: Path) -> Any:
    """The document of a file; one that is no workflow where it cannot be read, which the test then tells."""
    try:
        return READERS[path.suffix](path.read_text(encoding="utf-8"))
    except (ValueError, MalformedDocumentError) as error:
        return {"steps": [], "unreadable": str(error)}


def validator_for(document: Any) -> Any:
    """With the step types of its author, which take anything."""
    known = builtin_catalogue()
    own = {step["step_type"] for _, step in walk_steps(document)} - set(known.names())
    if not own:
        return VALIDATOR
    catalogue = known.with_registered([{"step_type": name} for name in sorted(own)])
    return jsonschema.Draft202012Validator(workflow_schema(catalogue.step_types()))


def test_the_flows_of_the_docs_are_among_those_that_are_tried() -> None:
    names = workflows()
    assert {"statemachines/examples/hello-world/workflow.json", "docs/cookbook/saga/saga.yaml"} <= names.keys()
    assert len(names) > 80


@pytest.mark.parametrize(
    ("name", "document"), workflows().items(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_workflow_that_is_right_is_flagged_nowhere(name: str, document: Any) -> None:
    assert [(list(e.absolute_path), e.message[-200:]) for e in validator_for(document).iter_errors(document)] == [], (
        name
    )


@pytest.mark.parametrize("code", [code for code in CODES if code.startswith("WFE-W")])
def test_a_workflow_that_gets_a_warning_is_flagged_nowhere(code: str) -> None:
    assert VALIDATOR.is_valid(explanation(code).wrong)
