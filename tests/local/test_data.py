"""The data folder: whose it may be, and what happens when it is not what the server takes it for."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.local.cli.commands import main
from infra.local.cli.exits import FAILED, INVALID
from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder, DataFolderError
from infra.local.server import LOOK_EVERY_SECONDS
from tests.local.test_killed_server import server
from workflow_engine.errors import MisconfiguredError
from workflow_engine.store.payloads.files import FileObjects
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.store.tables.sqlite_database import UnreadableDataError

pytestmark = pytest.mark.xdist_group("local-cloud")


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects" / "mine.json").write_text("{}")
    with pytest.raises(DataFolderError, match="holds files that no server"), DataFolder(tmp_path).held():
        pass
    done = CliRunner().invoke(main, ["gc", "--older-than", "0d", "--data", str(tmp_path)])
    assert (done.exit_code, "no data of a server" in done.output) == (INVALID, True)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["mine.json", "objects"]


def test_only_a_new_folder_is_hidden_from_git(tmp_path: Path) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    for name in ("project", "new"):
        with DataFolder(tmp_path / name).held():
            pass
    assert not (tmp_path / "project" / ".gitignore").exists()
    assert (tmp_path / "new" / ".gitignore").read_text() == "*\n"


def test_a_folder_that_was_only_just_begun_is_taken(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    for _ in range(2):
        with folder.held():
            assert [file.name for file in folder.path.glob("[a-z]*")] == ["lock"]


@pytest.mark.parametrize("moved", [False, True])
def test_a_folder_that_goes_or_is_replaced_is_noticed(tmp_path: Path, moved: bool) -> None:
    folder = DataFolder(tmp_path / "data")
    with LocalCloud(data=folder) as cloud:
        assert cloud.lost_folder() is None
        shutil.move(folder.path, tmp_path / "away")
        if moved:
            shutil.copytree(tmp_path / "away", folder.path)
        assert "was removed or replaced" in str(cloud.lost_folder())
    with LocalCloud() as cloud:
        assert cloud.lost_folder() is None


def test_a_server_stops_when_its_folder_is_gone(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    with server(tmp_path) as (process, _):
        shutil.rmtree(tmp_path / "data")
        assert process.wait(60) == FAILED
        assert process.stderr is not None
        assert "was removed or replaced" in process.stderr.read()


def test_a_step_that_goes_elsewhere_takes_no_data_with_it(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "goes.py").write_text(
        "import os\ndef handler(event, context):\n    os.chdir(os.path.dirname(__file__))\n"
    )
    root = Path(__file__).parents[2]
    with server(tmp_path, data=os.path.relpath(tmp_path / "data", root)) as (process, api):
        steps = [{"step_id": "a", "step_type": "goes"}]
        for _ in range(2):
            assert (
                api.post("/workflows/execute?wait=25", {"name": "Goes", "steps": steps}).body["status"] == "completed"
            )
        saved = {"name": "Long", "steps": steps, "metadata": {"long": "x" * 400_000}}
        assert api.post("/workflows", saved).status == 201
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2 * LOOK_EVERY_SECONDS)
    assert list((tmp_path / "data" / "objects").rglob("*.json"))


def test_a_taken_port_is_told_before_the_data_is_touched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(main, ["serve", "--port", port, "--data", str(tmp_path / "data")])
    assert done.exit_code == FAILED
    assert f"Port {port} cannot be used: Address already in use. Choose another" in done.output
    assert not (tmp_path / "data").exists()


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UnreadableDataError, match=r"folder' cannot be opened: unable to open"):
        SqliteTable(tmp_path / "folder")
    with pytest.raises(UnreadableDataError, match=r"table' cannot be opened: .*File exists"):
        SqliteTable(tmp_path / "file" / "table")
    with pytest.raises(MisconfiguredError, match=r"Not a directory \(.*file/\.incoming\)"):
        FileObjects(tmp_path / "file")
