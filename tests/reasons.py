"""Check of an error by class, reason and fields, independent of its message."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest

from airflow_provider_polytomic.exceptions import PolytomicError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["raises"]

E = TypeVar("E", bound=PolytomicError)


@contextmanager
def raises(error_type: type[E], reason: str, *fields: str) -> Iterator[pytest.ExceptionInfo[E]]:
    """Check that an error of exactly this class is raised for this reason, and names these fields if any are given."""
    with pytest.raises(error_type) as caught:
        yield caught
    assert (type(caught.value), caught.value.reason) == (error_type, reason)
    assert not fields or caught.value.fields == fields
