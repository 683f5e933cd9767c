"""Machines by shape: create one, or reuse the one that is there.

AWS allows one CreateStateMachine a second, so a machine is created once a shape and looked up in the table ever after.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from workflow_engine.errors import MisconfiguredError, ThrottledError, UnavailableError
from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.naming import MachineSettings, machine_hash, machine_name
from workflow_engine.machines.port import DefinitionRefusedError, NameTakenError
from workflow_engine.observability import get_logger

if TYPE_CHECKING:
    from workflow_engine.machines.port import MachineService

logger = get_logger(__name__)

MAX_ATTEMPTS: Final = 4
RETRY_FOR_SECONDS: Final = 10.0
"""No further attempt begins later, so that the last one ends within the request even when nobody answers it."""

MAX_GENERATIONS_AT_ONCE: Final = 20


class MachineRecord(Protocol):
    """A machine that exists, or did. `generation` counts the names used for this hash, from 1."""

    @property
    def machine_hash(self) -> str: ...

    @property
    def generation(self) -> int: ...

    @property
    def machine_arn(self) -> str: ...

    @property
    def definition(self) -> str: ...

    @property
    def retired_at(self) -> str | None: ...


class MachineRecords(Protocol):
    """Where machines are remembered; `store.machines` does it in DynamoDB."""

    def find(self, machine_hash: str) -> MachineRecord | None:
        """The newest generation, retired or not."""

    def put(
        self, machine_hash: str, generation: int, machine_arn: str, definition: str, created_at: str
    ) -> MachineRecord:
        """Remember a generation unless this or a newer one is remembered already; gives the one that then stands."""


@dataclass(frozen=True, slots=True)
class MachineRegistry:
    """Creates machines. `now` gives ISO 8601 UTC, `sleep` takes seconds, `clock` gives seconds that never go back."""

    machines: MachineService
    store: MachineRecords
    settings: MachineSettings
    now: Callable[[], str]
    sleep: Callable[[float], None]
    clock: Callable[[], float] = time.monotonic

    def ensure(self, definition: str) -> MachineRecord:
        """The machine of this definition. No call to Step Functions when it is known and not retired.

        Raises ThrottledError and MisconfiguredError when AWS goes on refusing, UnavailableError when it does not answer,
        and InvalidWorkflowError when it refuses the definition itself.
        """
        hash_ = self.hash_of(definition)
        known = self.store.find(hash_)
        if known is not None and known.retired_at is None:
            return known
        return self._create(hash_, definition, known.generation + 1 if known else 1)

    def hash_of(self, definition: str) -> str:
        """What the machine of this definition is known by, whether it exists or not."""
        return machine_hash(self.settings, definition)

    def standing(self, hash_: str) -> str | None:
        """The ARN of a machine that nobody is about to delete: the newest generation, or else the next. None when nothing is known
        of this hash.
        """
        known = self.store.find(hash_)
        if known is None:
            return None
        if known.retired_at is None:
            return known.machine_arn
        return self._create(hash_, known.definition, known.generation + 1).machine_arn

    def renew(self, hash_: str, gone_arn: str) -> MachineRecord | None:
        """The machine that takes the place of one that AWS says is deleted. None when nothing is known of this hash."""
        known = self.store.find(hash_)
        if known is None:
            return None
        if known.machine_arn != gone_arn and known.retired_at is None:
            return known  # another request has renewed it already
        return self._create(hash_, known.definition, known.generation + 1)

    def _create(self, hash_: str, definition: str, first_generation: int) -> MachineRecord:
        until = self.clock() + RETRY_FOR_SECONDS
        for generation in range(first_generation, first_generation + MAX_GENERATIONS_AT_ONCE):
            arn = self._create_named(machine_name(self.settings, hash_, generation), definition, until)
            if arn is not None:
                logger.info("state machine created", extra={"machine_arn": arn})
                return self.store.put(hash_, generation, arn, definition, self.now())
        raise ThrottledError("All names for the state machine are still being deleted.", retry_after_seconds=60)

    def _create_named(self, name: str, definition: str, until: float) -> str | None:
        """The ARN, or None when the name belongs to another machine or to one that is being deleted.

        What passes is waited out: throttling (one call a second), and a log group that Step Functions may not use yet
        because a policy of some seconds ago has not reached it. `until` is when no further attempt begins, on the clock.
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return self.machines.create(name, definition, self.settings)
            except NameTakenError:
                return None
            except DefinitionRefusedError as error:
                detail = f"Step Functions refuses the compiled machine: {error}"
                raise InvalidWorkflowError([Diagnostic("WFE-E900", "", detail)]) from error
            except ThrottledError as error:
                refused: Exception = error
            except MisconfiguredError as error:
                if not _awaits_policy(error):
                    raise
                refused = error
            pause = attempt * random.uniform(0.5, 1.0)  # the bucket refills by one a second
            if attempt == MAX_ATTEMPTS or self.clock() + pause > until:
                break
            self.sleep(pause)
        if isinstance(refused, MisconfiguredError | UnavailableError):
            raise refused
        raise ThrottledError(
            "Step Functions creates one machine a second and is busy with others. Try again."
        ) from refused


def _awaits_policy(error: MisconfiguredError) -> bool:
    """Whether the refusal is one that a new deployment gets until IAM has told everybody of its policies.

    AWS documents neither; the codes and sentences are those that tools which create machines wait out: "The state
    machine IAM Role is not authorized to access the Log Destination", and "Neither the global service principal
    states.amazonaws.com, nor the regional one is authorized to assume the provided role."
    """
    message = error.aws_message.lower()
    return error.aws_code in ("AccessDenied", "AccessDeniedException") and (
        "log destination" in message or "assume the provided role" in message
    )
