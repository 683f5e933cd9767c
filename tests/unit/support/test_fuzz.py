"""`make fuzz`: the pytest plugin that looks for new examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PROPERTIES = """
from pathlib import Path
from hypothesis import given, settings, strategies as st

@settings(max_examples=5)
@given(st.integers(0, 2**64))
def test_a_number_is_noted(number):
    with Path("seen").open("a") as file:
        print(number, file=file)

def test_that_has_no_examples():
    raise AssertionError

class TestInAClass:
    @given(st.booleans())
    def test_of_two_examples(self, value):
        assert value in (True, False)
"""
LATE_FAULT = """
tried = []

@given(st.integers())
def test_of_a_late_fault(number):
    tried.append(number)
    assert len(tried) < 300
"""


def fuzzed(folder: Path, tests: str, *options: str, seconds: float = 1) -> subprocess.CompletedProcess[str]:
    (folder / "test_properties.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.fuzz", "--fuzz-seconds", str(seconds)]
    command += ["--rootdir", str(folder), *options, "."]
    environment = {**os.environ, "CI": "true"}  # where hypothesis by itself takes the same examples every time
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


def seen(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "seen").read_text().split()]


def test_each_run_tries_many_examples_that_no_other_did(tmp_path: Path) -> None:
    done = fuzzed(tmp_path, PROPERTIES)
    assert done.returncode == 0, done.stdout
    assert re.search(r"fuzz: [\d,]+ random examples for 2 property tests", done.stdout)
    assert "2 passed, 1 deselected" in done.stdout.splitlines()[-1]
    first = set(seen(tmp_path))
    assert len(first) > 50
    (tmp_path / "seen").unlink()
    fuzzed(tmp_path, PROPERTIES)
    assert len(set(seen(tmp_path)) - first) > 50


def test_a_fault_that_comes_late_is_found_and_told_with_its_example(tmp_path: Path) -> None:
    done = fuzzed(tmp_path, PROPERTIES + LATE_FAULT, "-n", "2", "--dist", "loadgroup", seconds=6)
    assert done.returncode == 1, done.stdout
    assert "Failing test case: test_of_a_late_fault" in done.stdout
    assert "@reproduce_failure" in done.stdout
    assert "write each failing test case down" in done.stdout
    assert "1 failed, 2 passed in" in done.stdout.splitlines()[-1]
