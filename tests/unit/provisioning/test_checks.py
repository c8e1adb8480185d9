"""Checks of addresses, of the caller's organization, and of values that can be neither name nor address."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic._provisioning.checks import (
    check_email,
    email_matches,
    is_callers_organization,
    require_text,
)
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.models import Organization, User
from tests.unit.hooks.conftest import ORG, USER

KELVIN, DOTTED = "\u212a", "\u0130"  # which Python lowers to k, and to an i with a dot


@pytest.mark.parametrize(
    ("stored", "asked", "is_same"),
    [
        ("kim@acme.example", "kim@acme.example", True),
        ("kim@acme.example", "KIM@Acme.Example", True),
        ("KIM@ACME.EXAMPLE", "kim@acme.example", True),
        ("zoë@acme.example", "ZOë@acme.example", True),
        ("zoë@acme.example", "zoË@acme.example", False),
        ("kim@acme.example", f"{KELVIN}im@acme.example", False),
        (f"{KELVIN}im@acme.example", "kim@acme.example", False),
        ("i̇da@acme.example", f"{DOTTED}da@acme.example", False),
        ("strasse@acme.example", "straße@acme.example", False),
        ("kim@acme.example", " kim@acme.example", False),
        (None, "kim@acme.example", False),
        (None, "None", False),
    ],
)
def test_addresses_match_in_any_case_of_a_to_z(stored: str | None, asked: str, is_same: bool) -> None:
    user = User(id=USER, email=stored)
    assert email_matches(user, asked) is is_same
    check_email(user, None)
    if is_same:
        check_email(user, asked)
    else:
        with pytest.raises(PolytomicConfigurationError) as caught:
            check_email(user, asked)
        assert caught.value.reason == "email_mismatch"


@pytest.mark.parametrize("value", ["", " ", "\n", " Acme", "Acme\n", None, 7, ["Acme"]])
def test_what_can_be_no_name_is_refused_and_not_shown(value: object) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        require_text("name", value)
    assert (caught.value.reason, caught.value.fields) == ("not_a_name", ("name",))
    assert "Acme" not in str(caught.value)


def test_an_address_that_holds_a_line_of_its_own_stays_in_its_line() -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        check_email(User(id=USER, email="bob@acme.example\nforged"), "eve@acme.example\nforged")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("identity", "listed", "own"),
    [
        ({"organization_id": ORG}, None, True),
        ({"organization_id": USER}, None, False),
        ({"is_partner": True}, [ORG, USER], True),
        ({"is_partner": True}, [USER, ORG], False),
        ({"is_partner": True}, [], False),
    ],
)
def test_the_own_organization_is_the_keys_or_else_the_first(stub, hook, identity, listed, own):
    organizations = [{"id": each, "name": "Acme"} for each in listed or ()]
    stub.reply_data(identity, organizations)
    assert is_callers_organization(hook, Organization(id=ORG, name="Acme")) is own
    assert [request.path for request in stub.requests] == ["/api/me", *(["/api/organizations"] * (listed is not None))]
