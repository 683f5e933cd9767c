"""The string that stands in a machine for a fragment."""

from __future__ import annotations

import re
from typing import Final

from workflow_engine.compiler.jsonata.fragments import Fragment
from workflow_engine.compiler.jsonata.helpers import definitions

_STRING: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'', re.DOTALL)


def expression(fragment: Fragment) -> str:
    """`{% ... %}` with the helpers that the fragment needs defined in front. The spaces are part of the form that AWS documents
    (developer guide, "Transforming data with JSONata in Step Functions"), and tools for ASL ask for them.

    No string literal in it has `%}`, which ends an ASL expression; generated code never has it, an author's may.
    """
    defined = definitions(fragment.helpers)
    code = _STRING.sub(lambda match: match.group().replace("%}", "%\\u007d"), fragment.code)
    return f"{{% ({defined}{code}) %}}" if defined else f"{{% {code} %}}"
