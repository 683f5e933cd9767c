"""The app: one stack with one step."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from infra.node import use_node_of_environment

use_node_of_environment()

from aws_cdk import App, Stack  # noqa: E402  # importing it starts Node.js

from infra.constructs.workflow_step import WorkflowStep  # noqa: E402

STACK: Final = "e2e-kettle"
STEP_TYPE: Final = "e2e_boil"


def main() -> None:
    """Write the cloud assembly."""
    app = App(analytics_reporting=False)
    WorkflowStep(
        Stack(app, STACK),
        "Boil",
        step_type=STEP_TYPE,
        code=str(Path(__file__).parent / "boil"),
        handler="boil.handler",
        config_schema={
            "type": "object",
            "properties": {"cups": {"type": "integer", "maximum": 8}},
            "required": ["cups"],
        },
        timeout_seconds=20,
    )
    app.synth()


if __name__ == "__main__":
    main()
