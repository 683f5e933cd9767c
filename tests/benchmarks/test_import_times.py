"""What imports cost: the gateway itself, the function of agents, and each vendor's SDK when it is first asked."""

from __future__ import annotations

import statistics
import subprocess
import sys
from typing import Final

import pytest

ROUNDS: Final = 5

IMPORTS: Final = {
    "python alone": "pass",
    "llm_gateway.gateway": "import llm_gateway.gateway",
    "agent_tools.builtin": "import agent_tools.builtin",
    "functions.step_agent.handler": "import functions.step_agent.handler",
    "functions.api_agents.handler": "import functions.api_agents.handler",
    "functions.api_tools.handler": "import functions.api_tools.handler",
    "functions.api_steps.handler (to compare)": "import functions.api_steps.handler",
    "boto3's clients and pydantic (to compare)": "import boto3, pydantic; [boto3.client(s, region_name='eu-west-1') "
    "for s in ('dynamodb', 'stepfunctions', 's3')]",
    "simulated answer": "from llm_gateway.providers import make_provider; make_provider('simulated', {})",
    "openai": "from llm_gateway.providers import make_provider; make_provider('openai', {'OPENAI_API_KEY': 'k'})",
    "gemini": "from llm_gateway.providers import make_provider; make_provider('gemini', {'GEMINI_API_KEY': 'k'})",
    "bedrock": "from llm_gateway.providers import make_provider; make_provider('bedrock', {'AWS_ACCESS_KEY_ID': 'a', "
    "'AWS_SECRET_ACCESS_KEY': 's', 'AWS_REGION': 'eu-west-1'})",
    "list prices": "from llm_gateway.prices import PriceTable; PriceTable({}).cost('openai', 'gpt-4o-mini', 1, 1)",
    "MCP client": "import agent_tools.mcp_servers",
}

_TIMED: Final = "import time; t = time.perf_counter(); {code}; print(time.perf_counter() - t)"


def seconds(code: str) -> float:
    """The median of several new processes."""
    command = [sys.executable, "-c", _TIMED.format(code=code)]
    runs = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(ROUNDS)]
    return statistics.median(runs)


@pytest.mark.benchmark
def test_import_times(capsys: pytest.CaptureFixture[str]) -> None:
    measured = {name: seconds(code) for name, code in IMPORTS.items()}
    with capsys.disabled():
        print(f"\n{'import':<45} {'ms':>6}")
        for name, taken in measured.items():
            print(f"{name:<45} {taken * 1000:>6.0f}")
    assert measured
