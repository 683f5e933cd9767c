"""A pytest plugin: deploys the system into an emulator before the tests, and tells them where it is.

    pytest -p tests.e2e.harness.plugin -n 0 -m "not benchmark and not slow" tests/e2e tests/journeys

The journeys find the API by `WORKFLOW_API_URL`, as they would find one on AWS.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import pytest

from tests.e2e.harness.deployment import deploy, invoke_statement, make_caller
from tests.e2e.harness.emulator import REGION, URL_VARIABLE, running_emulator
from tests.e2e.harness.synthesis import synthesize_all

LIMIT_SECONDS: Final = 2400
"""The whole run ends after this, whatever hangs."""

_open: Final = contextlib.ExitStack()
_seconds: Final[dict[str, float]] = {}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Synthesize, start, deploy."""
    if hasattr(session.config, "workerinput"):
        raise pytest.UsageError("one deployment for all tests: run with -n 0")
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT_SECONDS)
    try:
        _deploy(_log(session.config))
    except BaseException:
        _open.close()
        raise


def pytest_sessionfinish() -> None:
    """End the emulator."""
    _open.close()
    signal.alarm(0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the time went into, and where the emulator's log is."""
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in _seconds.items())
    terminalreporter.write_line(f"deployment: {spent}; log: {_log(config)}")


def _log(config: pytest.Config) -> Path:
    """A place that outlasts the run, and is not in the way."""
    assert config.cache is not None
    return config.cache.mkdir("e2e") / "ministack.log"


def _deploy(log: Path) -> None:
    folder = Path(_open.enter_context(tempfile.TemporaryDirectory(prefix="workflow-e2e-")))
    with _timed("synthesis"):
        assembly = synthesize_all(folder / "cdk.out")
    with _timed("emulator"):
        emulator = _open.enter_context(running_emulator(folder / "emulator", log))
    with _timed("stacks"):
        deployment = deploy(emulator, assembly)
    caller = make_caller(emulator, "journeys", invoke_statement(deployment))
    os.environ.update(
        {
            "WORKFLOW_API_URL": deployment.api_url,
            "WORKFLOW_API_AUTH": "sigv4",
            "AWS_ACCESS_KEY_ID": caller.access_key,
            "AWS_SECRET_ACCESS_KEY": caller.secret_key,
            "AWS_DEFAULT_REGION": REGION,
            URL_VARIABLE: emulator.url,
        }
    )
    os.environ.pop("AWS_SESSION_TOKEN", None)
    os.environ.pop("AWS_PROFILE", None)


@contextlib.contextmanager
def _timed(name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    _seconds[name] = time.monotonic() - started


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    pytest.exit(f"the end-to-end run took more than {LIMIT_SECONDS} s", returncode=3)
