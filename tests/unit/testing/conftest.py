"""An emulator with an organization and a user, and a plain client, for the emulator's tests."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_polytomic.testing import PolytomicEmulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_polytomic.testing import Organization, User

DEPLOYMENT_KEY = "play-deployment-key"


def bearer(key: str) -> str:
    return f"Bearer {key}"


def basic(name: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@dataclass
class Place:
    """An emulator, an organization with one user, and requests as the partner or another caller."""

    emulator: PolytomicEmulator
    organization: Organization
    user: User

    @property
    def users_path(self) -> str:
        return f"/api/organizations/{self.organization.id}/users"

    @property
    def keys_path(self) -> str:
        return f"{self.users_path}/{self.user.id}/keys"

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        auth: str | None = None,
        version: str | None = "2025-09-18",
        **more: Any,
    ) -> requests.Response:
        headers = {
            "Authorization": bearer(self.emulator.partner_key) if auth is None else auth,
            **more.pop("headers", {}),
        }
        if version:
            headers["X-Polytomic-Version"] = version
        return requests.request(method, self.emulator.base_url + path, json=body, headers=headers, timeout=60, **more)

    def mint(self, idempotency_key: str | None = None, *, force: bool = False, **more: Any) -> requests.Response:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self.send("POST", self.keys_path, params={"force": "true"} if force else None, headers=headers, **more)

    def me(self, key: str) -> int:
        return self.send("GET", "/api/me", auth=bearer(key)).status_code


@pytest.fixture
def make_place() -> Iterator[Callable[..., Place]]:
    started: list[PolytomicEmulator] = []

    def make(**settings: Any) -> Place:
        emulator = PolytomicEmulator(**settings).start()
        started.append(emulator)
        organization = emulator.add_organization("Acme")
        return Place(emulator, organization, emulator.add_user(organization.id, "Ada@Acme.example"))

    yield make
    for emulator in started:
        emulator.stop()


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    return make_place(deployment_key=DEPLOYMENT_KEY)


class ManualClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
