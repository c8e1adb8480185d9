"""Opt-in smoke test on a real Polytomic server: onboard a customer, rotate its key, remove everything.

``make test-live`` runs it, with a server and a partner key from the environment (CONTRIBUTING.md). The keys are in a
folder that is removed afterwards; the test prints and compares only ids and fingerprints.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.exceptions import PolytomicForbiddenError, PolytomicUnauthorizedError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.operators.api_keys import (
    PolytomicCreateApiKeyOperator,
    PolytomicDeleteStoredApiKeyOperator,
    PolytomicRotateApiKeyOperator,
)
from airflow_provider_polytomic.operators.organizations import (
    PolytomicCreateOrganizationOperator,
    PolytomicDeleteOrganizationOperator,
)
from airflow_provider_polytomic.operators.users import PolytomicCreateUserOperator, PolytomicDeleteUserOperator
from tests.fixtures import _forget_secrets_backends
from tests.unit.operators.conftest import context
from tools.airflow_sandbox.environment import local_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["context"]

pytestmark = [pytest.mark.live, pytest.mark.timeout(1800)]

SERVER, PARTNER_KEY, EMAIL = "POLYTOMIC_LIVE_SERVER", "POLYTOMIC_LIVE_PARTNER_KEY", "POLYTOMIC_LIVE_EMAIL"
CONN_ID = "live_polytomic"
DESTINATION = f"airflow://connection/{CONN_ID}"
REVOCATION_SECONDS = 300  # a guard against hanging


@dataclass(frozen=True)
class Live:
    """The new customer, with a name that is unique on the server.

    :param secrets: the folder of Airflow's LocalFilesystemBackend.
    """

    name: str
    email: str
    secrets: Path
    context: Callable[..., dict[str, Any]]

    def run(self, operator: Any, **given: Any) -> dict[str, Any]:
        """Execute an operator in a DAG run of this moment."""
        returned: dict[str, Any] = operator(task_id="live", **given).execute(self.context(datetime.now(UTC)))
        return returned

    def remove(self) -> None:
        """Delete the organization of this name and its users, if they exist."""
        with closing(PolytomicHook()) as hook:
            for organization in hook.list_organizations():
                if organization.name == self.name:
                    for user in hook.list_users(organization.id):
                        hook.delete_user(organization.id, user.id)
                    hook.delete_organization(organization.id)


@pytest.fixture
def live(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, context: Callable[..., dict[str, Any]]
) -> Iterator[Live]:
    """A new customer on the server in the environment variables; everything is deleted afterwards."""
    if "live" not in request.config.option.markexpr:
        pytest.skip("creates an organization on a real server: make test-live")
    if missing := [name for name in (SERVER, PARTNER_KEY) if not os.environ.get(name)]:
        pytest.skip(f"not set: {', '.join(missing)}; CONTRIBUTING.md says what they are")
    identifier = uuid.uuid4()
    # pytest keeps its own temporary folders; this one holds the partner key.
    with TemporaryDirectory() as folder:
        for name, value in local_secrets(Path(folder)).items():
            monkeypatch.setenv(name, value)
        (Path(folder) / "connections.json").write_text(
            json.dumps(
                {
                    "polytomic_default": {
                        "conn_type": "polytomic",
                        "host": os.environ[SERVER],
                        "password": os.environ[PARTNER_KEY],
                    }
                }
            )
        )
        _forget_secrets_backends()
        email = os.environ.get(EMAIL) or f"airflow-live-test-{identifier}@example.com"
        found = Live(f"Airflow live test {identifier}", email, Path(folder), context)
        try:
            yield found
        finally:
            try:
                found.remove()
            except Exception as error:
                error.add_note(f"Delete the organization {found.name!r} on the server manually, if it is there.")
                raise
            finally:
                _forget_secrets_backends()


def test_a_customer_is_onboarded_rotated_and_removed(live: Live):
    organization = live.run(PolytomicCreateOrganizationOperator, name=live.name)
    user = live.run(PolytomicCreateUserOperator, org_id=organization["id"], user_email=live.email, roles=["Viewer"])
    assert (organization["created"], user["created"]) == (True, True)
    ids = {"org_id": organization["id"], "user_id": user["id"]}
    customer = {**ids, "destination": DESTINATION}

    assert live.run(PolytomicCreateApiKeyOperator, **customer, check_only=True)["would_issue"] is True
    issued = live.run(PolytomicCreateApiKeyOperator, **customer)
    kept = live.run(PolytomicCreateApiKeyOperator, **customer)
    assert (issued["issued"], kept["issued"]) == (True, False)
    assert kept["fingerprint"] == issued["fingerprint"]

    # A hook reads its connection once: this one keeps the first key.
    with closing(PolytomicHook(CONN_ID)) as first:
        assert first.get_identity().id == user["id"]
        rotated = live.run(PolytomicRotateApiKeyOperator, **customer, max_age=timedelta(0))
        assert rotated["issued"] is True
        assert rotated["fingerprint"] != issued["fingerprint"]
        assert is_refused(first)
    with closing(PolytomicHook(CONN_ID)) as second:
        assert second.get_identity().id == user["id"]

    assert live.run(PolytomicDeleteUserOperator, **ids, expected_email=live.email)["deleted"] is True
    assert live.run(PolytomicDeleteStoredApiKeyOperator, destination=DESTINATION)["deleted"] is True
    deleted = live.run(PolytomicDeleteOrganizationOperator, org_id=ids["org_id"], expected_name=live.name)
    assert deleted["deleted"] is True
    assert list(json.loads((live.secrets / "connections.json").read_text())) == ["polytomic_default"]


def is_refused(hook: PolytomicHook) -> bool:
    """Whether the hook's key is revoked; the time that a revocation takes is not documented."""
    deadline = time.monotonic() + REVOCATION_SECONDS
    while time.monotonic() < deadline:
        try:
            hook.get_identity()
        except (PolytomicUnauthorizedError, PolytomicForbiddenError):
            return True
        time.sleep(1)
    return False
