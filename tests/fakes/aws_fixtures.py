"""Fixtures of the fake AWS: one server for each session, empty for each test."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from botocore.loaders import JSONFileLoader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.aws_server import AwsServer

__all__ = ["aws_server", "running_aws_server"]


@pytest.fixture(scope="session")
def running_aws_server() -> Iterator[AwsServer]:
    """Start the server for the first test that needs it."""
    from tests.fakes.aws_server import AwsServer

    # Every session of boto would load the models of its services again, half of the time of a test.
    load = cache(JSONFileLoader().load_file)
    server = AwsServer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: load(path))
        yield server
    server.stop()


@pytest.fixture
def aws_server(running_aws_server: AwsServer) -> AwsServer:
    """Return an AWS without secrets, parameters, keys or users."""
    running_aws_server.reset()
    return running_aws_server
