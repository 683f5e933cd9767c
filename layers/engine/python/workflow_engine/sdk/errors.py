"""What a step Lambda raises. Lambda reports the class name as `errorType`, so these names are part of the contract."""


class StepReportedFailure(Exception):  # noqa: N818 - errorType is the class name; results and conditions rely on it
    """The step did its work and the answer is that it failed. The message is what the client reads."""


class InvalidStepInput(Exception):  # noqa: N818 - errorType is the class name; results and conditions rely on it
    """The event, its config or its input data are not what the step needs. A retry would not help."""
