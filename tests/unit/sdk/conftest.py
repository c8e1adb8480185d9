"""Fixtures of the tests that have the official SDK as the client of an emulator."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import httpx
import pytest
from polytomic import Polytomic

from airflow_provider_polytomic.testing import Organization, PolytomicEmulator, User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """Return the HTTP client of all SDK clients: the SDK never closes a client of its own."""
    with httpx.Client() as http:
        yield http


@pytest.fixture
def scoped(emulator: PolytomicEmulator, http: httpx.Client) -> Callable[[str], Polytomic]:
    """Return the partner's client inside an organization; the SDK has no parameter for Basic."""

    def client(org_id: str) -> Polytomic:
        pair = base64.b64encode(f"{org_id}:{emulator.partner_key}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}"}
        return Polytomic(base_url=emulator.base_url, headers=headers, max_retries=0, httpx_client=http)

    return client


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
def sdk(emulator: PolytomicEmulator, http: httpx.Client) -> Callable[[str], Polytomic]:
    """Return a client that sends a key; retries are off, because the tests count requests."""
    return lambda key: Polytomic(base_url=emulator.base_url, token=key, max_retries=0, httpx_client=http)


@pytest.fixture
def partner(emulator: PolytomicEmulator, sdk: Callable[[str], Polytomic]) -> Polytomic:
    return sdk(emulator.partner_key)


@pytest.fixture
def inside(scoped: Callable[[str], Polytomic], organization: Organization) -> Polytomic:
    return scoped(organization.id)
