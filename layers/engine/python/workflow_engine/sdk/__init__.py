"""For authors of step functions: `@step`, the context of a call, and the errors that a step may raise.

    from pydantic import BaseModel
    from workflow_engine.sdk import StepContext, StepReportedFailure, step

    class Config(BaseModel):
        language: str

    class Text(BaseModel):
        text: str

    @step(config=Config, input=Text, output=Text)
    def translate(config: Config, input: Text, context: StepContext) -> Text:
        if not input.text:
            raise StepReportedFailure("There is no text to translate.")
        return Text(text=ask(input.text, config.language, key=context.secret("STEP_SECRET_TRANSLATOR")))

`translate` is then a Lambda handler. What it returns is the step's output; an exception fails the step, and its class name is
the error type that results, retries and conditions see. `@step` alone, without parentheses, takes dicts and does no more than
that. `sdk.testing` calls a step in a unit test. Importing this package imports nothing but the standard library.
"""

from workflow_engine.errors import (
    InvalidStepInput,
    StepInputError,
    StepOutputError,
    StepReportedFailure,
    StepTransientError,
)
from workflow_engine.sdk.context import StepContext
from workflow_engine.sdk.decorator import LambdaHandler, StepDefinition, definition_of, step

__all__ = [
    "InvalidStepInput",
    "LambdaHandler",
    "StepContext",
    "StepDefinition",
    "StepInputError",
    "StepOutputError",
    "StepReportedFailure",
    "StepTransientError",
    "definition_of",
    "step",
]
