from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from infra.local.steps import StepsDirectory, StepsDirectoryError

pytestmark = pytest.mark.xdist_group("local-cloud")


@pytest.fixture(autouse=True)
def fresh_modules() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("kept_", "twin_")):
            del sys.modules[name]


def write(folder: Path, **files: str) -> StepsDirectory:
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return StepsDirectory(folder)


def test_a_module_with_a_handler_is_a_step_type_of_its_name(tmp_path: Path) -> None:
    directory = write(
        tmp_path,
        local_shout__py="def handler(event, context):\n    return event['input_data']['text'] + '!'\n",
        local_constants__py="LIMIT = 3\n",
        _private__py="raise RuntimeError\n",
    )
    assert list(directory.found().registrations) == [
        {"step_type": "local_shout", "execution_type": "local", "handler": "local_shout:handler"}
    ]
    assert directory.load("local_shout:handler")({"input_data": {"text": "hi"}}, None) == "hi!"


def test_a_manifest_lists_the_step_types(tmp_path: Path) -> None:
    entry = {"step_type": "shout", "handler": "local_texts:shout", "timeout_seconds": 5}
    directory = write(tmp_path, steps__json=json.dumps([entry]), local_texts__py="def shout(event, context): ...\n")
    assert list(directory.found().registrations) == [{"execution_type": "local", **entry}]


@pytest.mark.parametrize("manifest", ["{}", "[1]", "nope"])
def test_a_manifest_that_is_no_list_of_objects_is_refused(tmp_path: Path, manifest: str) -> None:
    with pytest.raises(StepsDirectoryError, match=r"steps\.json"):
        write(tmp_path, steps__json=manifest).found()


@pytest.mark.parametrize(
    "handler", ["os:system", "nowhere:f", "../evil:f", "local_a:missing", "local_a:X", "local_a", ""]
)
def test_a_handler_must_be_a_function_in_the_folder(tmp_path: Path, handler: str) -> None:
    directory = write(tmp_path, local_a__py="X = 1\n")
    with pytest.raises(StepsDirectoryError):
        directory.load(handler)


def test_a_module_may_not_have_the_name_of_one_in_use(tmp_path: Path) -> None:
    with pytest.raises(StepsDirectoryError, match="Rename"):
        write(tmp_path, json__py="def handler(event, context): ...\n").load("json:handler")


def test_a_folder_that_is_let_go_leaves_its_names_to_the_next(tmp_path: Path) -> None:
    """Two projects with a `steps/shop.py` each, in one process: their tests, say."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, kept_shop__py=f"def handler(event, context):\n    return {name!r}\n")
    for name in ("first", "second", "first"):
        with LocalCloud(steps_directory=tmp_path / name) as cloud:
            assert results_of(cloud, "kept_shop")["output"] == {"a": name}


@pytest.mark.parametrize(
    ("code", "why"), [("raise RuntimeError('no database')", "RuntimeError: no database"), ("exit(3)", "SystemExit: 3")]
)
def test_a_module_that_cannot_be_imported_says_why(tmp_path: Path, code: str, why: str) -> None:
    directory = write(tmp_path, local_broken__py=f"{code}\n")
    with pytest.raises(StepsDirectoryError, match=why):
        directory.load("local_broken:handler")


TOLD = """
from pydantic import BaseModel
from workflow_engine.sdk import step

class Text(BaseModel):
    text: str

@step(input=Text, output=Text)
def found_shout(input: Text) -> Text:
    \"\"\"Says it loud.\"\"\"
    return Text(text=input.text.upper())

@step(name="found-whisper")
def low(input_data):
    return input_data["text"].lower()

@step
def found_plain(input_data):
    return 1
"""


def test_every_step_of_a_folder_is_found_under_its_name(tmp_path: Path) -> None:
    directory = write(tmp_path, found_texts__py=TOLD, found_user__py="from found_texts import found_shout\n")
    found = directory.found()
    shout, *others = found.registrations
    assert (shout["step_type"], shout["description"], shout["handler"]) == (
        "found_shout",
        "Says it loud.",
        "found_texts:found_shout",
    )
    assert shout["output_schema"]["required"] == ["text"]
    assert [(o["step_type"], o["handler"], o["execution_type"]) for o in others] == [
        ("found-whisper", "found_texts:low", "local"),
        ("found_plain", "found_texts:found_plain", "local"),
    ]
    assert list(found.ignored) == ["found_user.py"]


def test_what_is_ignored_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "inner.py").write_text("", encoding="utf-8")
    directory = write(
        tmp_path,
        _private__py="raise RuntimeError\n",
        test_ignored__py="raise RuntimeError\n",
        ignored_broken__py="import nothing_of_this_name\n",
        ignored_constants__py="LIMIT = 3\n",
        json__py="def handler(event, context): ...\n",
        ignored_a__py="from workflow_engine.sdk import step\n@step(name='same')\ndef a(): ...\n",
        ignored_b__py="from workflow_engine.sdk import step\n@step(name='same')\ndef b(): ...\n",
        README__md="nothing\n",
    )
    found = directory.found()
    assert [r["handler"] for r in found.registrations] == ["ignored_a:a"]
    reasons = {
        "_private.py": "begins with '_'",
        "test_ignored.py": "holds tests",
        "ignored_broken.py": "ModuleNotFoundError",
        "ignored_constants.py": "nor one called 'handler'",
        "json.py": "Rename it",
        "ignored_b.py": "'same', which is ignored_a:a",
        "package/": "files of the folder itself",
    }
    assert found.ignored.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert reason in found.ignored[name]
        assert any(name in line and reason in line for line in found.lines())


def test_a_manifest_goes_before_what_is_found_and_handlers_beside_it_are_told(tmp_path: Path) -> None:
    entry = {"step_type": "found_shout", "handler": "manifest_texts:found_shout", "timeout_seconds": 5}
    directory = write(
        tmp_path,
        steps__json=json.dumps([entry]),
        manifest_texts__py=TOLD,
        manifest_plain__py="def handler(event, context): ...\n",
    )
    found = directory.found()
    assert found.registrations[0] == {"execution_type": "local", **entry}
    assert [r["step_type"] for r in found.registrations] == ["found_shout", "found-whisper", "found_plain"]
    assert found.ignored == {"manifest_plain.py": "its 'handler' is not in steps.json"}


def test_a_changed_file_is_loaded_at_the_next_call(tmp_path: Path) -> None:
    file = tmp_path / "reloaded_step.py"
    file.write_text("def handler(event, context):\n    return 1\n", encoding="utf-8")
    handler = StepsDirectory(tmp_path).load("reloaded_step:handler")
    assert handler({}, None) == 1
    before = file.stat()
    file.write_text("def handler(event, context):\n    return 2\n", encoding="utf-8")  # the same size
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))  # within the same second
    assert handler({}, None) == 2
    file.write_text("def handler(event, context)\n", encoding="utf-8")
    with pytest.raises(StepsDirectoryError, match="SyntaxError"):
        handler({}, None)
    file.write_text("def handler(event, context):\n    return 3\n", encoding="utf-8")
    assert handler({}, None) == 3


def test_what_a_step_imports_of_the_folder_is_loaded_again_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    neighbour = tmp_path / "reloaded_words.py"
    neighbour.write_text("WORD = 'hi'\n", encoding="utf-8")
    directory = write(
        tmp_path, reloaded_greet__py="from reloaded_words import WORD\ndef handler(event, context):\n    return WORD\n"
    )
    handler = directory.load("reloaded_greet:handler")
    assert handler({}, None) == "hi"
    neighbour.write_text("WORD = 'hello'\n", encoding="utf-8")
    assert handler({}, None) == "hello"


def test_libraries_that_lie_below_the_folder_stay_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = tmp_path / ".venv" / "site-packages"
    libraries.mkdir(parents=True)
    (libraries / "kept_library.py").write_text("class Thing: ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(libraries))
    directory = write(
        tmp_path, kept_user__py="from kept_library import Thing\ndef handler(event, context):\n    return 1\n"
    )
    handler = directory.load("kept_user:handler")
    library = sys.modules["kept_library"]
    (tmp_path / "kept_user.py").write_text("import kept_library\ndef handler(e, c):\n    return 22\n", encoding="utf-8")
    assert handler({}, None) == 22
    assert sys.modules["kept_library"] is library


def test_a_module_of_a_package_in_the_folder_is_loaded_again_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "kept_package"
    package.mkdir()
    (package / "__init__.py").write_text("PREFIX = 'a'\n", encoding="utf-8")
    (package / "words.py").write_text("WORD = 'hi'\n", encoding="utf-8")
    source = "from kept_package import PREFIX, words\ndef handler(event, context):\n    return PREFIX + words.WORD\n"
    handler = write(tmp_path, kept_greet__py=source).load("kept_greet:handler")
    assert handler({}, None) == "ahi"
    (package / "__init__.py").write_text("PREFIX = 'bb'\n", encoding="utf-8")
    (package / "words.py").write_text("WORD = 'hello'\n", encoding="utf-8")
    assert handler({}, None) == "bbhello"


DOUBLE = "def handler(event, context):\n    return {'n': 2}\n"


def results_of(cloud: LocalCloud, step_type: str) -> Any:
    body = {"name": "One", "steps": [{"step_id": "a", "step_type": step_type, "max_retries": 0}]}
    status, started = cloud.call("POST", "/workflows/execute?wait=20", body)
    assert status == 200, started
    return started


def registered_over_the_api(tmp_path: Path) -> tuple[DataFolder, Path]:
    data, steps = DataFolder(tmp_path / "data"), tmp_path / "steps"
    steps.mkdir()
    (steps / "steps.json").write_text("[]")
    (steps / "kept_double.py").write_text(DOUBLE)
    with LocalCloud(steps_directory=steps, data=data) as cloud:
        body = {"step_type": "kept_double", "execution_type": "local", "handler": "kept_double:handler"}
        assert cloud.call("POST", "/steps/register", body)[0] == 201
    return data, steps


def test_a_folder_that_is_as_it_was_makes_no_new_versions(tmp_path: Path) -> None:
    data, steps = DataFolder(tmp_path / "data"), tmp_path / "steps"
    steps.mkdir()
    (steps / "kept_double.py").write_text(DOUBLE)
    for timeout, version in ((5, 1), (5, 1), (6, 2)):
        entry = {"step_type": "kept_double", "handler": "kept_double:handler", "timeout_seconds": timeout}
        (steps / "steps.json").write_text(json.dumps([entry]))
        with LocalCloud(steps_directory=steps, data=data) as cloud:
            assert cloud.call("GET", "/steps/kept_double")[1]["version"] == version


def test_a_step_type_that_an_earlier_server_registered_is_loaded_again(tmp_path: Path) -> None:
    data, steps = registered_over_the_api(tmp_path)
    with LocalCloud(steps_directory=steps, data=data) as cloud:
        assert results_of(cloud, "kept_double")["status"] == "completed"


@pytest.mark.parametrize(
    ("has_folder", "told"),
    [(False, "without a folder of steps (--steps DIR)"), (True, "There is no module 'kept_double'")],
)
def test_what_cannot_be_loaded_again_is_told_at_the_start_and_by_its_steps(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, has_folder: bool, told: str
) -> None:
    data, steps = registered_over_the_api(tmp_path)
    (steps / "kept_double.py").unlink()
    with LocalCloud(steps_directory=steps if has_folder else None, data=data) as cloud:
        assert [told in message and "kept_double:handler" in message for message in caplog.messages] == [True]
        error = results_of(cloud, "kept_double")["error"]
    assert error["type"] == "StepUnavailableError"
    assert told in error["message"]


def test_step_types_that_differ_in_a_dash_are_two(tmp_path: Path) -> None:
    write(tmp_path, twin_a__py="def handler(event, context):\n    return {'n': 1}\n")
    write(tmp_path, twin_b__py="def handler(event, context):\n    return {'n': 2}\n")
    entries = [
        {"step_type": "twin-x", "handler": "twin_a:handler"},
        {"step_type": "twin_x", "handler": "twin_b:handler"},
    ]
    write(tmp_path, steps__json=json.dumps(entries))
    with LocalCloud(steps_directory=tmp_path) as cloud:
        assert [results_of(cloud, t)["output"]["a"]["n"] for t in ("twin-x", "twin_x")] == [1, 2]


def test_a_call_of_a_step_looks_through_no_modules_unless_there_are_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "counting_steps.py").write_text("def handler(event, context):\n    return event\n", encoding="utf-8")
    directory = StepsDirectory(tmp_path)
    call = directory.load("counting_steps:handler")
    call(0, None)
    looks: list[object] = []
    modules = StepsDirectory._modules

    def counted(self: StepsDirectory) -> Any:
        looks.append(self)
        return modules(self)

    monkeypatch.setattr(StepsDirectory, "_modules", counted)
    assert [call(number, None) for number in range(20)] == list(range(20))
    assert looks == []
    directory.forget()
