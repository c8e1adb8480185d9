"""Check of an error by class and reason, independent of its message."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError, SecretStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["because"]


@contextmanager
def because(
    reason: str, error: type[SecretStoreError] = SecretStoreConfigurationError, *fields: str
) -> Iterator[pytest.ExceptionInfo[SecretStoreError]]:
    """Check that an error is raised for this reason, and names these fields if any are given."""
    with pytest.raises(error) as caught:
        yield caught
    assert (caught.value.reason, caught.value.fields if fields else ()) == (reason, fields)
