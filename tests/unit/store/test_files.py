"""What only objects in files do: they are whole after any crash, and stay below their directory."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Final

import pytest

from workflow_engine.errors import MisconfiguredError
from workflow_engine.store.payloads.files import FileObjects

WRITER: Final = """
import io, sys
from pathlib import Path
from workflow_engine.store.payloads.files import FileObjects

objects = FileObjects(Path(sys.argv[1]))
for n in range(100_000):
    for key in ("payloads/same.json", f"payloads/{n % 7}/{n}.json"):
        objects.put(key, io.BytesIO(str(n).encode() * 50_000))
        print(n, key, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 12])
def test_after_kill_9_what_was_acknowledged_is_there_and_nothing_is_half(tmp_path: Path, acknowledged: int) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().split() for _ in range(acknowledged)]
        os.kill(writer.pid, signal.SIGKILL)
        told += [line.split() for line in writer.stdout if line.endswith("\n")]
    objects = FileObjects(tmp_path)
    for n, key in told:
        if key != "payloads/same.json":
            assert objects.get(key) == n.encode() * 50_000
    last = int(told[-1][0])
    assert objects.get("payloads/same.json") in {str(n).encode() * 50_000 for n in (last, last + 1)}
    assert list((tmp_path / ".incoming").iterdir()) == []


@pytest.mark.parametrize(
    "key", ["", "/etc/x", "../x", "a/../../x", "a/./b", ".incoming/x", "a/", "a//b", "a\x00", "é", "a\n"]
)
def test_no_key_leads_out_of_the_directory(tmp_path: Path, key: str) -> None:
    objects = FileObjects(tmp_path / "objects")
    with pytest.raises(ValueError, match="no key"):
        objects.put(key, io.BytesIO(b"x"))
    (tmp_path / "x").write_text("secret")
    with pytest.raises(MisconfiguredError):
        objects.get(key)


def test_what_cannot_be_read_to_its_end_leaves_the_object_as_it_was(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise RuntimeError

    objects = FileObjects(tmp_path)
    objects.put("a", io.BytesIO(b"old"))
    with pytest.raises(RuntimeError):
        objects.put("a", Broken())
    assert objects.get("a") == b"old"
    assert list((tmp_path / ".incoming").iterdir()) == []


def test_a_disk_that_takes_no_more_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    objects = FileObjects(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MisconfiguredError, match="No space left") as raised:
        objects.put("a", io.BytesIO(b"x"))
    assert raised.value.aws_code == "ENOSPC"
    with pytest.raises(MisconfiguredError):
        objects.get("a")


def test_content_and_names_are_synced_before_a_put_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    stock = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        stock(descriptor)

    if not Path("/proc/self/fd").exists():
        pytest.skip("paths of descriptors are told on Linux only")
    objects = FileObjects(tmp_path)
    monkeypatch.setattr(os, "fsync", fsync)
    objects.put("a/b/c", io.BytesIO(b"x"))
    content, *directories = synced
    assert content.parent == tmp_path / ".incoming"
    assert directories == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    synced.clear()
    objects.put("a/b/c", io.BytesIO(b"y"))
    assert synced[1:] == [tmp_path / "a" / "b"]


def test_an_object_that_is_kept_again_is_young(tmp_path: Path) -> None:
    objects = FileObjects(tmp_path)
    objects.put("a", io.BytesIO(b"x"))
    os.utime(tmp_path / "a", (1, 1))
    objects.put("a", io.BytesIO(b"x"))
    assert (tmp_path / "a").stat().st_mtime > 1


def test_an_address_is_where_the_server_shows_it(tmp_path: Path) -> None:
    content: IO[bytes] = io.BytesIO(b"x")
    objects = FileObjects(tmp_path, "http://127.0.0.1:8006/")
    objects.put("payloads/a.json", content)
    assert objects.url("payloads/a.json", 60) == "http://127.0.0.1:8006/payloads/a.json"
