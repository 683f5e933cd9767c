"""`workflow deploy`: let the API have the workflows that files hold.

All is read and checked before anything is changed; each is then saved only over the version that the diff was made against.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from infra.local.cli.documents import print_findings
from infra.local.cli.exits import INVALID, CommandError
from infra.local.cli.output import Output, line, note, plain
from infra.local.cli.remote import Remote, as_command_error, client_command
from infra.local.cli.sources import Source, sources

MAX_SHOWN: Final = 160
"""Characters of a value in a diff; `--json` has the whole of it."""
_SIGNS: Final = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "changed": ("~", "yellow"),
    "reordered": ("~", "yellow"),
}
_NOT_CONTENT: Final = ("workflow_id", "$schema")
"""What a file says about itself and not about the workflow."""


class Deployment(NamedTuple):
    """A workflow, what stands on the API in its place, and what is different."""

    source: Source
    etag: str | None
    version: int | None
    """None: it is not there yet."""
    changes: list[dict[str, Any]]
    plan: dict[str, Any]
    """Figures of the plan that are different, each `{before, after}`."""

    @property
    def action(self) -> str:
        """What is going to happen, as far as the content tells."""
        if self.version is None:
            return "create"
        return "update" if self.changes else "unchanged"


@click.command()
@click.argument("paths", metavar="FILE|DIR...", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--prune", is_flag=True, help="Delete the workflows of the API that no file holds. Asks first.")
@click.option("--tag", help="With --prune: only of workflows with this tag.")
@click.option(
    "--if-match", "etag", metavar="ETAG", help="Only over this version of the one workflow: `*` for any that is there."
)
@client_command(changes=True)
def deploy(
    remote: Remote, paths: tuple[str, ...], dry_run: bool, prune: bool, tag: str | None, etag: str | None
) -> None:
    """Save the workflows of FILEs (JSON, YAML) and of all below DIRs, each under its workflow_id, else its file's name.

    Shows what changes in the document, the plan and the cost. What is the same stays the same version. Nothing is changed when
    one of them is invalid. Of a DIR, *.test.yaml, fixtures and files that are no workflows are left out.
    """
    if prune and not all(Path(path).is_dir() for path in paths):
        raise click.UsageError("--prune is for folders: of one file, all other workflows would be deleted.")
    found = sources(paths)
    if etag is not None and len(found) > 1:
        raise click.UsageError(f"--if-match is for one workflow, and these are {len(found)}.")
    if tag is not None and not prune:
        raise click.UsageError("--tag goes with --prune.")
    deployments = [_compared(remote, source, plan) for source, plan in _checked(remote, found)]
    pruned = _not_held(remote, found, tag) if prune else []
    if not remote.output.as_json:
        _show(remote.output, deployments, pruned)
    if dry_run:
        note(f"Nothing was changed at {remote.connection.label}.")
        done = [_told(deployment, deployment.action, deployment.version) for deployment in deployments]
        _tell(remote, [*done, *({"action": "delete", **one} for one in pruned)], dry_run=True)
        return
    remote.changes(f"deploy {len(found)} workflow{'s' if len(found) > 1 else ''}")
    if pruned:
        remote.changes(f"delete {', '.join(one['workflow_id'] for one in pruned)}", asks=True)
    _tell(remote, _applied(remote, deployments, pruned, etag), dry_run=False)


def _checked(remote: Remote, found: Sequence[Source]) -> list[tuple[Source, dict[str, Any]]]:
    """The sources and their plans, when the API finds all of them valid."""
    checked: list[tuple[Source, dict[str, Any]]] = []
    wrong: list[dict[str, Any]] = []
    for source in found:
        report, _ = remote.api.answer("validate_workflow", body=_content(source.document))
        findings = print_findings([*report["errors"], *report["warnings"]], {"": source.text})
        wrong += [finding for finding in findings if finding["severity"] == "error"]
        checked.append((source, report["plan"]))
    if wrong:
        files = ", ".join(dict.fromkeys(finding["file"] for finding in wrong))
        problem = {"code": "invalid_workflow", "errors": wrong}
        raise CommandError(f"Nothing was deployed: {files} would not be accepted.", INVALID, problem)
    return checked


def _compared(remote: Remote, source: Source, plan: Mapping[str, Any]) -> Deployment:
    from workflow_engine.client.errors import ApiProblem
    from workflow_engine.language.differences import differences
    from workflow_engine.usecases.workflows.diff_workflow import plan_changes

    try:
        standing, headers = remote.api.answer("get_workflow", {"workflow_id": source.workflow_id})
    except ApiProblem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        return Deployment(source, None, None, [], dict(plan_changes({}, plan)))
    before = _content(standing["configuration"])
    changes = [change._asdict() for change in differences(before, _content(source.document))]
    figures: dict[str, Any] = {}
    if changes:
        # The plan that stands may rest on durations of past runs, of which a document knows nothing.
        report, _ = remote.api.answer("validate_workflow", body=before)
        figures = dict(plan_changes(report["plan"] or standing["plan"], plan))
    return Deployment(source, headers.get("etag"), standing["version"], changes, figures)


def _content(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _NOT_CONTENT}


def _not_held(remote: Remote, found: Sequence[Source], tag: str | None) -> list[dict[str, Any]]:
    """The workflows of the API that no file holds."""
    held = {source.workflow_id for source in found}
    return [
        {"workflow_id": one["workflow_id"], "version": one["version"]}
        for one in remote.api.workflows.list(tag=tag)
        if one["workflow_id"] not in held
    ]


def _applied(
    remote: Remote, deployments: Sequence[Deployment], pruned: Sequence[Mapping[str, Any]], etag: str | None
) -> list[dict[str, Any]]:
    from workflow_engine.client.errors import ClientError

    done: list[dict[str, Any]] = []
    try:
        for deployment in deployments:
            done.append(_saved(remote, deployment, etag))  # noqa: PERF401 - what was done is told where one fails
        for one in pruned:
            _delete(remote, one["workflow_id"])
            done.append({"action": "deleted", **one})
    except ClientError as error:
        end = as_command_error(error, remote)
        total = len(deployments) + len(pruned)
        told = [f"{len(done)} of {total} were done before.", *map(_line, done)] if total > 1 else []
        raise CommandError("\n  ".join([end.message, *told]), end.exit_code, {**end.problem, "done": done}) from None
    return done


def _delete(remote: Remote, workflow_id: str) -> None:
    """Delete a workflow; that somebody else has done so meanwhile is as good."""
    from workflow_engine.client.errors import ApiProblem

    try:
        remote.api.answer("delete_workflow", {"workflow_id": workflow_id})
    except ApiProblem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise


def _saved(remote: Remote, deployment: Deployment, etag: str | None) -> dict[str, Any]:
    """Save a workflow over the version that was looked at, whatever others have saved since."""
    source = deployment.source
    expected = etag or deployment.etag
    answer, _ = remote.api.answer(
        "update_workflow",
        {"workflow_id": source.workflow_id},
        body=_content(source.document),
        headers={"if-none-match": "*"} if expected is None else {"if-match": expected},
    )
    if deployment.version is None:
        action = "created"
    elif answer["version"] == deployment.version:
        action = "unchanged"
    else:
        action = "updated" if deployment.changes else "recompiled"
    return _told(deployment, action, answer["version"])


def _told(deployment: Deployment, action: str, version: int | None) -> dict[str, Any]:
    return {
        "action": action,
        "workflow_id": deployment.source.workflow_id,
        "version": version,
        "file": deployment.source.file,
        "changes": deployment.changes,
        "plan": deployment.plan,
    }


def _tell(remote: Remote, done: Sequence[Mapping[str, Any]], *, dry_run: bool) -> None:
    output = remote.output
    if output.as_json:
        output.document({"dry_run": dry_run, "workflows": list(done)})
        return
    for one in done if not dry_run else ():
        if output.is_terminal:
            action = output.style(one["action"].ljust(10), one["action"])
            line(f"{action} {one['workflow_id']}  version {one['version']}")
        else:
            line(_line(one))


def _line(one: Mapping[str, Any]) -> str:
    return "\t".join([one["action"], one["workflow_id"], str(one["version"] or ""), one.get("file", "")])


def _show(output: Output, deployments: Iterable[Deployment], pruned: Iterable[Mapping[str, Any]]) -> None:
    for deployment in deployments:
        source = deployment.source
        where = "new" if deployment.version is None else f"version {deployment.version}"
        same = "" if deployment.action != "unchanged" else ", unchanged"
        line(f"{source.workflow_id} ({where}{same})  {output.style(source.file, 'dim')}")
        for change in deployment.changes:
            sign, colour = _SIGNS[change["kind"]]
            line(f"  {output.style(sign, colour)} {_change(change)}")
        for name, figure in deployment.plan.items():
            before = "" if figure["before"] is None else f"{figure['before']} -> "
            line(f"  {_words(name)}: {before}{'unknown' if figure['after'] is None else figure['after']}")
    for one in pruned:
        line(f"{one['workflow_id']} (version {one['version']}, {output.style('to be deleted', 'red')})")


def _change(change: Mapping[str, Any]) -> str:
    place = change["pointer"] or "/"
    if change["kind"] == "added":
        return f"{place}: {_value(change['after'])}"
    if change["kind"] == "removed":
        return f"{place}: {_value(change['before'])}"
    order = " (another order)" if change["kind"] == "reordered" else ""
    return f"{place}: {_value(change['before'])} -> {_value(change['after'])}{order}"


def _value(value: Any) -> str:
    import json

    text = plain(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def _words(figure: str) -> str:
    return (
        "USD for the transitions of 1,000 runs"
        if figure == "transitions_usd_per_1000_runs"
        else figure.replace("_", " ")
    )
