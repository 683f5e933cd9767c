"""The environment of this function: that of the engine (`workflow_engine.settings`), the addresses that steps may reach
(`STEP_HTTP_ALLOWED_HOSTS`), and on a laptop the directory below which files are read (`FILES_DIRECTORY`, by default the one
that the server was started in).
"""

from __future__ import annotations

import os
from pathlib import Path

from functions.step_files.sources import World
from workflow_engine.errors import MisconfiguredError
from workflow_engine.file_errors import FileAccessError, FileMissingError
from workflow_engine.init_phase import once
from workflow_engine.outbound import ALLOWED_HOSTS_VARIABLE, AddressPolicy
from workflow_engine.usecases.engine import Engine


@once
def engine() -> Engine:
    """The engine that the environment describes, made when first asked for and kept while the function stays warm."""
    return Engine.from_environment()


@once
def world() -> World:
    """Made at the first event and kept while the function stays warm."""
    on_laptop = engine().laptop is not None
    return World(
        files=engine().files,
        policy=AddressPolicy.from_text(os.environ.get(ALLOWED_HOSTS_VARIABLE, "")),
        s3_object=None if on_laptop else s3_object,
        own_bucket=engine().settings.bucket_name,
        directory=Path(os.environ.get("FILES_DIRECTORY") or Path.cwd()) if on_laptop else None,
    )


def clients() -> tuple[object, ...]:
    """What an event may need that takes time to make."""
    return () if engine().laptop is not None else (engine().dynamodb, engine().s3)


def s3_object(bucket: str, key: str, most: int) -> bytes:
    """The first bytes of an object, so many at most. Raises FileMissingError, FileAccessError."""
    from workflow_engine.aws import errors_translated

    try:
        with errors_translated("s3"):
            return engine().s3.get_object(Bucket=bucket, Key=key)["Body"].read(most)
    except MisconfiguredError as error:
        if error.aws_code in ("NoSuchKey", "404"):
            raise FileMissingError(f"There is no object s3://{bucket}/{key}.") from None
        raise FileAccessError(
            f"s3://{bucket}/{key} cannot be read ({error.aws_code}). Whoever runs the service allows buckets by 'file_buckets'."
        ) from None
