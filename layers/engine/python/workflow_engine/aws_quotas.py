"""Limits and prices of AWS that shape a machine, each with the name and the page it comes from.

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

VARIABLE_BYTES: Final = 256 * KIB
"""Size of one variable. Passing data between states with variables, "Limits"."""

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

DISTRIBUTED_MAP_CONCURRENCY: Final = 10_000
"""Child executions of a distributed Map that run at once. Using Map state in Distributed mode."""

STATE_SECONDS: Final = 99_999_999
"""Largest TimeoutSeconds, HeartbeatSeconds and Wait Seconds. Task workflow state; Wait workflow state."""

EXECUTION_SECONDS: Final = 31_536_000
"""Longest standard execution, one year. Service quotas, "Maximum execution time"."""

RETRY_ATTEMPTS: Final = 99_999_999
"""Largest MaxAttempts. Handling errors in Step Functions workflows, "Retrying after an error"."""

RETRY_INTERVAL_SECONDS: Final = 99_999_999
"""Largest IntervalSeconds. Handling errors in Step Functions workflows, "Retrying after an error"."""

RETRY_DELAY_SECONDS: Final = 31_622_400
"""MaxDelaySeconds stays below this. Handling errors in Step Functions workflows, "Retrying after an error"."""

CREATE_STATE_MACHINE_PER_SECOND: Final = 1
"""Refill of the token bucket. Service quotas, "Quotas related to API action throttling", CreateStateMachine."""

CREATE_STATE_MACHINE_BURST: Final = 100
"""Size of the token bucket. Service quotas, "Quotas related to API action throttling", CreateStateMachine."""

MACHINES_PER_ACCOUNT: Final = 100_000
"""State machines in one account and region. Service quotas, "Maximum number of registered state machines"."""

USD_PER_MILLION_TRANSITIONS: Final = 25.0
"""Price of standard workflows in us-east-1, each retry counts as one. AWS Step Functions pricing."""

EVALUATION_DEPTH: Final = 100
"""About where JSONata evaluation ends in a stack overflow. Transforming data with JSONata, "Handling expression
errors", names the limit and not its value; this value was observed."""

SYNTAX_DEPTH: Final = 80
"""Ours: the deepest syntax tree of an expression that may be sent to AWS, some way under `EVALUATION_DEPTH`."""
