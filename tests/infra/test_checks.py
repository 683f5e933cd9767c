"""What other people's rules say of the templates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.acknowledged import Acknowledged
from tests.infra.conftest import NO_BUNDLING
from tests.support.templates import Assembly, read_assembly

pytestmark = pytest.mark.xdist_group("cdk")

NOT_NEEDED = "W3005"
"""CDK writes DependsOn for a function's role even where a reference says the same; it is redundant and harmless."""


def test_cdk_nag_finds_nothing_that_is_not_acknowledged(dev: Assembly, prod: Assembly) -> None:
    for assembly in (dev, prod):
        assert {report["conclusion"] for report in assembly.report["pluginReports"]} <= {"success"}
        assert assembly.findings() == set()


def test_every_acknowledgement_is_of_a_finding_and_of_one_resource(tmp_path: Path) -> None:
    from infra.app import build

    made = build(NO_BUNDLING, str(tmp_path), with_acknowledgements=False)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        made.app.synth()
    found = read_assembly(tmp_path).findings()
    accepted = {(resource(a), a.finding) for a in made.acknowledged}
    assert accepted == found
    assert len(accepted) == len(made.acknowledged)


def test_every_acknowledgement_says_why(tmp_path: Path) -> None:
    from infra.app import build

    assert all(len(a.reason.split()) >= 15 for a in build(NO_BUNDLING, str(tmp_path)).acknowledged)


def resource(acknowledged: Acknowledged) -> str:
    """The path of the CloudFormation resource; an acknowledgement of a construct holds for what is below it."""
    child = acknowledged.construct.node.default_child
    assert child is not None
    return child.node.path


def test_cfn_lint_has_no_complaint(dev: Assembly, prod: Assembly) -> None:
    files = [str(f) for assembly in (dev, prod) for f in sorted(assembly.folder.glob("*.template.json"))]
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", NOT_NEEDED, "--", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
