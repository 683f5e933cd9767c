"""Limits and prices of AWS that shape what is built here, each with the name and the page it comes from.

Pages are those of the Step Functions Developer Guide unless another guide is named. A limit that is ours stands at the
end and says so.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

DEFINITION_BYTES: Final = MIB
"""Longest definition. API reference, CreateStateMachine, `definition`: length 1 to 1,048,576."""

HISTORY_EVENTS: Final = 25_000
"""Events of one standard execution. Service quotas, "Maximum execution history size"."""

PAYLOAD_BYTES: Final = 262_144
"""Input or result of a task, state or execution, UTF-8. Service quotas, "Maximum input or result size"."""

ASSIGN_BYTES: Final = 256 * KIB
"""All variables of one `Assign` together. Passing data between states with variables, "Limits"."""

VARIABLES_BYTES_PER_RUN: Final = 10 * MIB
"""All variables stored in one execution. Passing data between states with variables, "Limits"."""

STATE_NAME_LENGTH: Final = 80
"""Characters of a state's name. Discovering workflow states, "Common state fields"."""

VARIABLE_NAME_LENGTH: Final = 80
"""Characters of a variable's name. Passing data between states with variables, "Variable name syntax"."""

EXECUTION_NAME_LENGTH: Final = 80
"""Characters of an execution's or a machine's name. API reference, StartExecution and CreateStateMachine, `name`."""

INLINE_MAP_CONCURRENCY: Final = 40
"""Iterations of an inline Map that run at once, whatever MaxConcurrency says. Using Map state in Inline mode."""

STATE_SECONDS: Final = 99_999_999
"""Largest TimeoutSeconds, HeartbeatSeconds and Wait Seconds. Task workflow state; Wait workflow state."""

EXECUTION_SECONDS: Final = 31_536_000
"""Longest standard execution, one year. Service quotas, "Maximum execution time"."""

REDRIVABLE_DAYS: Final = 14
"""How long after its end an execution can be redriven. API reference, RedriveExecution."""

EXPRESS_SECONDS: Final = 300
"""Longest Express execution. Service quotas, "Maximum execution time"."""

RETRY_ATTEMPTS: Final = 99_999_999
"""Largest MaxAttempts. Handling errors in Step Functions workflows, "Retrying after an error"."""

RETRY_INTERVAL_SECONDS: Final = 99_999_999
"""Largest IntervalSeconds. Handling errors in Step Functions workflows, "Retrying after an error"."""

RETRY_DELAY_SECONDS: Final = 31_622_400
"""MaxDelaySeconds stays below this. Handling errors in Step Functions workflows, "Retrying after an error"."""

ERROR_NAME_LENGTH: Final = 256
CAUSE_LENGTH: Final = 32_768
"""Characters of an error's name and of its cause. API reference, ExecutionFailedEventDetails."""

HISTORY_PAGE_EVENTS: Final = 1_000
"""Most events of one answer. API reference, GetExecutionHistory, `maxResults`."""

EXECUTIONS_PAGE: Final = 1_000
"""Most executions of one answer. API reference, ListExecutions, `maxResults`."""

EVALUATION_DEPTH: Final = 100
"""The deepest evaluation of a JSONata expression. Transforming data with JSONata, "Handling expression errors", names the
limit and not its value; it was measured with TestState (GitHub, floci-io/floci, issue 2737): 100 is evaluated, 101 is not."""

USD_PER_MILLION_TRANSITIONS: Final = 25.0
"""Price of standard workflows in us-east-1, each retry counts as one. AWS Step Functions pricing."""


def transitions_usd(transitions: int) -> float:
    """US dollars for so many transitions of standard workflows."""
    return transitions * USD_PER_MILLION_TRANSITIONS / 1_000_000


USD_PER_MILLION_REQUESTS: Final = 0.20
USD_PER_GB_SECOND: Final = 0.0000133334
"""Prices of Lambda on Arm in us-east-1, first tier. AWS Lambda pricing."""


def functions_usd(calls: int, mb_milliseconds: int) -> float:
    """US dollars for so many calls of functions, which took so much memory for so long together."""
    return calls * USD_PER_MILLION_REQUESTS / 1_000_000 + mb_milliseconds / 1024 / 1000 * USD_PER_GB_SECOND


ITEM_BYTES: Final = 400 * KIB
"""One item, names and keys included. DynamoDB, quotas, "Item size"."""

PARTITION_KEY_BYTES: Final = 2_048
"""DynamoDB, quotas, "Partition key length"."""

SORT_KEY_BYTES: Final = 1_024
"""DynamoDB, quotas, "Sort key length"."""

NUMBER_DIGITS: Final = 38
"""Significant digits of a number. DynamoDB, constraints, "Data types: number"."""

TRANSACTION_ITEMS: Final = 100
"""Records of one transaction. DynamoDB API reference, TransactWriteItems, `TransactItems`."""

BATCH_GET_KEYS: Final = 100
"""Keys of one BatchGetItem. DynamoDB API reference, BatchGetItem, `RequestItems`."""

FUNCTION_SECONDS: Final = 900
"""Longest call of a function. Lambda quotas, "Function timeout"."""

HTTP_API_SECONDS: Final = 30
"""How long an HTTP API waits for an integration. API Gateway quotas, "Maximum integration timeout"."""

LONGEST_WAIT_SECONDS: Final = HTTP_API_SECONDS - 5
"""Ours: how long a request may ask to wait for the end of a run; the rest is for reading its results and for the way back."""

SYNTAX_DEPTH: Final = 80
"""Ours: the deepest syntax tree of an expression that may be sent to AWS. From a depth of about 100, as was observed,
its evaluation ends in a stack overflow; Transforming data with JSONata, "Handling expression errors", names the limit
and not its value."""
