"""The words of the catalogue: what a Lambda function is to the CDK app and to the local runtime.

Data only; nothing here imports CDK, boto3 or a handler.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from workflow_engine.lazy_dataclass import dataclass

Kind = Literal["api", "step", "event", "stream", "schedule", "background", "deployment"]
"""`api`: behind API Gateway. `background`: invoked by one of these, which does not wait for it. `step`: a task of the state
machines, found by its name as alias. `event`: fed by a queue. `stream`: fed by the table's stream. `schedule`: started by the
clock. `deployment`: answers CloudFormation's custom resources.
"""

Layer = Literal["deps", "files_deps", "llm_deps", "engine", "llm"]
"""`llm_deps` is `deps` and what agents need beside it, `files_deps` what reading files does: a function has one of the three."""

Resource = Literal[
    "table",
    "tenant_index",
    "workflow_index",
    "arn_index",
    "due_index",
    "bucket",
    "bucket_objects",
    "uploaded_files",
    "file_buckets",
    "machines",
    "executions",
    "activities",
    "activity_relay",
    "machine_role",
    "step_logs",
    "client_functions",
    "bedrock_models",
    "llm_secrets",
    "tenant_secrets",
    "vector_indexes",
]
"""What a function may be allowed to act on. `machines`, `executions` and `activities` are those with our name prefix,
`activity_relay` is that function; the indexes are those of `workflow_engine.store.schema`; `step_logs` are the log groups of step
functions, our own and those that `WorkflowStep` makes; `client_functions` are Lambdas that
clients may register as steps; `llm_secrets` hold the keys of models' vendors, `tenant_secrets` are those of them that are a
tenant's own; `file_buckets` have files that steps may read, `vector_indexes` are those of the deployment's vector bucket. Where
a deployment has none of a kind, the grant falls away.
"""


BELOW: Final = "{proxy+}"
"""The segment of a route's path that stands for any segments ("Working with path variables")."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the HTTP API. `path` is in API Gateway's form, `{name}` for one segment; "$default" has method ""."""

    method: str
    path: str
    is_open: bool = False
    """True for a route that asks for no credentials."""
    is_page: bool = False
    """True for a page to look at, which a link on any site may lead to."""

    @property
    def key(self) -> str:
        """API Gateway's route key: `GET /workflows/{workflow_id}`."""
        return f"{self.method} {self.path}".strip()

    @property
    def root(self) -> str:
        """The first segment of the path, which one function has to itself: `/workflows`."""
        return "/" + self.path.split("/")[1] if self.method else ""


@dataclass(frozen=True, slots=True)
class Grant:
    """IAM actions on one kind of resource."""

    resource: Resource
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function: the folder `functions/<name>` and how it is run."""

    name: str
    kind: Kind
    memory_mb: int
    timeout_seconds: int
    routes: tuple[Route, ...] = ()
    """What it answers, as it is documented; API Gateway needs `served_routes`."""
    layers: tuple[Layer, ...] = ("deps", "engine")
    environment: tuple[str, ...] = ()
    """Names of the environment variables it reads; the stacks know the values."""
    grants: tuple[Grant, ...] = ()
    schedule_minutes: int | None = None
    """How often it runs; for kind `schedule` only."""

    @property
    def handler(self) -> str:
        """Dotted path of the entry point, the same in Lambda, in tests and in the local runtime."""
        return f"functions.{self.name}.handler.handler"

    @property
    def served_routes(self) -> tuple[Route, ...]:
        """The routes that API Gateway needs for all that the function answers: those of the catalogue, with a slash behind
        them too, and HEAD where there is GET.

        A route key may not end in a slash, and whether a path that does reaches the route without one is not documented
        ("Create routes for HTTP APIs"); so what lies below a root goes to its function, which looks for the route itself.
        Where a gateway takes `/workflows/` for neither, `$default` redirects to the path without the slash. Exact routes
        come before greedy ones, and `$default` comes last ("Routing API requests").
        """
        by_root: dict[tuple[str, str], list[Route]] = {}
        for route in (r for r in self.routes if r.method):
            by_root.setdefault((route.method, route.root), []).append(route)
        greedy = [
            Route(method, f"{root}/{BELOW}", all(r.is_open for r in routes), all(r.is_page for r in routes))
            for (method, root), routes in by_root.items()
        ]
        heads = [replace(r, method="HEAD") for r in greedy if r.method == "GET"]
        heads += [replace(r, method="HEAD") for r in self.routes if r.method == "GET" and r.path == r.root]
        return (*self.routes, *greedy, *heads)
