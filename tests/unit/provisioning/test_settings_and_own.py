"""When are the settings of a new organization read, and which organization is never taken for a customer's?"""

from __future__ import annotations

import itertools
import json
from typing import NoReturn

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicTakenError
from airflow_provider_polytomic.provisioning import ensure_organization
from tests.unit.hooks.conftest import ORG, USER, Reply


class NotThereError(Exception):
    """What reading the settings may raise."""


class Unreadable:
    """Settings that cannot be read, and how often somebody tried."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> NoReturn:
        self.times += 1
        raise NotThereError


@pytest.fixture
def settings():
    return Unreadable()


@pytest.fixture
def ensure(partner, patience):
    return lambda name="Acme", **given: ensure_organization(partner, name, **{"patience": patience, **given})


def test_the_settings_of_one_that_is_there_are_not_asked_for(polytomic, ensure, settings):
    there = polytomic.add_organization("Acme")
    assert ensure(settings=settings).value.id == there.id
    assert settings.times == 0


def test_settings_that_cannot_be_read_are_told_and_nothing_is_made(ensure, settings, calls):
    with pytest.raises(NotThereError):
        ensure(settings=settings)
    assert (settings.times, calls()) == (1, ["GET"])


def test_the_settings_are_asked_for_once_a_try(polytomic, ensure):
    polytomic.inject("status:409 endpoint=create_organization times=2")
    asked = itertools.count()
    ensure(settings=lambda: {"sso_domain": f"{next(asked)}.example"})
    assert [json.loads(request.body) for request in polytomic.received("create_organization")] == [
        {"name": "Acme", "sso_domain": "0.example"}
    ] * 3


def test_the_partners_own_organization_is_not_taken_for_a_customers(polytomic, ensure, calls, settings):
    with pytest.raises(PolytomicConfigurationError, match=r"the partner's own organization.*Nothing was changed"):
        ensure(polytomic.owner.name, settings=settings)
    assert (calls(), settings.times) == (["GET", "GET"], 0)


@pytest.mark.parametrize("if_exists", ["skip", "fail"])
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
        with pytest.raises(PolytomicConfigurationError, match="the partner's own organization"):
            ensure_organization(hook, "Acme", if_exists=if_exists)
    elif if_exists == "fail":
        with pytest.raises(PolytomicTakenError):
            ensure_organization(hook, "Acme", if_exists=if_exists)
    else:
        assert ensure_organization(hook, "Acme").value.id == ORG
    assert {request.method for request in stub.requests} == {"GET"}
