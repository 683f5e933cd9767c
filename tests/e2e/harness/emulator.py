"""MiniStack as a child process on a free port of this machine's loopback, with IAM enforced."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from tests.e2e.harness.seams import INTERPRETER_VARIABLE

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
REPOSITORY: Final = Path(__file__).resolve().parents[3]
START_SECONDS: Final = 60

URL_VARIABLE: Final = "E2E_EMULATOR_URL"
"""Environment variable with the address of the running emulator, for the tests."""

# Lambda's Python runtimes have boto3 and what it needs ("Lambda runtimes": runtime-included SDK versions).
_IN_THE_RUNTIME: Final = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running MiniStack."""

    url: str
    log: Path

    def client(self, service: str, *, access_key: str = ACCOUNT, secret_key: str = "test") -> Any:
        """A boto3 client; by default of the account's root user, who may do everything."""
        # Its overloads take literal names only.
        make_client: Any = boto3.client
        return make_client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(connect_timeout=5, read_timeout=120, retries={"total_max_attempts": 1}),
        )


@contextlib.contextmanager
def running_emulator(folder: Path, log: Path | None = None) -> Iterator[Emulator]:
    """Start MiniStack, wait until it answers, and end it with its functions' processes.

    `folder` takes its temporary files, the functions' interpreter and, unless `log` is given, its log. Raises RuntimeError
    with the end of the log when it does not answer in `START_SECONDS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / "tmp"
    scratch.mkdir(exist_ok=True)
    port = _free_port()
    emulator = Emulator(f"http://127.0.0.1:{port}", log or folder / "ministack.log")
    environment = _environment(port, scratch, bare_interpreter(folder))
    with emulator.log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.harness.launcher"],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _await_health(process, emulator)
            yield emulator
        finally:
            _stop(process)


def bare_interpreter(folder: Path) -> Path:
    """A Python as Lambda has it: the standard library and boto3, nothing else that is installed here."""
    packages = folder / "lambda-runtime"
    packages.mkdir(exist_ok=True)
    for name in _IN_THE_RUNTIME:
        distribution = importlib.metadata.distribution(name)
        tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            link = packages / top
            if not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))))
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    script = folder / "lambda-python"
    # -S leaves site-packages out, -s the user's; bytecode goes nowhere, because the links lead into the environment.
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{packages}" PYTHONDONTWRITEBYTECODE=1 exec "{base}" -s -S "$@"\n')
    script.chmod(0o755)
    return script


def _environment(port: int, scratch: Path, interpreter: Path) -> dict[str, str]:
    """Only what is named here: MiniStack hands its whole environment to the functions."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "localhost",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "INFO",
        # Nothing outside this process: no fixed ports beside the gateway's, no containers.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
        INTERPRETER_VARIABLE: str(interpreter),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_health(process: subprocess.Popen[bytes], emulator: Emulator) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{emulator.url}/_ministack/health", timeout=2):
            return
        time.sleep(0.1)
    tail = emulator.log.read_text(errors="replace")[-3000:]
    raise RuntimeError(f"MiniStack did not answer. The end of {emulator.log}:\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
