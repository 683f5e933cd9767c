"""The command `workflow`: run, validate and compile workflow files, and serve the API, all on this machine.

Every command sends what it is given to the same handlers as an HTTP client would, through the gateway in process. On
stdout is what was asked for, and with `--json`, `compile` and `validate` it is exactly one document; everything else goes
to stderr. Exit codes: 0 completed or valid, 1 the run failed, 2 the workflow, its input or the command line is invalid.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import re
import sys
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from infra.local.documents import EXIT_INVALID, document, invalid, json_option, one_document, print_findings, print_json
from infra.local.stepfunctions.failures import exit_status
from workflow_engine.statuses import has_ended

if TYPE_CHECKING:
    from infra.local.cloud import LocalCloud
    from infra.local.progress import Progress

EXIT_FAILED: Final = 1

NOT_LIMITED: Final = -1


FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=str)
STEPS = click.option(
    "--steps",
    "steps_directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with your own step functions in Python.",
)


def _limit(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """A whole number, or `none`, which is `NOT_LIMITED`: an option that is not given is None."""
    if value is None or value == "none":
        return None if value is None else NOT_LIMITED
    if not re.fullmatch(r"[0-9]{1,6}", value):
        raise click.BadParameter(f"'{value}' is no limit. Write a whole number of up to six digits, or none.")
    return int(value)


DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),  # since a step may change the directory
    envvar="WORKFLOW_DATA",
    default=Path(".workflow"),
    show_default=True,
    help="Folder that the server keeps everything in; also WORKFLOW_DATA.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run JSON workflows on this machine. FILE is a workflow in JSON; - reads it from standard input."""


@main.command()
@click.argument("file", type=FILE)
@click.option("--input", "run_input", metavar="JSON|@FILE", help="The run's input, as JSON or as @ and a file's name.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON document, nothing else.")
@click.option(
    "--skip-time", "skips_time", is_flag=True, help="Do not wait: when only time has to pass, it has passed at once."
)
@STEPS
def run(file: str, run_input: str | None, as_json: bool, skips_time: bool, steps_directory: Path | None) -> None:
    """Run a workflow and show how each step ended."""
    body = document(file)
    if run_input is not None:
        if not isinstance(body, dict):
            invalid([{"code": "invalid_request", "pointer": "", "detail": "A workflow is a JSON object."}])
        body = {**body, "input": json_option(run_input, "--input")}
    with one_document() if as_json else contextlib.nullcontext(sys.stdout) as stdout:
        with _cloud(steps_directory, skips_time=skips_time) as cloud:
            started = _call(cloud, "POST", "/workflows/execute", body)
            _has_started()
            progress = _progress(started["workflow_name"], as_json)
            results = _follow(cloud, started["execution_id"], progress)
        if as_json:
            print_json(results, stdout)
    sys.exit(0 if results["status"] == "completed" else EXIT_FAILED)


@main.command()
@click.argument("file", type=FILE)
@STEPS
def validate(file: str, steps_directory: Path | None) -> None:
    """Check a workflow without running it; prints the report, plan and cost included."""
    with one_document() as stdout:
        with _cloud(steps_directory) as cloud:
            report = _call(cloud, "POST", "/workflows/validate", document(file))
        print_json(report, stdout)
    print_findings([*report["errors"], *report["warnings"]])
    sys.exit(0 if report["is_valid"] else EXIT_INVALID)


@main.command(name="compile")
@click.argument("file", type=FILE)
@click.option("--plan", is_flag=True, help="Print what a run will cost and take instead.")
@click.option("--diagram", is_flag=True, help="Print the structure as a Mermaid diagram instead.")
@STEPS
def compile_(file: str, plan: bool, diagram: bool, steps_directory: Path | None) -> None:
    """Print the state machine that a workflow becomes, in Amazon States Language."""
    if plan and diagram:
        raise click.UsageError("--plan and --diagram exclude each other.")
    with one_document() as stdout:
        with _cloud(steps_directory) as cloud:
            compiled = _call(cloud, "POST", "/workflows/compile", document(file))
        if diagram:
            click.echo(compiled["diagram"].rstrip("\n").encode(), file=stdout)
        else:
            print_json(compiled["plan" if plan else "asl"], stdout)


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8006, show_default=True, help="0 takes a free one.")
@click.option(
    "--allow-host",
    "allow_hosts",
    metavar="HOST[:PORT]",
    multiple=True,
    help="Another name that this server is reached by, through a tunnel, say. May be given again.",
)
@click.option(
    "--cors-origin",
    "cors_origins",
    metavar="ORIGIN",
    multiple=True,
    help="Where a web page of yours comes from, such as http://localhost:3000: it may use the API. May be given again.",
)
@DATA
@click.option("--in-memory", "in_memory", is_flag=True, help="Keep nothing.")
@STEPS
def serve(
    port: int,
    allow_hosts: tuple[str, ...],
    cors_origins: tuple[str, ...],
    data: Path,
    in_memory: bool,
    steps_directory: Path | None,
) -> None:
    """Serve the HTTP API on this machine until interrupted, to you alone: not to pages of other sites.

    Runs that the last server left go on where they were.
    """
    from infra.local.server import make_local_server, serve_until, stop_signals

    with _starting():
        cloud = _closed_cloud(steps_directory, None if in_memory else data)
        try:
            # Before the cloud opens, since runs that go on only to be interrupted again have made an attempt.
            server = make_local_server(cloud.gateway, port, allow_hosts=allow_hosts, cors_origins=cors_origins)
        except OSError as error:
            told = os.strerror(error.errno) if error.errno else str(error)
            raise click.ClickException(f"Port {port} cannot be used: {told}. Choose another with --port.") from None
        except ValueError as error:  # --allow-host or --cors-origin
            raise click.UsageError(str(error)) from None
        with contextlib.closing(server.socket), _clear_errors(), cloud, stop_signals() as stopping:
            _tell_found(cloud)
            click.echo(f"Listening on http://127.0.0.1:{server.port} (documentation at /docs). Ctrl-C stops.", err=True)
            _has_started()
            cloud.keep_house()
            problem = serve_until(stopping, server, cloud.stop_waiting, cloud.lost_folder)
    if problem is not None:
        raise click.ClickException(problem)


@main.command(name="gc")
@click.option("--older-than", "age", metavar="AGE", required=True, help="As 30d, 12h or 90m.")
@DATA
def gc_(age: str, data: Path) -> None:
    """Delete runs that ended that long ago, with all that only they lead to. No server may be running."""
    from datetime import UTC, datetime

    from infra.local.data import DataFolder

    before, folder = datetime.now(UTC) - _age(age), DataFolder(data)
    if not folder.is_used:
        raise click.UsageError(f"There is no data of a server in '{data}'.")
    with _clear_errors():
        from infra.local.cleaning import clean

        done = clean(folder, before)
    click.echo(
        f"Deleted {done.runs:,} runs, {done.histories:,} histories, {done.workflows:,} workflows that were never saved, and "
        f"{done.files:,} files ({done.bytes:,} bytes)."
    )


@main.command(name="quota")
@click.argument("tenant")
@click.option(
    "--running", metavar="NUMBER", callback=_limit, help="Runs that have not ended, at once; 'none' for any number."
)
@click.option("--starts-per-minute", metavar="NUMBER", callback=_limit, help="Starts of runs a minute.")
@click.option(
    "--monthly-usd", metavar="NUMBER", callback=_limit, help="Dollars that the transitions of a month's runs may cost."
)
@click.option("--default", "is_taken_back", is_flag=True, help="Let the tenant have the deployment's quota again.")
@click.option("--table", "table_name", metavar="NAME", help="A deployed stage's table, with your own AWS credentials.")
@DATA
def quota(
    tenant: str,
    running: int | None,
    starts_per_minute: int | None,
    monthly_usd: int | None,
    is_taken_back: bool,
    table_name: str | None,
    data: Path,
) -> None:
    """Show what a TENANT may use and has used, or give it a quota of its own, which holds within a minute. On a laptop the tenant
    is 'default'.
    """
    from infra.local.tenant_quotas import changed_quota, quotas_of, told

    given = {"running": running, "starts_per_minute": starts_per_minute, "monthly_usd": monthly_usd}
    with _clear_errors(), quotas_of(table_name, data) as quotas:
        if is_taken_back:
            quotas.set(tenant, None)
        elif any(value is not None for value in given.values()):
            quotas.set(tenant, changed_quota(quotas.own(tenant), given))
        for line in told(quotas, tenant):
            click.echo(line)


@main.command()
@click.argument("function", metavar="MODULE:FUNCTION")
@click.option("--activity", required=True, help="The activity whose steps this worker does.")
@click.option("--api", "url", default="http://127.0.0.1:8006", show_default=True, help="The server, or a deployed API.")
def worker(function: str, activity: str, url: str) -> None:
    """Do the steps of an activity with a function of yours, until interrupted. It takes (event, context) as a Lambda function
    does.
    """
    import signal

    from infra.local.worker import Api, Worker, WorkerError, load

    def tell(line: str) -> None:
        click.echo(line, err=True)

    try:
        working = Worker(Api(url), activity, load(function), tell)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: working.stop.set())
        tell(f"Working on '{activity}' for {url}. Ctrl-C stops after the task at hand.")
        working.run()
    except WorkerError as error:
        raise click.ClickException(str(error)) from None


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([dhm])", text)
    if match is None:
        raise click.UsageError(f"'{text}' is no age. Write a number and d, h or m, such as 30d.")
    return timedelta(**{{"d": "days", "h": "hours", "m": "minutes"}[match[2]]: int(match[1])})


@contextlib.contextmanager
def _cloud(steps_directory: Path | None, *, skips_time: bool = False) -> Iterator[LocalCloud]:
    """A local cloud that keeps nothing."""
    with _starting():
        cloud = _closed_cloud(steps_directory, skips_time=skips_time)
        with _clear_errors(), cloud:
            _tell_found(cloud)
            yield cloud


def _tell_found(cloud: LocalCloud) -> None:
    """What the folder of steps holds, and what of it is no step type."""
    for line in () if cloud.found is None else cloud.found.lines():
        click.echo(line, err=True)


def _closed_cloud(steps_directory: Path | None, data: Path | None = None, *, skips_time: bool = False) -> LocalCloud:
    """The local cloud, to be opened; imported here, so that `--help` and mistakes on the command line answer at once."""
    from infra.local.cloud import LocalCloud
    from infra.local.data import DataFolder

    if steps_directory is None:
        # Ours need none, and to find them the metadata of every package that is installed is read.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    folder = None if data is None else DataFolder(data)
    return LocalCloud(steps_directory=steps_directory, data=folder, skips_time=skips_time)


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """Collects no garbage until `_has_started`."""
    gc.disable()
    try:
        yield
    finally:
        _has_started()


def _has_started() -> None:
    """What was made so far lives to the end. To look through it for garbage, while it is made, ever after and once more at the
    exit, would be a fifth of the time of a short command.
    """
    gc.freeze()
    gc.enable()


@contextlib.contextmanager
def _clear_errors() -> Iterator[None]:
    """What is wrong with a folder ends the program with a sentence."""
    from infra.local.data import DataFolderError
    from infra.local.stepfunctions.journal import JournalError
    from infra.local.steps import StepsDirectoryError
    from workflow_engine.errors import MisconfiguredError
    from workflow_engine.store.tables.sqlite_database import UnreadableDataError

    try:
        yield
    except StepsDirectoryError as error:
        raise click.UsageError(str(error)) from None
    except (DataFolderError, JournalError, MisconfiguredError, UnreadableDataError) as error:
        raise click.ClickException(str(error)) from None


def _call(cloud: LocalCloud, method: str, path: str, body: Any = None) -> Any:
    """The JSON answer of a route. A problem that is the client's ends the program with its findings on stderr."""
    status, answer = cloud.call(method, path, body)
    if status >= 500:
        raise click.ClickException(answer.get("detail") or answer.get("message") or f"status {status}")
    if status >= 400:
        invalid(answer["errors"])
    return answer


def _follow(cloud: LocalCloud, execution_id: str, progress: Progress) -> dict[str, Any]:
    """Read a run's results until it has ended, showing each reading."""
    while True:
        cloud.wait_for_an_end(progress.seconds_between_updates)
        results = all_results(cloud, execution_id)
        if has_ended(results["status"]):
            fetch_outputs(cloud, results)
            progress.finish(results)
            return results
        progress.update(results)


def all_results(cloud: LocalCloud, execution_id: str) -> dict[str, Any]:
    """All pages of a run's results as one."""
    path = f"/executions/{execution_id}/results"
    results: dict[str, Any] = _call(cloud, "GET", path)
    while cursor := results["next_cursor"]:
        page = _call(cloud, "GET", f"{path}?cursor={cursor}")
        results["step_results"] |= page["step_results"]
        results["next_cursor"] = page["next_cursor"]
    return results


def fetch_outputs(cloud: LocalCloud, results: dict[str, Any]) -> None:
    """Put outputs in the place of links to them, which lead nowhere once this program has ended."""
    for holder, name in ((results, "output"), *((step, "output_data") for step in results["step_results"].values())):
        if (holder.get("output_link") or {}).get("href"):
            holder[name] = _call(cloud, "GET", holder.pop("output_link")["href"])


def _progress(title: str, as_json: bool) -> Progress:
    from infra.local import progress

    if as_json:
        return progress.SilentProgress()
    return progress.LiveProgress(title) if sys.stdout.isatty() else progress.PlainProgress(sys.stdout)


def program() -> NoReturn:
    """`main` as a process, which is over when that is: Python would wait for the threads that steps have left behind."""
    status = EXIT_FAILED
    try:
        main()
    except SystemExit as end:
        status = exit_status(end)
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # its reader may be gone
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    program()
