"""What a run and each of its steps have cost: the states that were entered for them, models, and functions. Pure.

A state belongs to the step that it is named after, at the place that it was entered at; what forks, joins and ends branches, to
the container around it, or to no step. So the costs of the workflow's own steps and what belongs to none are the run's. Attempts
count, also those that a later attempt of a container has superseded: they were paid for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Final

from workflow_engine.aws_quotas import functions_usd, transitions_usd
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.outlines import KnownSteps, holder_of
from workflow_engine.machines.timeline import Visit
from workflow_engine.state_names import owner_of

_DIGITS: Final = 10
"""Of US dollars: a transition costs 0.000025, a token of the cheapest models some 0.00000001."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Transitions that AWS counts; US dollars for models, None where the price of one is not known; calls of functions that have
    ended, and their milliseconds times megabytes of memory, None where the memory of one is not known.
    """

    transitions: int = 0
    models: float | None = 0.0
    calls: int = 0
    mb_ms: int | None = 0

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        no_price = self.models is None or other.models is None
        no_memory = self.mb_ms is None or other.mb_ms is None
        return Spent(
            self.transitions + other.transitions,
            None if no_price else (self.models or 0.0) + (other.models or 0.0),
            self.calls + other.calls,
            None if no_memory else (self.mb_ms or 0) + (other.mb_ms or 0),
        )

    def as_dict(self) -> dict[str, float | None]:
        """`{total, transitions, models, functions}` in US dollars; `models` and `total` are None where a price is not known.
        `functions` is in no total, since a history tells only about how long Lambda bills them.
        """
        transitions = round(transitions_usd(self.transitions), _DIGITS)
        models = None if self.models is None else round(self.models, _DIGITS)
        total = None if models is None else round(transitions + models, _DIGITS)
        functions = None if self.mb_ms is None else round(functions_usd(self.calls, self.mb_ms), _DIGITS)
        return {"total": total, "transitions": transitions, "models": models, "functions": functions}


NOTHING: Final = Spent()


def spent_on(visits: Iterable[Visit], known: KnownSteps) -> Spent:
    """What these visits cost together."""
    return reduce(Spent.plus, (_spent_on(visit, known) for visit in visits), NOTHING)


def _spent_on(visit: Visit, known: KnownSteps) -> Spent:
    memory = known.entries.get(visit.step_id, {}).get("memory_mb")
    mb_ms = 0 if visit.calls == 0 else None if memory is None else memory * visit.call_ms
    return Spent(visit.transitions, 0.0 if visit.usage is None else visit.usage.cost_usd, visit.calls, mb_ms)


def owner_key(visit: Visit, known: KnownSteps) -> str | None:
    """The key of the step that a visit belongs to; None where it belongs to none."""
    step_id = owner_of(visit.name)
    if step_id is None or step_id not in known.entries:
        around = known.containers.get(visit.step_id, ())
        if not around:
            return None
        step_id = around[-1]
    return known.key_around(step_id, visit.frames)


class Account:
    """The visits of a run by the steps that they belong to."""

    def __init__(self, known: KnownSteps) -> None:
        self._known = known
        self._visits: dict[str | None, list[Visit]] = {}

    def add(self, visit: Visit) -> None:
        """Note a visit, once; what it costs is asked for later, and may have become more then."""
        self._visits.setdefault(owner_key(visit, self._known), []).append(visit)

    def own(self, key: str | None) -> Spent:
        """What a step has cost so far without its parts, by the key of its result; None: what belongs to no step."""
        return spent_on(self._visits.get(key, ()), self._known)

    def owns(self) -> dict[str | None, Spent]:
        """The same of all that have cost anything."""
        return {key: spent_on(visits, self._known) for key, visits in self._visits.items()}


def costs_by_key(visits: Iterable[Visit], known: KnownSteps) -> dict[str | None, Spent]:
    """What each step has cost with all of its parts, by the keys of results; under None what belongs to no step."""
    account = Account(known)
    for visit in visits:
        account.add(visit)
    return with_parts(account.owns())


def with_parts(own: Mapping[str | None, Spent]) -> dict[str | None, Spent]:
    """The same with what each part costs added to all that hold it."""
    whole: dict[str | None, Spent] = {}
    for key, spent in own.items():
        at = key
        whole[at] = whole.get(at, NOTHING).plus(spent)
        while at is not None and (at := holder_of(at)) is not None:
            whole[at] = whole.get(at, NOTHING).plus(spent)
    return whole
