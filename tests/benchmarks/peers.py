"""Chains of trivial steps on a peer, many at once: DBOS on SQLite, LangGraph with its saver in memory.

`python -m tests.benchmarks.peers dbos|langgraph STEPS RUNS ROUNDS` prints steps per CPU second, in a process of its own. The
first round is not counted.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict


class Text(TypedDict):
    """What goes from step to step."""

    text: str


def shouted(text: str) -> str:
    """The step."""
    return text.upper()


def on_dbos(steps: int, runs: int, rounds: int) -> float:
    """Each step is durable, as each of ours is."""
    from dbos import DBOS

    step: Any = DBOS.step()(shouted)

    def chain(text: str) -> str:
        for _ in range(steps):
            text = step(text)
        return text

    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'dbos.sqlite'}"
        DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})
        workflow: Any = DBOS.workflow()(chain)
        DBOS.launch()

        def round_of_runs() -> list[str]:
            handles = [DBOS.start_workflow(workflow, "hello") for _ in range(runs)]
            return [handle.get_result() for handle in handles]

        figure = steps_per_cpu_second(round_of_runs, steps, runs, rounds)
        DBOS.destroy()
    return figure


def on_langgraph(steps: int, runs: int, rounds: int) -> float:
    """Each step is a node, after which the state is saved in memory."""
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph

    async def step(state: Text) -> Text:
        return {"text": shouted(state["text"])}

    graph: Any = StateGraph(Text)
    names = [f"s{number}" for number in range(steps)]
    for name in names:
        graph.add_node(name, step)
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    compiled = graph.compile(checkpointer=InMemorySaver())
    started = 0

    async def run() -> str:
        nonlocal started
        started += 1
        config = {"configurable": {"thread_id": str(started)}, "recursion_limit": steps + 10}
        ended = await compiled.ainvoke({"text": "hello"}, config)
        return str(ended["text"])

    async def all_runs() -> list[str]:
        return await asyncio.gather(*(run() for _ in range(runs)))

    return steps_per_cpu_second(lambda: asyncio.run(all_runs()), steps, runs, rounds)


def steps_per_cpu_second(round_of_runs: Callable[[], list[str]], steps: int, runs: int, rounds: int) -> float:
    """Of all rounds but the first, all threads of this process together."""
    assert round_of_runs() == ["HELLO"] * runs
    began = time.process_time()
    for _ in range(rounds):
        assert round_of_runs() == ["HELLO"] * runs
    return steps * runs * rounds / (time.process_time() - began)


if __name__ == "__main__":
    peer = {"dbos": on_dbos, "langgraph": on_langgraph}[sys.argv[1]]
    print(peer(*(int(number) for number in sys.argv[2:])))
