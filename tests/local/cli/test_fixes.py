"""What `--fix` writes: the word that was meant, where it stands, and nothing else."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.local.cli.commands import main
from infra.local.cli.findings import placed
from infra.local.cli.fixes import fixed, write
from infra.local.cli.texts import text_of

WRONG = """\
# Order of the day
name:   Demo     # 名前
execution_pattern: 'paralel'
steps:
  - {step_id: greet, step_type: data_input, config: {data: {text: hi}}}

  - step_id: "shout"
    step_type: data_procesing   # a typo
    dependancies: [ gret ]
    conditions: >-
      greet.data.text == 'greet'
      and gret.data.text exists
    input_mapping:
        text: gret.data.text
        both: {template: "{{ gret.data.text }}, {{ greet.data.text }}"}
"""
RIGHT = (
    WRONG.replace("'paralel'", "'parallel'")
    .replace("procesing", "processing")
    .replace("dependancies", "dependencies")
    .replace("gret", "greet")
)


def validate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["validate", *map(str, arguments)])


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_is_certain_is_written_and_all_else_stays_as_it_was(tmp_path: Path, line_break: str, mark: bytes) -> None:
    file = tmp_path / "flow.yaml"
    file.write_bytes(mark + WRONG.replace("\n", line_break).encode())
    file.chmod(0o640)
    done = validate(file, "--fix")
    assert file.read_bytes() == mark + RIGHT.replace("\n", line_break).encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.glob("*flow*")) == [file]
    assert done.exit_code == 0, done.output
    assert f"{file}:9:5: 'dependancies' is now 'dependencies' (WFE-E101)." in done.stderr
    again = validate(file, "--fix")
    assert (again.exit_code, again.stderr) == (0, "")


def test_json_is_mended_in_its_own_layout(tmp_path: Path) -> None:
    file = tmp_path / "flow.json"
    text = '{"name":"x",\n\t"steps" : [ {"step_id":"a",   "step_tipe":"data_input", "config":{"data":1}} ]\n}'
    file.write_text(text, encoding="utf-8")
    assert validate(file, "--fix").exit_code == 0
    assert file.read_text(encoding="utf-8") == text.replace("step_tipe", "step_type")


def test_fields_of_other_systems_that_hold_the_same_are_renamed(tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    text = """\
name: Demo
steps:
  - id: greet
    type: data_input
    config: {data: {text: hi}}
  - step_id: shout
    step_type: data_processing
    depends_on: [greet]
    retries: 3
"""
    file.write_text(text, encoding="utf-8")
    done = validate(file, "--fix")
    assert (done.exit_code, "'retries'" in done.stdout) == (2, True)  # what its number becomes is for the author to say
    renamed = text.replace(" id:", " step_id:").replace(" type:", " step_type:").replace("depends_on", "dependencies")
    assert file.read_text(encoding="utf-8") == renamed


def test_a_field_of_another_system_beside_our_own_is_left_for_its_author(tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    text = "name: D\nsteps:\n  - {step_id: a, id: b, step_type: data_input, config: {data: 1}}\n"
    file.write_text(text, encoding="utf-8")
    assert validate(file, "--fix").exit_code == 2
    assert file.read_text(encoding="utf-8") == text


def test_without_fix_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(WRONG, encoding="utf-8")
    assert validate(file).exit_code == 2
    assert file.read_text(encoding="utf-8") == WRONG


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "flow.yaml", tmp_path / "link.yaml"
    file.write_text(WRONG, encoding="utf-8")
    link.symlink_to(file)
    assert validate(link, "--fix").exit_code == 0
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == RIGHT


def test_what_an_editor_has_saved_in_the_meantime_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text("a: other\n", encoding="utf-8")
    with pytest.raises(OSError, match="changed in the meantime"):
        write(text_of(str(file), b"a: greet\n"), text_of(str(file), b"a: gret\n"))
    assert file.read_text(encoding="utf-8") == "a: other\n"


def test_standard_input_cannot_be_mended() -> None:
    done = CliRunner().invoke(main, ["validate", "-", "--fix"], input=WRONG)
    assert (done.exit_code, "--fix is for files" in done.stderr) == (2, True)


def finding(pointer: str, replace: str, replacement: str, target: str = "value") -> dict[str, Any]:
    fix = {"replace": replace, "replacement": replacement, "target": target}
    return {"code": "WFE-E204", "pointer": pointer, "detail": "", "fix": fix}


def mended(text: str, *findings: dict[str, Any]) -> str:
    written = text_of("f.yaml", text.encode())
    return fixed(written, placed(findings, {"": written}))[0].text


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("a: gret.x gret.y", [finding("/a", "gret", "greet")]),  # which of the two?
        ("a: x\nb: y", [finding("/a", "a", "b", "key")]),  # the object has it already
        ("a: &x gret\nb: *x", [finding("/a", "gret", "greet")]),  # b would change, too
        ("a: &x gret\nb: *x", [finding("/b", "gret", "greet")]),
        ("a: &x {c: gret}\nb: *x", [finding("/b/c", "gret", "greet")]),
        ("a: gret", [finding("/a", "gret", "greet"), finding("/a", "gret", "grit")]),
        ("a: egret", [finding("/a", "gret", "greet")]),
        ("a: gret-x", [finding("/a", "gret", "greet")]),
        ("a: [gret]", [finding("/a", "gret", "greet")]),  # a list is no text
        ("a: 1", [finding("/a", "1", "2")]),
        ("b: gret", [finding("/a", "gret", "greet")]),
        ("gret", [finding("", "gret", "greet")]),
        ("a: gret", [finding("/a", "gret", "a: b")]),
        ("a: gret", [finding("/a", "gret", "null")]),  # would be no text any more
        ("gret: 1", [finding("/gret", "gret", "12", "key")]),
        ('a: "\\x67ret"', [finding("/a", "gret", "greet")]),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_left_alone(text: str, findings: list[dict[str, Any]]) -> None:
    assert mended(text, *findings) == text


@pytest.mark.parametrize(
    ("text", "findings", "wanted"),
    [
        ("a: 'gret'", [finding("/a", "gret", "greet")], "a: 'greet'"),
        ("a: |\n  x\n  gret.y # no remark\n", [finding("/a", "gret", "greet")], "a: |\n  x\n  greet.y # no remark\n"),
        ("a: gret # gret", [finding("/a", "gret", "greet")], "a: greet # gret"),
        ("gret: gret", [finding("/gret", "gret", "greet", "key")], "greet: gret"),
        ("gret: gret", [finding("/gret", "gret", "greet")], "gret: greet"),
        (
            "x: {gret: [gret]}",
            [finding("/x/gret", "gret", "a", "key"), finding("/x/gret/0", "gret", "b")],
            "x: {a: [b]}",
        ),
        ("a: gret", [finding("/a", "gret", "greet"), finding("/a", "gret", "greet")], "a: greet"),
        ('{"a/b": {"~": "gret"}}', [finding("/a~1b/~0", "gret", "greet")], '{"a/b": {"~": "greet"}}'),
        ("a: wait_all\nb: c", [finding("/a", "wait_all", "all")], "a: all\nb: c"),
    ],
)
def test_what_is_certain_is_mended_where_it_stands(text: str, findings: list[dict[str, Any]], wanted: str) -> None:
    assert mended(text, *findings) == wanted
