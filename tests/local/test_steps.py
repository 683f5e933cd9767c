from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.local.steps import StepsDirectory, StepsDirectoryError


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
    assert list(directory.registrations()) == [
        {"step_type": "local_shout", "execution_type": "local", "handler": "local_shout:handler"}
    ]
    assert directory.load("local_shout:handler")({"input_data": {"text": "hi"}}, None) == "hi!"


def test_a_manifest_lists_the_step_types(tmp_path: Path) -> None:
    entry = {"step_type": "shout", "handler": "local_texts:shout", "timeout_seconds": 5}
    directory = write(tmp_path, steps__json=json.dumps([entry]), local_texts__py="def shout(event, context): ...\n")
    assert list(directory.registrations()) == [{"execution_type": "local", **entry}]


@pytest.mark.parametrize("manifest", ["{}", "[1]", "nope"])
def test_a_manifest_that_is_no_list_of_objects_is_refused(tmp_path: Path, manifest: str) -> None:
    with pytest.raises(StepsDirectoryError, match=r"steps\.json"):
        list(write(tmp_path, steps__json=manifest).registrations())


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


def test_a_module_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    directory = write(tmp_path, local_broken__py="raise RuntimeError('no database')\n")
    with pytest.raises(StepsDirectoryError, match="RuntimeError: no database"):
        directory.load("local_broken:handler")
