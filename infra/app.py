"""The CDK app: `cdk deploy --all`, or `make synth` without the CDK command line, an account or a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.node import use_node_of_environment

use_node_of_environment()

from aws_cdk import App, Tags, Validations  # noqa: E402  # importing it starts Node.js
from cdk_nag import AwsSolutionsChecks  # noqa: E402

from infra.acknowledged import Acknowledged, acknowledge, acknowledgements  # noqa: E402
from infra.config import StageConfig  # noqa: E402
from infra.constructs.deployment import Deployment  # noqa: E402
from infra.stacks.api import ApiStack  # noqa: E402
from infra.stacks.data import DataStack  # noqa: E402
from infra.stacks.observability import ObservabilityStack  # noqa: E402
from infra.stacks.orchestration import OrchestrationStack  # noqa: E402
from infra.stacks.steps import StepsStack  # noqa: E402


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
    orchestration = OrchestrationStack(app, deployment.name("orchestration"), **common)
    api = ApiStack(app, deployment.name("api"), **common)
    observability = ObservabilityStack(
        app, deployment.name("observability"), api_id=api.api.http_api_id, **common
    )
    # Nothing is imported from stack to stack, but whoever calls the API should find all that is behind it.
    orchestration.add_dependency(data)
    orchestration.add_dependency(steps)
    api.add_dependency(orchestration)
    Tags.of(app).add("application", "workflow-engine")
    Tags.of(app).add("stage", deployment.config.stage)
    functions = [*steps.functions.values(), *orchestration.functions.values(), *api.functions.values()]
    accepted = tuple(
        acknowledgements(deployment, functions, orchestration.machine_role, data.bucket, api.open_routes)
    )
    if with_acknowledgements:
        acknowledge(accepted)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return WorkflowApp(app, data, steps, orchestration, api, observability, accepted)


def main() -> None:
    """Write the cloud assembly to where the CDK command line, or `CDK_OUTDIR`, says."""
    build().app.synth()


if __name__ == "__main__":
    main()
