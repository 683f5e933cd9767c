"""Errors of what runs a workflow: Step Functions, Lambda, and the runtimes of functions.

Names: Step Functions developer guide, "Handling errors in Step Functions workflows", "Error names"; Lambda developer guide,
"Troubleshoot invocation issues in Lambda"; Lambda API reference, "Invoke", Errors; Step Functions API reference, "StartExecution",
Errors.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.error_advice.entry import FAILURES, LARGE_DATA, Entries, Entry, when

_FUNCTION_ENDED: Final = "docs/large-data.md#functions-that-run-out-of-time-or-memory"
_OWN_STEPS: Final = "docs/steps.md"
_LONG_LISTS: Final = "docs/large-data.md#long-lists"

_OUT_OF_TIME: Final = Entry(
    "The step's function was still at work when Lambda's own time limit for it was over.",
    "Raise the timeout of the function, or let it do less at once: a for_each gives every element a call of its own.",
    _FUNCTION_ENDED,
)
_OUT_OF_MEMORY: Final = Entry(
    "The step's function needed more memory than it is configured with, so Lambda stopped it.",
    "Give the function more memory, or hand it less data at once. Only max_retries tries such a step again.",
    _FUNCTION_ENDED,
)
_TIMED_OUT: Final = r"Task timed out after"
"""Lambda's own words. A step may tell of something else that timed out."""
_ENDED: Final = Entry(
    "The process of the step's function ended before it had answered: it ran out of time or memory, crashed, or called exit.",
    "Read the end of the step's log. Raise the function's memory or timeout where that says so; only max_retries tries such a step "
    "again.",
    _FUNCTION_ENDED,
    cases=(when(_TIMED_OUT, _OUT_OF_TIME), when(r"(?i)memory|signal: killed|exit status 137", _OUT_OF_MEMORY)),
)
_BUSY: Final = Entry(
    "AWS refused or lost the call for a moment: too much was asked of the account at once, or the service itself had a fault. The "
    "step was tried six times.",
    "Redrive the run. If it happens again, raise the account's quotas, or run fewer elements at once by max_concurrency.",
    "docs/deploy.md#quotas-to-raise",
)
_NO_FUNCTION: Final = Entry(
    "The function that the step type is registered with is not there any more, or has no such version or alias.",
    "Deploy the function again, or register the step type with the function that is meant, then redrive the run.",
    _OWN_STEPS,
)
_NOT_ALLOWED: Final = Entry(
    "The role of the state machine may not call this function.",
    "Whoever runs the service allows it by the setting step_function_arns, then the run can be redriven.",
    "docs/deploy.md#steps-of-your-own",
)
_LAMBDA: Final = Entry(
    "Lambda could not run the step's function.",
    "Read the message: it is Lambda's own. Once the function can be called again, redrive the run.",
    _OWN_STEPS,
    cases=(
        when(r"\bAccessDenied|not authorized to perform: lambda:", _NOT_ALLOWED),
        when(r"\bResourceNotFound", _NO_FUNCTION),
    ),
)
_FUNCTION_BROKEN: Final = Entry(
    "The code of the step's function could not be loaded: a module or the handler that is named is missing, or there is a "
    "syntax error.",
    "Call the function by itself until it answers, deploy it, then redrive the run.",
    _OWN_STEPS,
)
_RUNTIME: Final = Entry(
    "The runtime of the step's function had a fault, or the step's code one that the handler could not answer for: at its "
    "import, or in a promise that nothing awaits.",
    "Read the step's log, mend the function, then redrive the run.",
    _OWN_STEPS,
)
_CHILD_NOT_STARTED: Final = Entry(
    "Step Functions did not start the run of the subflow.",
    "Read the message: it is AWS's own. Save the workflow again, so that its machine is made anew, and start a new run.",
    "docs/subflows.md",
)

_TOO_MANY_EVENTS: Final = Entry(
    "The run has used up the 25,000 history events that an execution of Step Functions may have.",
    "Run over parts of the list in several runs or subflows, or bound its length by max_items. Such a run cannot be redriven.",
    _LONG_LISTS,
    code="WFE-E501",
)

ENTRIES: Final[Entries] = {
    "States.Timeout": Entry(
        "The step, or the run as a whole, took longer than its timeout_seconds allows. An approval ends so when nobody decides "
        "in time.",
        "Raise timeout_seconds, or find out by the step's log and attempts what took so long. on_timeout of an approval says what "
        "happens instead.",
        FAILURES,
    ),
    "States.HeartbeatTimeout": Entry(
        "Nothing was heard of the worker that had taken the step's task for longer than heartbeat_seconds: it died, hung or "
        "lost its connection.",
        "Look at the worker's own log, and start it again. max_retries lets another worker take the task; a longer "
        "heartbeat_seconds helps where the worker is only slow.",
        "docs/activities.md",
    ),
    "States.TaskFailed": Entry(
        "A task failed without an error of its own: AWS tells no more than the message says.",
        "Read the message and the step's log. Redrive the run once the cause is gone.",
        FAILURES,
        cases=(when(_TIMED_OUT, _OUT_OF_TIME),),
    ),
    "States.DataLimitExceeded": Entry(
        "Something that is handed from step to step has more than 262,144 bytes of JSON. Tries do not help: it is as large the "
        "next time.",
        "Map only the fields that are needed, return less, or put the data into S3 and return its address.",
        LARGE_DATA,
        code="WFE-E502",
    ),
    "States.ExceedToleratedFailureThreshold": Entry(
        "More elements of a distributed map failed than it tolerates.",
        "Look at the first element that failed: its error is the reason. Mend that, then redrive the run.",
        FAILURES,
    ),
    "States.ItemReaderFailed": Entry(
        "The list of a distributed map could not be read from S3: it is not there, may not be read, or is no JSON list.",
        "See that the object exists and that the role of the state machine may read it, then redrive the run.",
        _LONG_LISTS,
    ),
    "States.ResultWriterFailed": Entry(
        "The results of a distributed map could not be written to S3.",
        "See that the bucket exists and that the role of the state machine may write to it, then redrive the run.",
        _LONG_LISTS,
    ),
    "States.Runtime": Entry(
        "The state machine itself could not go on, which no step can catch and no retry mends.",
        "Read the message. If it names a value of yours, mend that and start a new run; otherwise report it to whoever runs "
        "the service.",
        FAILURES,
        cases=(
            when(r"history events", _TOO_MANY_EVENTS),
            when(
                r"server ended \d+ times",
                Entry(
                    "The server of this machine ended again and again while the step was at work, so the step is not tried any "
                    "more.",
                    "See in the server's log whether the step itself ends it: by its memory, or by a crash. Then redrive the run.",
                    "docs/local.md",
                ),
            ),
        ),
    ),
    "States.Permissions": Entry(
        "The role of the state machine may not do what the step needs.",
        "Whoever runs the service grants it (step_function_arns for own functions), then the run can be redriven.",
        "docs/deploy.md#steps-of-your-own",
    ),
    "Lambda.TooManyRequestsException": _BUSY,
    "Lambda.ServiceException": _BUSY,
    "Lambda.AWSLambdaException": Entry(_BUSY.usual_cause, _BUSY.what_to_do, _BUSY.docs, cases=_LAMBDA.cases),
    "Lambda.SdkClientException": _BUSY,
    "Lambda.ClientExecutionTimeoutException": _BUSY,
    "Lambda.ResourceNotFoundException": _NO_FUNCTION,
    "Lambda.AccessDeniedException": _NOT_ALLOWED,
    "Lambda.RequestTooLargeException": Entry(
        "What the step is given is larger than Lambda takes in one call.",
        "Map only the fields that the step needs, or hand it the address of data in S3.",
        LARGE_DATA,
    ),
    "Lambda.Unknown": _ENDED,
    "Sandbox.Timedout": _OUT_OF_TIME,
    "Runtime.ExitError": _ENDED,
    "Runtime.OutOfMemory": _OUT_OF_MEMORY,
    "Runtime.ImportModuleError": _FUNCTION_BROKEN,
    "Runtime.HandlerNotFound": _FUNCTION_BROKEN,
    "Runtime.MalformedHandlerName": _FUNCTION_BROKEN,
    "Runtime.UserCodeSyntaxError": _FUNCTION_BROKEN,
    "Runtime.MarshalError": Entry(
        "What the step's function returned is no JSON: a date, a set, NaN or an object of a class of its own is in it.",
        "Return texts, numbers, true, false, null, lists and objects of these. A model of pydantic's is written by "
        "model_dump(mode='json').",
        "docs/steps.md#writing-a-step",
    ),
    "Function.ResponseSizeTooLarge": Entry(
        "The step's function returned more than the 6 MB that Lambda hands on.",
        "Return less, or put the data into S3 and return its address: a step's output has 256 KiB at most.",
        LARGE_DATA,
    ),
    "StepFunctions.ExecutionLimitExceededException": _BUSY,
    "StepFunctions.ThrottlingException": _BUSY,
    "StepFunctions.StateMachineDoesNotExistException": Entry(
        "The machine of the subflow's workflow is not there any more.",
        "Start a new run: that makes the machine again. A redrive of this one would look for the old machine.",
        "docs/subflows.md#the-runs",
    ),
    "StepFunctions.ExecutionAlreadyExistsException": Entry(
        "A run with the name of this subflow's run exists already with another input.",
        "Start a new run of the workflow; the name follows from the run, so a new one is free.",
        "docs/subflows.md#the-runs",
    ),
    "ExecutionDoesNotExist": Entry(
        "Step Functions does not know the run: it was never started, or its history is gone with its machine or by age.",
        "Start a new run. What this one was to do has not been done, or how far it came is not known.",
        "docs/results.md#how-long-there-are-results-of-steps",
    ),
}

FAMILIES: Final[Entries] = {"Lambda.": _LAMBDA, "Runtime.": _RUNTIME, "StepFunctions.": _CHILD_NOT_STARTED}
"""By what their names begin with, errors of AWS that have no entry of their own: it names more than its pages do."""
