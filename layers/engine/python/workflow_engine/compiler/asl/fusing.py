"""What a Pass state computes: one pure step, or several fused into it, each read by the later ones.

ASL evaluates all of a state's fields on the values at its entry. So a step that reads another step of the same state reads
it from a local variable of the expression, `$now_<variable>`, which stands for the step's record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workflow_engine.compiler.ir import Template, Value
from workflow_engine.compiler.jsonata.fragments import Fragment, Group, Read, bind, object_fragment
from workflow_engine.compiler.jsonata.run_outputs import guarded
from workflow_engine.compiler.records import completed_fragment, completed_record
from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class FusedValues:
    """The values of one Pass in order. `outputs` read each other from local variables; `needed[i]` are the indexes of the
    values that the i-th one reads, directly or through others.
    """

    values: tuple[Value, ...]
    outputs: tuple[Fragment, ...]
    needed: tuple[frozenset[int], ...]

    def output(self, i: int) -> Fragment:
        """One step's output, as it is at the state's entry."""
        return self._with_locals(self.needed[i], self.outputs[i])

    def record(self, i: int) -> Template:
        """The record that is kept of one step."""
        value = self.values[i]
        if not value.keeps_output:
            return completed_record(None, keeps_output=False)
        output = self.output(i)
        if value.share and (value.size_bound is None or value.size_bound > value.share):
            output = guarded(output, value.share)
        return completed_record(output, keeps_output=True)

    def all_outputs(self, others: Mapping[str, Fragment], extra: Mapping[str, Fragment]) -> Template:
        """`{step_id: output}` of all values, each computed once, and `_vars` for what the branch gives back besides."""
        if len(self.values) == 1:
            return {self.values[0].step_id: self.output(0), **({"_vars": dict(others)} if others else {})}
        read = frozenset[int]().union(*self.needed)
        fields: dict[str, Fragment] = {
            value.step_id: Read(_local(value.variable), ("output",)) if i in read else self.outputs[i]
            for i, value in enumerate(self.values)
        }
        if others:
            fields["_vars"] = object_fragment(others)
        fields.update(extra)
        return self._with_locals(read, object_fragment(fields))

    def _with_locals(self, needed: Iterable[int], fragment: Fragment) -> Fragment:
        """The fragment after the values that it needs."""
        bound = [
            bind(_local(self.values[i].variable), completed_fragment(self.outputs[i], keeps_output=True))
            for i in sorted(needed)
        ]
        return Group((*bound, fragment)) if bound else fragment


def fused(values: tuple[Value, ...]) -> FusedValues:
    """The values of one Pass, in order."""
    producers: dict[str, int] = {}
    names: dict[str, str] = {}
    outputs: list[Fragment] = []
    needed: list[frozenset[int]] = []
    for i, value in enumerate(values):
        direct = {producers[variable] for variable, _ in value.output.reads if variable in producers}
        needed.append(frozenset(direct).union(*(needed[one] for one in direct)))
        outputs.append(value.output.renamed(names) if direct else value.output)
        producers[value.variable] = i
        names[value.variable] = _local(value.variable)
    return FusedValues(values, tuple(outputs), tuple(needed))


def _local(variable: str) -> str:
    return f"now_{variable}"
