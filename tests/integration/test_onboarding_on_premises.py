"""Is a customer of an on-premises server onboarded with its deployment key?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.testing import PolytomicEmulator
from tests.integration.examples import example
from tests.integration.in_process import run_dag, xcom_of
from tests.onboarding_state import onboarded, state_of

if TYPE_CHECKING:
    from tests.scene import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")

DEPLOYMENT_KEY = "deployment-key-of-an-on-premises-server"
CONF = {
    "organization": "Globex",
    "email": "hank@globex.example",
    "role": "Sync Editor",
    "destination": "airflow://connection/globex_polytomic",
}


def test_a_deployment_key_onboards_and_its_roles_are_asked_for_within_the_organization(scene: Scene) -> None:
    with PolytomicEmulator(deployment_key=DEPLOYMENT_KEY) as server:
        scene.put("polytomic_default", conn_type="polytomic", host=server.base_url, password=DEPLOYMENT_KEY)
        run = run_dag(example("polytomic_onboarding"), conf=CONF)
        assert set(run.states.values()) == {"success"}
        assert state_of(server, "Globex") == onboarded("Globex", CONF["email"], ["Sync Editor"])
        assert xcom_of(run, "first_call")["organization_name"] == "Globex"
        schemes = {request.endpoint: request.headers["authorization"].partition(" ")[0] for request in server.requests}
    assert {name for name, scheme in schemes.items() if scheme == "Basic"} == {"list_roles"}
    assert scene.emulator.requests == []
