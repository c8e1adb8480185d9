"""How do tests get at AWS? One server a session, empty for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.aws_server import AwsServer

__all__ = ["aws_server", "running_aws_server"]


@pytest.fixture(scope="session")
def running_aws_server() -> Iterator[AwsServer]:
    """The server itself, started when the first test asks for it."""
    from tests.servers.aws_server import AwsServer

    server = AwsServer()
    yield server
    server.stop()


@pytest.fixture
def aws_server(running_aws_server: AwsServer) -> AwsServer:
    """An AWS without secrets, parameters, keys or users."""
    running_aws_server.reset()
    return running_aws_server
