"""How `workflow run` shows a run: a live table on a terminal, plain lines elsewhere, a summary at the end.

All of it is drawn from the results object of the API, as any client could.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, Final, Protocol

Results = Mapping[str, Any]

STYLES: Final = {
    "completed": "green",
    "running": "cyan",
    "waiting": "cyan",
    "failed": "bold red",
    "timed_out": "bold red",
    "cancelled": "yellow",
    "aborted": "yellow",
    "skipped": "dim",
    "pending": "dim",
}
MAX_DETAIL: Final = 200
"""Characters of an error message in a table; the whole of it is in the results."""


SHOWN_OF_RUN: Final = 8
"""Characters of a run's id before a line."""


def prefix(execution_id: str, step: str) -> str:
    """What stands before a line about a step, or of one: its run and its key in step_results."""
    return f"[{execution_id[:SHOWN_OF_RUN]} {step}] "


class Progress(Protocol):
    """Shows a run. `update` is called with each results object read, `finish` once with the last."""

    seconds_between_updates: float

    def update(self, results: Results) -> None: ...

    def finish(self, results: Results) -> None: ...


class SilentProgress:
    """For `--json`: the results are the whole output."""

    seconds_between_updates = 5.0

    def update(self, results: Results) -> None:
        """Show nothing."""

    def finish(self, results: Results) -> None:
        """Show nothing."""


class PlainProgress:
    """One line for each change of a step's status, then the summary; for pipes, logs and CI."""

    seconds_between_updates = 0.5

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._shown: dict[str, str] = {}

    def update(self, results: Results) -> None:
        """Print what changed since the last call. Steps that have not begun are not worth a line."""
        for step_id, step in results["step_results"].items():
            status = step["status"]
            if status != "pending" and self._shown.get(step_id) != status:
                self._shown[step_id] = status
                told = " ".join(filter(None, (status, _in_brackets(step), step_error(step))))
                self._print(prefix(results["execution_id"], step_id) + told)

    def finish(self, results: Results) -> None:
        """Print the run's end: status, error, output."""
        self.update(results)
        self._print(f"run {results['execution_id']}: {results['status']}")
        if results.get("error"):
            self._print(f"error: {run_error(results['error'])}")
            for line in advice_lines(results["error"]):
                self._print(line)
        if results.get("output") is not None:
            self._print(json.dumps(results["output"], indent=2, ensure_ascii=False))

    def _print(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class LiveProgress:
    """A table that follows the run on a terminal. rich is imported here only, since pipes have no use for it."""

    seconds_between_updates = 0.1

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.live import Live

        self._title = title
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, refresh_per_second=10, transient=True)
        self._live.start()

    def update(self, results: Results) -> None:
        """Redraw the table."""
        self._live.update(self._table(results))

    def finish(self, results: Results) -> None:
        """Leave the last table on the screen, and below it the run's status, error and output."""
        from rich.text import Text

        self._live.stop()
        self._console.print(self._table(results))
        line = Text(f"{results['status']}", style=STYLES.get(results["status"], ""))
        line.append(f"  {results['execution_id']}", style="dim")
        self._console.print(line)
        if results.get("error"):
            self._console.print(Text(run_error(results["error"]), style="red"))
            for advice in advice_lines(results["error"]):
                self._console.print(Text(advice))
        if results.get("output") is not None:
            self._console.print_json(json.dumps(results["output"], ensure_ascii=False))

    def _table(self, results: Results) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(self._title), title_justify="left", box=None, pad_edge=False)
        for name in ("step", "status", "time", "retries", ""):
            table.add_column(name, justify="right" if name in ("time", "retries") else "left", header_style="dim")
        for step_id, step in results["step_results"].items():
            status = step["status"]
            retries = step.get("retry_count") or 0
            table.add_row(
                Text(step_id),
                Text(status, style=STYLES.get(status, "")),
                duration(step.get("execution_time_ms")),
                str(retries) if retries else "",
                Text(step_error(step), style="red"),
            )
        return table


def duration(milliseconds: float | None) -> str:
    """A duration for people: `12 ms`, `3.4 s`, `2 min 05 s`; empty for a step that has no state of its own."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{round(milliseconds)} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def usd(dollars: float | None) -> str:
    """US dollars for people, without the sign: `0.000025`; empty where they are not known."""
    return "" if dollars is None else f"{dollars:.10f}".rstrip("0").rstrip(".")


def step_error(step: Mapping[str, Any]) -> str:
    """A step's error in one short line, empty when it has none."""
    if not step.get("error_type") and not step.get("error_message"):
        return ""
    text = ": ".join(filter(None, (step.get("error_type"), " ".join(str(step.get("error_message") or "").split()))))
    return text if len(text) <= MAX_DETAIL else text[: MAX_DETAIL - 1] + "…"


def run_error(error: Mapping[str, Any]) -> str:
    """A run's error in one line: the step, the error's type, the message."""
    where = f"step {error['step_id']}" if error.get("step_id") else "run"
    return f"{where} failed: {': '.join(str(error[k]) for k in ('type', 'message') if error.get(k))}"


def advice_lines(error: Mapping[str, Any]) -> list[str]:
    """What usually causes a run's error, what to do, and where more is said; none of an error without advice."""
    advice = error.get("advice")
    if not advice:
        return []
    explained = f"`workflow explain {advice['code']}`, " if advice.get("code") else ""
    return [
        f"Usual cause:     {advice['usual_cause']}",
        f"What to do:      {advice['what_to_do']}",
        f"More:            {explained}{advice['docs']}",
    ]


def _in_brackets(step: Mapping[str, Any]) -> str:
    time = duration(step.get("execution_time_ms"))
    return f"({time})" if time else ""
