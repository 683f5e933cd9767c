"""For authors of step Lambdas: `@step`, the context of a call, and the errors that a step may raise.

    from workflow_engine.sdk import StepContext, StepReportedFailure, step

    @step
    def handler(config: dict, input_data: dict, context: StepContext) -> dict:
        if "text" not in input_data:
            raise StepReportedFailure("There is no text to translate.")
        return {"text": translate(input_data["text"], config["language"])}

`handler` is then a Lambda handler. What it returns is the step's output; an exception fails the step, and its class name is
the error type that results, retries and conditions see. Importing this package imports nothing but the standard library.
"""

from workflow_engine.errors import InvalidStepInput, InvalidStepOutput, StepReportedFailure
from workflow_engine.sdk.context import StepContext
from workflow_engine.sdk.decorator import LambdaHandler, step

__all__ = ["InvalidStepInput", "InvalidStepOutput", "LambdaHandler", "StepContext", "StepReportedFailure", "step"]
