"""An update of an organization changes only the given settings."""

from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
)
from airflow_provider_polytomic.models import Organization
from tests.unit.hooks.conftest import ORG, Request

SETTINGS = {"sso_domain": "acme.example", "sso_org_id": "org_01H"}


def settings_of(polytomic, org_id: str) -> dict[str, str | None]:
    """Return the organization's settings on the server."""
    (match,) = (organization for organization in polytomic.organizations() if organization.id == org_id)
    return {name: getattr(match, name) for name in ("name", *SETTINGS, "issuer")}


@pytest.fixture
def partner(connect):
    return connect()


@pytest.fixture
def signed_in_by_sso(partner, sent):
    organization = partner.create_organization("Acme", **SETTINGS)
    sent()
    return organization


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"name": "Acme 2"}, {"name": "Acme 2"}),
        ({"sso_domain": "new.example"}, {"sso_domain": "new.example"}),
        ({"clear_settings": ["sso_domain"]}, {"sso_domain": None}),
        ({"clear_settings": ["sso_domain"], "sso_org_id": "org_02"}, {"sso_domain": None, "sso_org_id": "org_02"}),
        ({}, {}),
    ],
)
def test_an_update_reads_all_settings_and_sends_them_with_the_changes(
    partner, polytomic, sent, signed_in_by_sso, *, given, changed
):
    before = settings_of(polytomic, signed_in_by_sso.id)
    partner.update_organization(signed_in_by_sso.id, **given)
    after = before | changed
    path = f"/api/organizations/{signed_in_by_sso.id}"
    put = {name: value for name, value in after.items() if value is not None}
    assert sent() == [Request("GET", path), Request("PUT", path, put)]
    assert settings_of(polytomic, signed_in_by_sso.id) == after


READ = {"id": ORG, "name": "Acme", "sso_domain": "acme.example", "sso_org_id": None, "issuer": None}


@pytest.mark.parametrize("name", ["name", "sso_domain", "sso_org_id", "issuer"])
def test_a_setting_that_was_not_read_is_never_cleared(stub, hook, name):
    stub.reply_data({field: value for field, value in READ.items() if field != name})
    given = {"sso_domain": "new.example"} if name == "name" else {"name": "Acme 2"}
    with pytest.raises(PolytomicConfigurationError) as caught:
        hook.update_organization(ORG, **given)
    # No parameter gives or clears an issuer.
    field = "org_id" if name == "issuer" else name
    assert (caught.value.reason, caught.value.fields) == ("settings_unknown", (field,))
    assert [request.method for request in stub.requests] == ["GET"]


@pytest.mark.parametrize(
    ("name", "given", "put"),
    [
        ("name", {"name": "Acme 2"}, {"name": "Acme 2", "sso_domain": "acme.example"}),
        ("sso_domain", {"sso_domain": "new.example"}, {"name": "Acme", "sso_domain": "new.example"}),
        ("sso_domain", {"clear_settings": ["sso_domain"]}, {"name": "Acme"}),
    ],
)
def test_a_setting_that_was_not_read_can_be_set_or_cleared(stub, hook, name, given, put):
    stub.reply_data({field: value for field, value in READ.items() if field != name}, {"id": ORG} | put)
    hook.update_organization(ORG, **given)
    assert json.loads(stub.requests[-1].body) == put


@pytest.mark.parametrize(
    "given", [{}, {"name": "Acme 2"}, {"sso_domain": "new.example"}, {"clear_settings": ["sso_org_id"]}]
)
def test_an_organization_that_signs_in_by_oidc_is_not_updated(stub, hook, given):
    stub.reply_data(READ | {"issuer": "https://id.acme.example"})
    with pytest.raises(PolytomicConfigurationError) as caught:
        hook.update_organization(ORG, **given)
    assert caught.value.reason == "organization_signs_in_by_oidc"
    assert [request.method for request in stub.requests] == ["GET"]


@pytest.mark.parametrize("fault", ["drop when=before", "drop when=after", "status:500", "status:503 when=after"])
def test_an_update_whose_response_is_lost_is_repeated_without_an_idempotency_key(
    partner, polytomic, sent, signed_in_by_sso, fault
):
    polytomic.inject(f"{fault} endpoint=update_organization")
    partner.update_organization(signed_in_by_sso.id, name="Acme 2")
    put = {"name": "Acme 2", "sso_domain": "acme.example", "sso_org_id": "org_01H"}
    path = f"/api/organizations/{signed_in_by_sso.id}"
    assert sent() == [Request("GET", path), Request("PUT", path, put), Request("PUT", path, put)]


def test_an_organization_without_a_name_is_updated_and_unknown_fields_are_ignored(stub, hook):
    stub.reply_data({**READ, "name": None, "new_field": {"x": 1}})
    assert hook.update_organization(ORG, clear_settings=["sso_org_id"]) == Organization(
        id=ORG, sso_domain="acme.example"
    )
