"""What does a test say of a refusal? Its code, and the message where that matters."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["refused"]


@contextmanager
def refused(code: str, message: str = "") -> Iterator[None]:
    """Expect boto3 to raise that code, with a message that contains that text."""
    with pytest.raises(ClientError) as error:
        yield
    said = error.value.response["Error"]
    assert (said["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]) == (code, 400)
    assert message in said["Message"]
