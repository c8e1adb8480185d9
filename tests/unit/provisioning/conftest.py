"""Fixtures of the provisioning tests: a Polytomic whose clock is the one that waiting moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.provisioning import Patience
from airflow_provider_polytomic.testing import PolytomicEmulator
from tests.unit.hooks.conftest import FakeTime, Request, ada, connect, define, fake_time, sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

__all__ = ["ada", "connect", "define", "fake_time", "sent"]


@pytest.fixture
def polytomic(request: pytest.FixtureRequest, fake_time: FakeTime) -> Iterator[PolytomicEmulator]:
    """A Polytomic that behaves as its options (the parameter) say."""
    with PolytomicEmulator(clock=lambda: fake_time.seconds, **getattr(request, "param", {})) as emulator:
        yield emulator


@pytest.fixture
def partner(connect: Callable[..., PolytomicHook]) -> PolytomicHook:
    return connect(retry_for=10.0)


@pytest.fixture
def patience(fake_time: FakeTime) -> Patience:
    return Patience(20.0, timing=fake_time.timing)


@pytest.fixture
def calls(sent: Callable[[], list[Request]]) -> Callable[[], list[str]]:
    """Return the methods of the requests since the last call."""
    return lambda: [request.method for request in sent()]
