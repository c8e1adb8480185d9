"""The organization that a name means, and those that it never means."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic._provisioning.create import ensure_organization
from airflow_provider_polytomic.exceptions import (
    PolytomicAlreadyExistsError,
    PolytomicConfigurationError,
    PolytomicRejectedError,
)
from tests.unit.hooks.conftest import ORG, USER


@pytest.fixture
def ensure(partner, budget):
    return lambda name="Acme", **given: ensure_organization(partner, name, **{"budget": budget, **given})


@pytest.fixture
def named(polytomic):
    return lambda name="Acme": [each.id for each in polytomic.organizations() if each.name == name]


def test_one_that_is_not_there_is_made_with_its_settings_and_then_left_as_it_is(polytomic, ensure, named, calls):
    found = ensure(settings={"sso_domain": "acme.example"})
    assert (found.created, [found.value.id]) == (True, named())
    assert polytomic.organizations()[-1].sso_domain == "acme.example"
    assert calls() == ["GET", "POST"]
    again = ensure(settings={"sso_domain": "other.example"})
    assert (again.created, again.value) == (False, found.value)
    assert calls() == ["GET"]


def test_the_name_is_compared_exactly(polytomic, ensure, named):
    polytomic.add_organization("ACME")
    assert ensure().created is True
    assert (len(named()), len(named("ACME"))) == (1, 1)


def test_a_server_that_compares_names_without_case_is_told_of_at_once(polytomic, ensure, named):
    other = polytomic.add_organization("ACME")
    polytomic.inject("status:409 endpoint=create_organization times=always")
    with pytest.raises(PolytomicAlreadyExistsError) as caught:
        ensure()
    assert (caught.value.reason, caught.value.fields) == ("name_differs_in_case", ("name",))
    assert other.id in str(caught.value)
    assert (len(polytomic.received("create_organization")), named()) == (1, [])


def test_a_name_in_another_case_is_not_blamed_for_what_has_another_cause(polytomic, ensure, named):
    polytomic.add_organization("ACME")
    polytomic.inject("status:422 endpoint=create_organization")
    with pytest.raises(PolytomicRejectedError):
        ensure()
    polytomic.inject("late:6 endpoint=create_organization")  # an earlier request may be in flight
    assert [ensure().value.id] == named()


@pytest.mark.parametrize("name", ["", " Acme", None])
def test_what_can_be_no_name_is_refused_before_anything_is_sent(ensure, calls, name):
    with pytest.raises(PolytomicConfigurationError) as caught:
        ensure(name)
    assert (caught.value.reason, caught.value.fields) == ("not_a_name", ("name",))
    assert calls() == []


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
    there = [{"id": ORG, "name": "Acme"}, {"id": USER, "name": "Globex"}]
    stub.reply_data(there, identity, there)
    if not is_own and if_exists == "ignore":
        assert ensure_organization(hook, "Acme").value.id == ORG
    else:
        with pytest.raises((PolytomicConfigurationError, PolytomicAlreadyExistsError)) as caught:
            ensure_organization(hook, "Acme", if_exists=if_exists)
        assert caught.value.reason == ("own_organization" if is_own else "exists_already")
    assert {request.method for request in stub.requests} == {"GET"}
