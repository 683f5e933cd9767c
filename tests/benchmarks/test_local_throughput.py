"""Local steps per second, beside moto's own interpreter on the same machine in the same run."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import pytest

from tests.support.asl_cases import REPOSITORY

STEPS: Final = 50
RUNS: Final = 20
REQUIRED_RATIO: Final = 5.0


def measured(side: str) -> float:
    """Steps per second of 50-step chains, 20 at once, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.throughput", side, str(STEPS), str(RUNS)],
        cwd=REPOSITORY,
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return float(done.stdout)


@pytest.mark.benchmark
def test_chains_run_at_least_five_times_as_fast_as_on_stock_moto(capsys: pytest.CaptureFixture[str]) -> None:
    stock, seams = measured("stock"), measured("seams")
    with capsys.disabled():
        print(f"\n{'Lambda chains of 50 steps, 20 at once':<60} {'steps/s':>8} {'ratio':>6}")
        print(f"{'moto 5.2.5, jsonata-python, boto3 and moto Lambda':<60} {stock:>8.0f} {1.0:>6.1f}")
        print(f"{'with the seams: jlens, handlers in process':<60} {seams:>8.0f} {seams / stock:>6.1f}")
    assert seams / stock >= REQUIRED_RATIO
