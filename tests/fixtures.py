"""Fixtures for tests of an operator: a Polytomic with one customer, and Airflow's own backend on a new file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic.testing import PolytomicEmulator
from tools.airflow_sandbox.environment import local_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_polytomic.testing import ReceivedRequest, User

__all__ = ["CONNECTION", "Scene", "scene"]

CONNECTION = "airflow://connection/acme_polytomic"


@dataclass(frozen=True)
class Scene:
    """The customer Acme with its user, their emulator, and the file that Airflow reads connections from."""

    emulator: PolytomicEmulator
    user: User
    connections: Path

    @property
    def ids(self) -> dict[str, Any]:
        """The ids of the customer, as parameters of an operator."""
        return {"org_id": self.user.organization_id, "user_id": self.user.id}

    @property
    def posts(self) -> list[ReceivedRequest]:
        """The requests for a key, in their order."""
        return [request for request in self.emulator.requests if request.endpoint == "create_api_key"]

    @property
    def idempotency_keys(self) -> list[str | None]:
        """The Idempotency-Keys of those requests."""
        return [request.idempotency_key for request in self.posts]

    def entries(self) -> dict[str, Any]:
        """The current content of the file."""
        entries: dict[str, Any] = json.loads(self.connections.read_text())
        return entries

    def put(self, conn_id: str, **fields: Any) -> None:
        """Write a connection to the file, as a person would."""
        self.connections.write_text(json.dumps(self.entries() | {conn_id: fields}))

    def stored(self, conn_id: str = "acme_polytomic") -> str | None:
        """The password of a connection in the file."""
        password: str | None = self.entries().get(conn_id, {}).get("password")
        return password


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A customer without a key, and a connection ``polytomic_default`` with the partner key."""
    for name, value in local_secrets(tmp_path / "secrets").items():
        monkeypatch.setenv(name, value)
    _forget_secrets_backends()
    with PolytomicEmulator() as emulator:
        organization = emulator.add_organization("Acme")
        user = emulator.add_user(organization.id, "ada@acme.example")
        scene = Scene(emulator, user, tmp_path / "secrets" / "connections.json")
        scene.put("polytomic_default", conn_type="polytomic", host=emulator.base_url, password=emulator.partner_key)
        yield scene
    _forget_secrets_backends()


def _forget_secrets_backends() -> None:
    """Make Airflow read its configuration again; 3.x creates its secrets backends once per process."""
    if AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.configuration import clear_secrets_backends_cache

        clear_secrets_backends_cache()
