"""Which organization is never taken for a customer's?"""

from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicTakenError
from airflow_provider_polytomic.provisioning import ensure_organization
from tests.unit.hooks.conftest import ORG, USER, Reply


@pytest.fixture
def ensure(partner, patience):
    return lambda name="Acme", **given: ensure_organization(partner, name, **{"patience": patience, **given})


def test_the_partners_own_organization_is_not_taken_for_a_customers(polytomic, ensure, calls):
    with pytest.raises(PolytomicConfigurationError) as caught:
        ensure(polytomic.owner.name)
    assert caught.value.reason == "own_organization"
    assert calls() == ["GET", "GET"]


@pytest.mark.parametrize("if_exists", ["ignore", "fail"])
@pytest.mark.parametrize(
    ("identity", "is_own"),
    [({"organization_id": ORG}, True), ({"is_partner": True}, True), ({"organization_id": USER}, False)],
)
def test_the_first_of_the_list_is_the_partners_own_unless_polytomic_says_otherwise(
    stub, hook, *, identity, is_own, if_exists
):
    there = Reply(body=json.dumps({"data": [{"id": ORG, "name": "Acme"}, {"id": USER, "name": "Globex"}]}))
    stub.reply(there, Reply(body=json.dumps({"data": identity})), there)
    if is_own:
        with pytest.raises(PolytomicConfigurationError) as caught:
            ensure_organization(hook, "Acme", if_exists=if_exists)
        assert caught.value.reason == "own_organization"
    elif if_exists == "fail":
        with pytest.raises(PolytomicTakenError):
            ensure_organization(hook, "Acme", if_exists=if_exists)
    else:
        assert ensure_organization(hook, "Acme").value.id == ORG
    assert {request.method for request in stub.requests} == {"GET"}
