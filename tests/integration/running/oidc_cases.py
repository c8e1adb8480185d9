"""Which organizations are made with an OIDC client, to see what is left of its secret? One that is, one refused."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing import Fault

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing import PolytomicEmulator, User

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "OIDC_CASES", "REFUSED", "OidcCase", "oidc_connections", "refuse"]

CLIENT_ID = "polytomic-at-the-customer"
# With everything that JSON, URLs and Python write in another way, and a plain piece.
CLIENT_SECRET = 'oidc/Client+s"3c7\\et%9vWq' + secrets.token_hex(8)
CONN_ID = "oidc_client"
REFUSING = "polytomic_refusing"


@dataclass(frozen=True)
class OidcCase:
    """One task that creates an organization.

    :param name: of the task.
    :param state: how the task ends.
    :param told: what its log says.
    :param given: further arguments of the operator.
    """

    name: str
    state: str
    told: str
    given: dict[str, Any]

    @property
    def organization(self) -> str:
        """The name of the organization."""
        return f"Organization {self.name}"

    @property
    def arguments(self) -> dict[str, Any]:
        """What the operator is given, in JSON types."""
        return {
            "task_id": self.name,
            "name": self.organization,
            "issuer": "https://login.customer.example",
            "oidc_conn_id": CONN_ID,
            **self.given,
        }


CREATED = OidcCase("oidc_created", "success", "Created the organization", {})
REFUSED = OidcCase(
    "oidc_refused",
    "failed",
    "is not what the provider expects",
    {"polytomic_conn_id": REFUSING, "tell_all": True},
)
OIDC_CASES = (CREATED, REFUSED)


def oidc_connections(emulator: PolytomicEmulator, caller: User) -> dict[str, str]:
    """Return the connections of the cases, as environment variables.

    :param caller: whose key asks where the server refuses.
    """
    client = {"conn_type": "generic", "login": CLIENT_ID, "password": CLIENT_SECRET}
    refusing = {"conn_type": "polytomic", "host": emulator.base_url, "password": emulator.give_key(caller.id)}
    connections = {CONN_ID: client, REFUSING: refusing}
    return {f"AIRFLOW_CONN_{conn_id.upper()}": json.dumps(fields) for conn_id, fields in connections.items()}


def refuse(emulator: PolytomicEmulator, caller: User) -> None:
    """Have this caller's request refused, with words that repeat the secret; nobody else's is met."""
    words = f"client_secret {CLIENT_SECRET} is not what the provider expects"
    refusal = {"key": "BadRequest", "message": words, "status": 422, "metadata": {"client_secret": CLIENT_SECRET}}
    always: dict[str, Any] = {"user": caller.id, "times": None}
    nothing = json.dumps({"data": []})
    emulator.inject(Fault("status", status=200, endpoint="list_organizations", body=nothing, **always))
    emulator.inject(Fault("status", status=422, endpoint="create_organization", body=json.dumps(refusal), **always))
