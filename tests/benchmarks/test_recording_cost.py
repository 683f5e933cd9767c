"""What the recorder needs for the longest histories that there are (25,000 events)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.recording_cost import WARM_UP, write_history

ELEMENTS: Final = 3570
MOST_MEMORY_MB: Final = 150
MOST_CPU_SECONDS: Final = 5

CASES: Final = {"1 KB": 1_000, "10 KB": 10_000, "100 KB": 100_000}


def cost(folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.support.recording_cost", str(folder)]
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-west-1"}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | credentials)
    measured: dict[str, float] = json.loads(run.stdout)
    return measured


@pytest.mark.benchmark
def test_recording_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured = {}
    for name, size in CASES.items():
        folder = tmp_path / name.replace(" ", "")
        (folder / WARM_UP).mkdir(parents=True)
        write_history(folder / WARM_UP, 3, size)
        events = write_history(folder, ELEMENTS, size)
        measured[name] = cost(folder)
    with capsys.disabled():
        print(
            f"\n{'a for_each of ' + str(ELEMENTS):<24} {'events':>7} {'CPU s':>7} {'MB above':>9} {'objects':>8} {'MB up':>7}"
        )
        for name, told in measured.items():
            print(
                f"{'outputs of ' + name:<24} {events:>7} {told['cpu_seconds']:>7.1f} {told['memory_mb']:>9.0f}"
                f" {told['uploads']:>8.0f} {told['uploaded_mb']:>7.0f}"
            )
    assert measured["10 KB"]["memory_mb"] < MOST_MEMORY_MB
    assert measured["10 KB"]["cpu_seconds"] < MOST_CPU_SECONDS
