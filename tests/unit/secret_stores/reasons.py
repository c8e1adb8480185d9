"""Check of a store's error; most of them are about its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError, SecretStoreError
from tests.reasons import raises

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import pytest

__all__ = ["because"]


def because(
    reason: str, error: type[SecretStoreError] = SecretStoreConfigurationError, *fields: str
) -> AbstractContextManager[pytest.ExceptionInfo[SecretStoreError]]:
    """Check that a store's error is raised for this reason: see :func:`tests.reasons.raises`."""
    return raises(error, reason, *fields)
