"""JSONata as text: what an expression reads, and how deep it is, without evaluating it.

`syntax` reads an expression, on `tokens` and `operands`. The language uses it for what an author writes, the compiler's
verifier for what it generates itself.
"""

from __future__ import annotations

import re
from typing import Final

FUNCTIONS: Final = frozenset(
    re.findall(
        r"\w+",
        """abs append assert average base64decode base64encode boolean ceil clone contains count decodeUrl
        decodeUrlComponent distinct each encodeUrl encodeUrlComponent error eval exists filter floor formatBase
        formatInteger formatNumber fromMillis join keys length lookup lowercase map match max merge millis min not now
        number pad parseInteger power random reduce replace reverse round shuffle sift single sort split spread sqrt
        string substring substringAfter substringBefore sum toMillis trim type uppercase zip
        partition range hash uuid parse""",
    )
)
"""Functions of JSONata 2.0.6, and those that Step Functions adds (Transforming data with JSONata)."""
