"""Print the document: `python -m infra.openapi > infra/openapi.json`."""

from __future__ import annotations

import json
import sys

from infra.openapi import document

json.dump(document(), sys.stdout, indent=2, ensure_ascii=False)
sys.stdout.write("\n")
