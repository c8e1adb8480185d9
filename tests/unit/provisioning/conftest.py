"""Fixtures of the provisioning tests: a Polytomic whose clock is the one that waiting moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic._provisioning.create import RetryBudget
from airflow_provider_polytomic._provisioning.delete import delete_organization, delete_user
from airflow_provider_polytomic.testing import PolytomicEmulator
from tests.unit.hooks.conftest import FakeTime, Request, ada, connect, define, fake_time, hook, sent, stub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
    from airflow_provider_polytomic.testing import User

__all__ = ["ada", "connect", "define", "fake_time", "hook", "sent", "stub"]


@pytest.fixture
def polytomic(request: pytest.FixtureRequest, fake_time: FakeTime) -> Iterator[PolytomicEmulator]:
    """A Polytomic that behaves as its options (the parameter) say."""
    with PolytomicEmulator(clock=lambda: fake_time.seconds, **getattr(request, "param", {})) as emulator:
        yield emulator


@pytest.fixture
def partner(connect: Callable[..., PolytomicHook]) -> PolytomicHook:
    return connect()


@pytest.fixture
def budget(fake_time: FakeTime) -> RetryBudget:
    return RetryBudget(20.0, clock=fake_time.clock)


@pytest.fixture
def calls(sent: Callable[[], list[Request]]) -> Callable[[], list[str]]:
    """Return the methods of the requests since the last call."""
    return lambda: [request.method for request in sent()]


@pytest.fixture
def bob(polytomic: PolytomicEmulator, ada: User) -> User:
    """A colleague of Ada's."""
    return polytomic.add_user(ada.organization_id, "bob@acme.example", [polytomic.role_id("Viewer")])


@pytest.fixture
def remove(partner: PolytomicHook, bob: User) -> Callable[..., object]:
    """Remove Bob, or who is given."""

    def remove_bob(user_id: str = bob.id, expected_email: str | None = None, **given: Any) -> object:
        arguments = {"expected_email": expected_email, "ignore_if_missing": False, **given}
        return delete_user(partner, arguments.pop("org_id", bob.organization_id), user_id, **arguments)

    return remove_bob


@pytest.fixture
def delete(partner: PolytomicHook, ada: User) -> Callable[..., object]:
    """Delete Acme, or what is given."""

    def delete_acme(org_id: str = ada.organization_id, expected_name: str = "Acme", **given: Any) -> object:
        arguments = {"expected_name": expected_name, "ignore_if_missing": False, **given}
        return delete_organization(partner, org_id, **arguments)

    return delete_acme


@pytest.fixture
def there(polytomic: PolytomicEmulator) -> Callable[[], list[str]]:
    """Return the names of the organizations, and the addresses of all users."""

    def read() -> list[str]:
        organizations = polytomic.organizations()
        users = [user.email for each in organizations for user in polytomic.users_of(each.id)]
        return [each.name for each in organizations[1:]] + users

    return read
