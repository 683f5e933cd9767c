"""The child process: MiniStack with the harness's seams. Started as `python -m tests.e2e.harness.launcher`."""

from __future__ import annotations

from tests.e2e.harness import seams, states
from tests.e2e.harness.roles import ministack


def main() -> None:
    """Serve until a signal ends the process. Its settings are MiniStack's environment variables."""
    seams.install()
    states.install()
    ministack("app").main()


if __name__ == "__main__":
    main()
