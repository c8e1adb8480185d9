"""The hook works with a server that behaves as Polytomic's documentation says."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    PolytomicConflictError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
    PolytomicServerError,
    PolytomicUnauthorizedError,
)
from tests.unit.hooks.conftest import ORG


@pytest.fixture
def partner(connect):
    return connect()


@pytest.fixture
def issue(partner, ada):
    """Issue a key for Ada, with the same Idempotency-Key unless another is given."""

    def issue_key(hook=partner, org_id=ada.organization_id, idempotency_key="issuance-of-ada-0", *, force=True):
        return hook.create_api_key(org_id, ada.id, force=force, idempotency_key=idempotency_key)

    return issue_key


def test_an_organization_a_user_and_two_keys_are_created(polytomic, partner):
    organization = partner.create_organization("Globex")
    user = partner.create_user(organization.id, "Hank@Globex.example")
    key = partner.create_api_key(organization.id, user.id, idempotency_key="issuance-of-hank-0")
    identity = partner.get_identity(key)
    assert (identity.id, identity.organization_id, identity.is_user) == (user.id, organization.id, True)
    assert key.matches(ApiKey(polytomic.live_key(user.id)))
    assert partner.get_user(organization.id, user.id) == user
    partner.create_api_key(organization.id, user.id, force=True, idempotency_key="issuance-of-hank-1")
    with pytest.raises(PolytomicUnauthorizedError):
        partner.get_identity(key)


@pytest.mark.parametrize(
    "fault", ["drop when=before", "drop when=after", "status:503 when=after", "status:429 retry_after=1", "truncated"]
)
def test_a_fault_on_the_way_results_in_one_key(polytomic, issue, ada, fault):
    polytomic.inject(f"{fault} endpoint=create_api_key")
    assert issue().matches(ApiKey(polytomic.live_key(ada.id)))
    assert polytomic.minted(ada.id) == 1


def test_a_recorded_500_is_not_repeated(polytomic, issue):
    polytomic.inject("recorded_500 endpoint=create_api_key")
    for _ in range(2):
        with pytest.raises(PolytomicServerError) as caught:
            issue()
        assert caught.value.server_message
    assert len(polytomic.received("create_api_key")) == 2


def test_a_post_that_stays_in_flight_is_a_conflict_with_the_servers_message(polytomic, issue, ada):
    polytomic.inject("late endpoint=create_api_key")
    with pytest.raises(PolytomicConflictError) as caught:
        issue()
    assert caught.value.server_message
    polytomic.release()
    assert issue().matches(ApiKey(polytomic.live_key(ada.id)))
    assert polytomic.minted(ada.id) == 1


def test_which_keys_may_issue_and_for_which_users(polytomic, connect, issue, ada):
    with pytest.raises(PolytomicForbiddenError):
        issue(connect(password=polytomic.give_key(ada.id)))
    with pytest.raises(PolytomicNotFoundError):
        issue(org_id=ORG)
    on_premises = connect(password=polytomic.deployment_key)
    assert on_premises.get_identity(issue(on_premises)).id == ada.id


@pytest.mark.parametrize("is_lost", [True, False])
def test_an_error_states_whether_an_earlier_request_may_have_taken_effect(polytomic, issue, ada, is_lost):
    if is_lost:
        polytomic.inject("drop endpoint=create_api_key when=after")
    polytomic.inject("status:403 endpoint=create_api_key")
    with pytest.raises(PolytomicForbiddenError) as caught:
        issue()
    assert caught.value.earlier_outcome_unknown is is_lost
    assert polytomic.minted(ada.id) == int(is_lost)


def test_test_connection_describes_the_key_in_one_sentence(polytomic, connect, ada):
    assert connect().test_connection() == (True, f"Partner key of {polytomic.owner.name}; can issue keys.")
    expected = f"User key of {ada.email} in Acme; cannot issue keys. Use a partner key for that."
    assert connect(password=polytomic.give_key(ada.id)).test_connection() == (True, expected)


def test_test_connection_reports_the_failure_without_a_retry(polytomic, connect, fake_time):
    failed, reason = connect(password="unknown-key").test_connection()
    assert (failed, "401" in reason) == (False, True)
    polytomic.inject("status:503 times=always")
    failed, reason = connect().test_connection()
    assert (failed, "503" in reason, fake_time.slept) == (False, True, [])
    failed, reason = connect(host="http://far.example").test_connection()
    assert (failed, "allow_http" in reason) == (False, True)


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ({"is_organization": True, "organization_name": "Acme"}, "Organization key of Acme; cannot issue keys"),
        ({"is_system": True}, "System key; whether it can issue keys is not documented."),
        ({"is_user": True, "id": ORG}, f"User key of {ORG}; cannot issue keys"),
    ],
)
def test_test_connection_with_other_kinds_of_key(stub, hook, identity, expected):
    stub.reply_data(identity)
    assert hook.test_connection()[1].startswith(expected)
