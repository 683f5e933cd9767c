"""The rules, and what a broken one looks like."""

from __future__ import annotations

from typing import Final

from workflow_engine.language.diagnostics import pointer
from workflow_engine.lazy_dataclass import dataclass

Path = tuple[str | int, ...]
"""Keys from the top of the machine down to a value."""

RULES: Final[dict[str, str]] = {
    # Refused by CreateStateMachine.
    "ASL-TOP-LEVEL": "A machine, branch or item processor is an object with StartAt and a non-empty States; the "
    "machine's QueryLanguage is JSONata. (State machine structure in Amazon States Language)",
    "ASL-DEFINITION-SIZE": "A definition has at most 1,048,576 bytes. (API reference, CreateStateMachine)",
    "ASL-STATE-TYPE": "A state is an object whose Type is one of Task, Pass, Choice, Wait, Parallel, Map, Succeed, "
    "Fail. (Discovering workflow states)",
    "ASL-NAME-LENGTH": "A state's name has 1 to 80 characters. (Discovering workflow states)",
    "ASL-NAME-CHARACTERS": "A state's name has none of <>{}[]?*\"#%\\^|~`$&,;:/ and no control characters. (API "
    "reference, CreateStateMachine, name)",
    "ASL-DUPLICATE-NAME": "State names are unique in the whole machine, branches and item processors included. "
    "(Discovering workflow states)",
    "ASL-DANGLING-NEXT": "StartAt, Next and Default name a state of the same States object. (State machine "
    "structure in Amazon States Language)",
    "ASL-NEXT-OR-END": "Task, Pass, Wait, Parallel and Map have either Next or End: true. (Discovering workflow "
    "states)",
    "ASL-UNREACHABLE": "Every state can be reached from StartAt. (API reference, ValidateStateMachineDefinition)",
    "ASL-NO-TERMINAL": "A state that ends its machine, branch or item processor can be reached. (API reference, "
    "ValidateStateMachineDefinition)",
    "ASL-MISSING-FIELD": "A field that the state's type requires is there. (the page of the state's type)",
    "ASL-UNKNOWN-FIELD": "A state, retrier, catcher or choice rule has only the fields of its type: Retry and Catch "
    "only on Task, Parallel and Map, Assign nowhere on Succeed and Fail. (the page of the state's type)",
    "ASL-JSONPATH-FIELD": "Fields of the JSONPath language (InputPath, Parameters, ResultPath, Variable, "
    "SecondsPath, keys that end in .$) do not occur in a JSONata machine. (Transforming data with JSONata, "
    "Converting from JSONPath)",
    "ASL-QUERY-LANGUAGE": "A state cannot go back to JSONPath in a JSONata machine. (Transforming data with JSONata)",
    "ASL-FIELD-VALUE": "A literal has the type and lies in the range of its field. (the page of the state's type)",
    "ASL-PROCESSOR-MODE": "ProcessorConfig.Mode is INLINE or DISTRIBUTED, and DISTRIBUTED names an ExecutionType. "
    "(Map workflow state)",
    "ASL-DYNAMIC-RESOURCE": "Resource is a constant ARN. (Transforming data with JSONata)",
    "ASL-CONDITION": "A Condition is a JSONata expression or a boolean. (Choice workflow state)",
    "ASL-RETRY-VALUE": "Fields of a retrier are constants in their ranges, ErrorEquals a non-empty list of names. "
    "(Handling errors in Step Functions workflows)",
    "ASL-STATES-ALL": "States.ALL stands alone in ErrorEquals, in the last retrier or catcher. (Handling errors in "
    "Step Functions workflows)",
    "ASL-VARIABLE-NAME": "A variable's name is a Unicode identifier of at most 80 characters that does not begin "
    "with _. (Passing data between states with variables)",
    "ASL-VARIABLE-RESERVED": "No variable is named states. (Transforming data with JSONata, Reserved variable)",
    "ASL-NESTED-ASSIGN": "A variable of an inner scope (branch, item processor) has not the name of one that an "
    "outer scope assigns. (Passing data between states with variables, Variable scope)",
    "ASL-DISTRIBUTED-VARIABLE": "States in a distributed Map read no variable of an outer scope. (Passing data "
    "between states with variables, Variable scope)",
    "ASL-EXPRESSION-DELIMITERS": "A string that starts with {% ends with %}, and the reverse. (Transforming data "
    "with JSONata)",
    "ASL-EXPRESSION-SYNTAX": "An expression is valid JSONata 2.0.6. (Transforming data with JSONata)",
    "ASL-CONTEXT-REFERENCE": "An expression has no context item: no bare name, $, * or ** at its top level. "
    "(Transforming data with JSONata)",
    "ASL-ROOT-REFERENCE": "$$ is not used, there is no input document. (Transforming data with JSONata)",
    "ASL-STATES-FIELD": "$states has input, context, result and errorOutput, nothing else. (Transforming data with "
    "JSONata, Reserved variable)",
    "ASL-STATES-RESULT": "$states.result stands only in Assign and Output of Task, Parallel and Map. (Transforming "
    "data with JSONata, Reserved variable)",
    "ASL-STATES-ERROR": "$states.errorOutput stands only in Assign and Output of a catcher. (Transforming data with "
    "JSONata, Reserved variable)",
    # Accepted by CreateStateMachine, fails at run time.
    "RUN-EVAL": "$eval is not available. (Transforming data with JSONata)",
    "RUN-DEPTH": "The syntax tree of an expression is at most 80 nodes deep; evaluation ends in a stack overflow at "
    "about 100. (Transforming data with JSONata, Handling expression errors)",
    "RUN-UNASSIGNED": "A variable is read only where every path has assigned it; a name that nothing assigns is not a "
    "function of JSONata either. (Transforming data with JSONata, Handling expression errors)",
    # Ours.
    "OWN-NAME-SPACE": "A state's name has no spaces, because names are parts of step ids and of metrics.",
    "OWN-CHOICE-DEFAULT": "Every Choice has a Default, so that States.NoChoiceMatched, which nothing can catch, "
    "never occurs.",
    "OWN-DATA-LIMIT": "Where States.ALL is caught or tried again, States.DataLimitExceeded stands before it by name: "
    "States.ALL leaves it out of Catch, as documented, and a Retry of what is too large is vain.",
    "OWN-VARIABLE-FUNCTION": "No variable has the name of a function of JSONata: it would hide the function.",
}
"""Rule id -> what must hold, and the AWS page it comes from. `ASL-` rules are checked by CreateStateMachine, `RUN-`
rules are not and end a run, `OWN-` rules are ours."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule. `rule` is a key of `RULES`, `pointer` an RFC 6901 pointer into the machine, "" for all of it."""

    rule: str
    pointer: str
    detail: str


def violation(rule: str, path: Path, detail: str) -> Violation:
    """A violation at `path`. The rule must be in `RULES`."""
    assert rule in RULES, f"{rule} is not in RULES"
    return Violation(rule, pointer(*path), detail)
