"""What do these tests share? The official SDK as the client of an emulator."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from polytomic import Polytomic

from airflow_provider_polytomic.testing import Organization, PolytomicEmulator, User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def scoped(emulator: PolytomicEmulator, org_id: str) -> Polytomic:
    """Return the partner's client inside an organization; the SDK has no parameter for Basic."""
    pair = base64.b64encode(f"{org_id}:{emulator.partner_key}".encode()).decode()
    return Polytomic(base_url=emulator.base_url, headers={"Authorization": f"Basic {pair}"}, max_retries=0)


@pytest.fixture
def emulator() -> Iterator[PolytomicEmulator]:
    with PolytomicEmulator() as emulator:
        yield emulator


@pytest.fixture
def organization(emulator: PolytomicEmulator) -> Organization:
    return emulator.add_organization("Acme")


@pytest.fixture
def user(emulator: PolytomicEmulator, organization: Organization) -> User:
    return emulator.add_user(organization.id, "ada@acme.example")


@pytest.fixture
def sdk(emulator: PolytomicEmulator) -> Callable[[str], Polytomic]:
    """Return a client that sends a key; retries are off, since each request counts."""
    return lambda key: Polytomic(base_url=emulator.base_url, token=key, max_retries=0)


@pytest.fixture
def partner(emulator: PolytomicEmulator, sdk: Callable[[str], Polytomic]) -> Polytomic:
    return sdk(emulator.partner_key)


@pytest.fixture
def inside(emulator: PolytomicEmulator, organization: Organization) -> Polytomic:
    return scoped(emulator, organization.id)
