"""The strings that stand in a machine for fragments: the one place where JSONata becomes text."""

from __future__ import annotations

from workflow_engine.compiler.ir import Template
from workflow_engine.compiler.jsonata.fragments import Fragment
from workflow_engine.compiler.jsonata.helpers import definitions
from workflow_engine.language.diagnostics import Json


def expression(fragment: Fragment) -> str:
    """`{% ... %}` with the helpers that the fragment needs defined in front. The spaces are part of the form that AWS documents
    (developer guide, "Transforming data with JSONata in Step Functions"), and tools for ASL ask for them.

    No fragment holds `%}`, which would end the expression: generated literals escape it, and the language refuses it in what
    an author writes.
    """
    code, helpers = fragment.source()
    return f"{{% ({definitions(helpers)}{code}) %}}" if helpers else f"{{% {code} %}}"


def rendered(template: Template) -> Json:
    """The template as it stands in a machine, each fragment in it as an expression."""
    return _rendered(template, {})


def _rendered(template: Template, known: dict[int, str]) -> Json:
    """`known` has the texts of fragments by id: the same one may stand in several places, as in both Catchers of a state."""
    match template:
        case str():
            return template
        case dict():
            return {name: _rendered(value, known) for name, value in template.items()}
        case list():
            return [_rendered(value, known) for value in template]
        case Fragment():
            text = known.get(id(template))
            if text is None:
                text = known[id(template)] = expression(template)
            return text
        case _:
            return template
