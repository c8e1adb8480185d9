"""Check errors by class and reason, never by message."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_polytomic.exceptions import PolytomicError

__all__ = ["raises"]


@contextmanager
def raises(error_type: type[PolytomicError], reason: str) -> Iterator[pytest.ExceptionInfo[PolytomicError]]:
    """Check that an error of this class is raised with this reason."""
    with pytest.raises(error_type) as caught:
        yield caught
    assert (type(caught.value), caught.value.reason) == (error_type, reason)
