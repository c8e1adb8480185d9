"""Does an organization get its OIDC client in a real Airflow, and is it said why where the server refuses one?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.running.oidc_cases import CLIENT_ID, CLIENT_SECRET, OIDC_CASES, REFUSED, OidcCase

if TYPE_CHECKING:
    from tests.integration.running.flight import Flight

# The first test of the run waits for all that is started.
pytestmark = [pytest.mark.airflow_running, pytest.mark.timeout(900)]


def _check(flight: Flight, case: OidcCase) -> None:
    assert flight.tasks_of()[case.name] == case.state
    organizations = flight.stage.emulator.organizations()
    clients = [(each.client_id, each.client_secret) for each in organizations if each.name == case.organization]
    assert clients == ([(CLIENT_ID, CLIENT_SECRET)] if case.state == "success" else [])


@pytest.mark.parametrize("case", OIDC_CASES, ids=lambda case: case.name)
def test_it_ends_as_it_must_under_a_scheduler(running_airflow: Flight, case: OidcCase) -> None:
    _check(running_airflow, case)
    assert case.told in running_airflow.log_of(case.name)


@pytest.mark.parametrize("case", OIDC_CASES, ids=lambda case: case.name)
def test_it_ends_as_it_must_in_dags_test(dags_test: Flight, case: OidcCase) -> None:
    _check(dags_test, case)
    assert case.told in dags_test.stage.airflow.consoles.joinpath("commands.log").read_text()


def test_the_secret_was_sent_and_came_back_in_the_refusal(running_airflow: Flight) -> None:
    """Otherwise there would be nothing to hide."""
    requests = running_airflow.stage.emulator.received("create_organization")
    assert [request.status for request in requests if REFUSED.organization.encode() in request.body] == [422]
    assert "the callback fails as well" in running_airflow.log_of(REFUSED.name)
