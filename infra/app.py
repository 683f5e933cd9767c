"""The CDK app: `cdk deploy --all`, or `make synth` without the CDK command line, an account or a network."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.node import use_node_of_environment

use_node_of_environment()

# E402 for all of these: importing aws_cdk, which each of them does, starts Node.js, so that must be chosen before.
from aws_cdk import App, Tags, Validations  # noqa: E402
from cdk_nag import AwsSolutionsChecks  # noqa: E402

from infra.acknowledged import Acknowledged, acknowledge, acknowledgements  # noqa: E402
from infra.config import StageConfig  # noqa: E402
from infra.constructs.deployment import Deployment  # noqa: E402
from infra.stacks.api import ApiStack  # noqa: E402
from infra.stacks.data import DataStack  # noqa: E402
from infra.stacks.observability import ObservabilityStack  # noqa: E402
from infra.stacks.orchestration import OrchestrationStack  # noqa: E402
from infra.stacks.steps import StepsStack  # noqa: E402

CDK_JSON: Final = Path(__file__).parents[1] / "cdk.json"


@dataclass(frozen=True, slots=True)
class WorkflowApp:
    """The app with its stacks, in the order of their deployment."""

    app: App
    data: DataStack
    steps: StepsStack
    orchestration: OrchestrationStack
    api: ApiStack
    observability: ObservabilityStack
    acknowledged: tuple[Acknowledged, ...]


def build(
    context: Mapping[str, Any] | None = None, outdir: str | None = None, *, with_acknowledgements: bool = True
) -> WorkflowApp:
    """All stacks of the stage that the context names; nothing is written before `app.synth()`.

    `context` is added to what the CDK command line gives. Without acknowledgements cdk-nag reports every finding, and
    the synthesis fails. Raises `infra.config.InvalidContextError`.
    """
    app = App(context=dict(context or {}), outdir=outdir, analytics_reporting=False)
    deployment = Deployment(StageConfig.from_context(app.node.try_get_context))
    common: dict[str, Any] = {
        "deployment": deployment,
        "termination_protection": deployment.config.retain_data,
    }
    data = DataStack(app, deployment.name("data"), **common)
    steps = StepsStack(app, deployment.name("steps"), **common)
    stream_arn = data.table.table_stream_arn
    assert stream_arn is not None, "the table has a stream"
    orchestration = OrchestrationStack(app, deployment.name("orchestration"), stream_arn=stream_arn, **common)
    api = ApiStack(app, deployment.name("api"), **common)
    observability = ObservabilityStack(app, deployment.name("observability"), api_id=api.api.http_api_id, **common)
    # Hardly anything is imported from stack to stack, but whoever calls the API should find all that is behind it.
    orchestration.add_stack_dependency(data)
    orchestration.add_stack_dependency(steps)
    api.add_stack_dependency(orchestration)
    Tags.of(app).add("application", "workflow-engine")
    Tags.of(app).add("stage", deployment.config.stage)
    functions = [*steps.functions.values(), *orchestration.functions.values(), *api.functions.values()]
    role, uncounted = orchestration.machine_role, orchestration.uncounted
    accepted = tuple(acknowledgements(deployment, functions, role, data.bucket, uncounted, api.open_routes))
    if with_acknowledgements:
        acknowledge(accepted)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return WorkflowApp(app, data, steps, orchestration, api, observability, accepted)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the cloud assembly to where the CDK command line, or `CDK_OUTDIR`, says.

    The CDK command line hands its context over in the environment, where it goes before what is given here; without it
    `-c NAME=VALUE` and the context of cdk.json count.
    """
    parser = argparse.ArgumentParser(prog="python -m infra.app", description="Synthesize the CDK app.")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="NAME=VALUE", help="a setting")
    given = dict(pair.split("=", 1) for pair in parser.parse_args(arguments).context if "=" in pair)
    build({**context_of_project(), **given}).app.synth()


def context_of_project() -> dict[str, Any]:
    """The context that cdk.json holds."""
    return dict(json.loads(CDK_JSON.read_text(encoding="utf-8"))["context"])


if __name__ == "__main__":
    main()
