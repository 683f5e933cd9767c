"""Machines with the results and histories that AWS itself returned: where they lie, and what equals what.

The recordings are no part of the repository. They are looked for in the folder that the environment variable
`ASL_CASES` names, else in `../shared/asl_cases` beside the repository.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]

# The recorder replaced values that differ from run to run: dates by these words, ids and ARNs by names in brackets.
_DATES: Final = frozenset({"date", "timestamp"})
_PLACEHOLDER: Final = re.compile(r"<[^<>]*>")
# What a Lambda result holds besides these is about the HTTP response.
_LAMBDA_RESULT_FIELDS: Final = ("Payload", "StatusCode")
# The recorder lost this event: its id is missing between its neighbours' ids.
_UNRECORDED_TYPES: Final = frozenset({"ParallelStateFailed"})
# The account of the recordings, and that of tests.
_ACCOUNTS: Final = ("123456789012", "111111111111")
# Where the code of a recorded function lay, and on which line, shows in its stack trace only.
_UNCOMPARED_FIELDS: Final = frozenset({"roleArn", "RoleArn", "stackTrace", "timestamp", "region"})


@dataclass(frozen=True, slots=True)
class AslCase:
    """One recording: a machine, its input, its Lambda functions' code by name, and what AWS answered."""

    name: str
    definition: dict[str, Any]
    input: Any
    functions: dict[str, str]
    status: str
    output: Any
    error: str | None
    cause: str | None
    history: list[dict[str, Any]]
    masks: tuple[tuple[str, str], ...]

    def difference(self, status: str, output: Any, error: str | None) -> str | None:
        """What an execution's end has different from AWS's, or None: the status, then the output or the error's name."""
        if status != self.status:
            return f"status {status}, AWS: {self.status}"
        if status != "SUCCEEDED":
            return None if error == self.error else f"error {error!r}, AWS: {self.error!r}"
        return None if self.equal(self.output, output) else f"output {_short(output)}, AWS: {_short(self.output)}"

    def history_differences(self, events: list[dict[str, Any]]) -> list[str]:
        """What a history has different from AWS's, event by event: type, chain and details.

        Events of parallel branches were recorded in no particular order and without ids; they are compared as a set.
        """
        differences = []
        expected = [event for event in self.history if isinstance(event["id"], int)]
        by_id = {event["id"]: event for event in events}
        for event in expected:
            actual = by_id.get(event["id"])
            if actual is None:
                differences.append(f"#{event['id']} {event['type']} is missing")
                continue
            differences.extend(self._event_differences(event, actual))
        expected_types = sorted(event["type"] for event in self.history)
        actual_types = sorted(str(event["type"]) for event in events if event["type"] not in _UNRECORDED_TYPES)
        if expected_types != actual_types:
            differences.append(f"types {actual_types}, AWS: {expected_types}")
        return differences

    def _event_differences(self, expected: dict[str, Any], actual: dict[str, Any]) -> Iterator[str]:
        label = f"#{expected['id']} {expected['type']}"
        for key in sorted(expected.keys() | actual.keys()):
            if key == "timestamp":
                continue
            if key not in actual or key not in expected:
                yield f"{label}: {key} only in {'AWS' if key in expected else 'ours'}"
            elif not self.equal(expected[key], actual[key]):
                yield f"{label}: {key} {_short(actual[key])}, AWS: {_short(expected[key])}"

    def equal(self, expected: Any, actual: Any) -> bool:
        """Whether a value is the recorded one, given what the recorder replaced."""
        if isinstance(expected, str) and expected in _DATES:
            return True
        if isinstance(expected, dict):
            return self._equal_objects(expected, actual)
        if isinstance(expected, list):
            actual = _parsed(actual) if isinstance(actual, str) else actual
            return (
                isinstance(actual, list)
                and len(expected) == len(actual)
                and all(self.equal(left, right) for left, right in zip(expected, actual, strict=True))
            )
        if isinstance(expected, str) and isinstance(actual, str):
            return self._equal_texts(expected, actual)
        return type(expected) is type(actual) and bool(expected == actual)

    def _equal_objects(self, expected: dict[str, Any], actual: Any) -> bool:
        actual = _parsed(actual) if isinstance(actual, str) else actual
        if not isinstance(actual, dict):
            return False
        names: Any = expected.keys() | actual.keys()
        if "SdkHttpMetadata" in expected and "Payload" in expected:
            names = _LAMBDA_RESULT_FIELDS
        return all(
            name in _UNCOMPARED_FIELDS
            or (name in expected and name in actual and self.equal(expected[name], actual[name]))
            for name in names
        )

    def _equal_texts(self, expected: str, actual: str) -> bool:
        for pattern, replacement in (_ACCOUNTS, *self.masks):
            actual = re.sub(pattern, replacement.replace("\\", r"\\"), actual)
        if expected == actual:
            return True
        if _PLACEHOLDER.search(expected):
            literal = [re.escape(part) for part in _PLACEHOLDER.split(expected)]
            if re.fullmatch(".*".join(literal), actual, re.DOTALL):
                return True
        left, right = _parsed(expected), _parsed(actual)
        return isinstance(left, dict | list) and self.equal(left, right)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 300 else f"{text[:300]}..."


def cases_folder() -> Path | None:
    """The folder of the recordings, or None where there is none."""
    folder = Path(os.environ.get("ASL_CASES", REPOSITORY.parent / "shared" / "asl_cases"))
    return folder if folder.is_dir() else None


@cache
def load_cases(kind: str) -> tuple[AslCase, ...]:
    """The recordings of a kind, "pure" or "lambda", by name. Raises FileNotFoundError where there are none."""
    folder = cases_folder()
    if folder is None:
        raise FileNotFoundError("no recordings: set ASL_CASES to their folder")
    return tuple(_case(json.loads(path.read_text())) for path in sorted((folder / kind).glob("*.json")))


def _case(recorded: dict[str, Any]) -> AslCase:
    expected = recorded["expected"]
    return AslCase(
        name=recorded["name"].rpartition(".")[2],
        definition=recorded["definition"],
        input=recorded["input"],
        functions={name: function["code"] for name, function in recorded["lambdas"].items()},
        status=expected["status"],
        output=expected.get("output"),
        error=expected.get("error"),
        cause=expected.get("cause"),
        history=recorded["expected_history"],
        masks=tuple((mask[1], mask[2]) for mask in recorded["masks"] if mask[0] == "regex"),
    )
