"""Building blocks of the stacks. `WorkflowStep` is for everybody who adds a step of their own."""

from infra.node import use_node_of_environment

use_node_of_environment()

from infra.constructs.workflow_step import WorkflowStep  # noqa: E402  # CDK starts Node.js when it is imported

__all__ = ["WorkflowStep"]
