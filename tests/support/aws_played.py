"""AWS as moto plays it in this process, begun and ended in a fraction of the time that it takes by default."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from moto.core.config import DefaultConfig


@contextmanager
def played_aws(config: DefaultConfig | None = None) -> Iterator[None]:
    """Empty services for the clients of boto3 that are made meanwhile."""
    from moto import mock_aws

    read_models_once()
    # For users of `requests`, whom there are none of here, moto lists more than a thousand addresses each time.
    with mock.patch("moto.core.models.RESPONSES_METHODS", []), mock_aws(config=config):
        yield


def read_models_once() -> None:
    """From now on sessions of botocore share what they read of services' descriptions. Each for itself would read them anew,
    which is most of the time that a client takes.
    """
    import botocore.session

    botocore.session.create_loader = _loader


@functools.cache
def _kept(data_path: str | None) -> Loader:
    from botocore.loaders import create_loader

    return create_loader(data_path)


def _loader(search_path_string: str | None = None) -> Loader:
    loader = _kept(search_path_string)
    loader.search_paths[:] = dict.fromkeys(loader.search_paths)  # every boto3 session adds its own folder to them
    return loader
