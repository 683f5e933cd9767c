"""What stands in a Lambda function beside its layers."""

from __future__ import annotations

from typing import Final

IN_LAMBDAS_RUNTIME: Final = ("boto3", "botocore", "s3transfer", "urllib3", "python-dateutil", "six")
"""Lambda's Python runtimes bring boto3 and what it needs ("Runtime-included SDK versions"), so the Makefile leaves these out
of the layers' locks."""
