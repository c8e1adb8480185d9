"""Does the hook work with a server that behaves as Polytomic's documentation says?"""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.api_key import ApiKey
from airflow_provider_polytomic.exceptions import (
    PolytomicConflictError,
    PolytomicForbiddenError,
    PolytomicNoAnswerError,
    PolytomicNotFoundError,
    PolytomicServerError,
    PolytomicUnauthorizedError,
    PolytomicUnreadableAnswerError,
)
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.testing import PolytomicEmulator
from tests.unit.hooks.conftest import ORG


@pytest.fixture(scope="module")
def server():
    with PolytomicEmulator(deployment_key="deployment-key-of-the-emulator") as running:
        yield running


@pytest.fixture
def emulator(server):
    yield server
    server.clear_faults()


@pytest.fixture
def partner(emulator, define, fake_time):
    define(host=emulator.base_url, password=emulator.partner_key)
    made = PolytomicHook(_timing=fake_time.timing)
    yield made
    made.close()


@pytest.fixture
def organization(emulator, request):
    return emulator.add_organization(request.node.name)


@pytest.fixture
def user(emulator, organization):
    return emulator.add_user(organization.id, "ada@acme.example")


def test_from_an_organization_to_a_key_that_works(emulator, partner, request):
    organization = partner.create_organization(f"of {request.node.name}")
    user = partner.create_user(organization.id, "Ada@Acme.example")
    key = partner.create_api_key(organization.id, user.id, idempotency_key="issuance-of-ada-0")
    identity = partner.get_identity(key)
    assert (identity.id, identity.organization_id, identity.is_user) == (user.id, organization.id, True)
    assert key.matches(ApiKey(emulator.live_key(user.id)))
    assert organization.id in [known.id for known in partner.list_organizations()]
    assert [known.id for known in partner.list_users(organization.id)] == [user.id]
    assert partner.get_user(organization.id, user.id) == user
    assert user.email == "ada@acme.example"


def test_force_revokes_and_a_revoked_key_is_unauthorized(partner, organization, user):
    old = partner.create_api_key(organization.id, user.id, idempotency_key=f"{user.id}-0")
    new = partner.create_api_key(organization.id, user.id, force=True, idempotency_key=f"{user.id}-1")
    assert not new.matches(old)
    with pytest.raises(PolytomicUnauthorizedError):
        partner.get_identity(old)


@pytest.mark.parametrize(
    "fault",
    [
        "drop when=before",
        "drop when=after",
        "status:503 when=after",
        "status:429 retry_after=1",
        "truncated",
        "delay:0.6 when=after",
    ],
)
def test_a_trouble_on_the_way_mints_one_key(emulator, define, fake_time, user, fault):
    define(host=emulator.base_url, password=emulator.partner_key, extra={"timeout": 0.3})
    hook = PolytomicHook(_timing=fake_time.timing)
    emulator.inject(f"{fault} endpoint=create_api_key")
    key = hook.create_api_key(user.organization_id, user.id, force=True, idempotency_key=f"{user.id}-0")
    assert emulator.minted(user.id) == 1
    assert key.matches(ApiKey(emulator.live_key(user.id)))


def test_a_recorded_500_is_told_at_once_for_the_caller_to_decide(emulator, partner, organization, user):
    emulator.inject("recorded_500 endpoint=create_api_key")
    before = len(emulator.received("create_api_key"))
    for _ in range(2):
        with pytest.raises(PolytomicServerError) as caught:
            partner.create_api_key(organization.id, user.id, idempotency_key=f"{user.id}-0")
        assert caught.value.server_message
    assert len(emulator.received("create_api_key")) == before + 2


def test_a_post_that_stays_in_flight_is_a_conflict_in_the_servers_words(emulator, define, fake_time, user):
    define(host=emulator.base_url, password=emulator.partner_key)
    emulator.inject("late endpoint=create_api_key")
    hook = PolytomicHook(retry_for=10, _timing=fake_time.timing)
    with pytest.raises(PolytomicConflictError) as caught:
        hook.create_api_key(user.organization_id, user.id, force=True, idempotency_key=f"{user.id}-0")
    assert caught.value.server_message
    emulator.release()
    assert emulator.minted(user.id) == 1
    key = hook.create_api_key(user.organization_id, user.id, force=True, idempotency_key=f"{user.id}-0")
    assert key.matches(ApiKey(emulator.live_key(user.id)))


@pytest.mark.parametrize("fault", ["not_json", "huge:2"])
def test_an_unreadable_success_is_not_repeated(emulator, partner, organization, user, fault):
    emulator.inject(f"{fault} endpoint=create_api_key")
    with pytest.raises(PolytomicUnreadableAnswerError):
        partner.create_api_key(organization.id, user.id, idempotency_key=f"{user.id}-0")


def test_a_user_key_may_not_issue(emulator, define, organization, user):
    define("as_ada", host=emulator.base_url, password=emulator.give_key(user.id))
    with pytest.raises(PolytomicForbiddenError, match="partner key"):
        PolytomicHook("as_ada").create_api_key(organization.id, user.id, idempotency_key=f"{user.id}-0")


def test_an_unknown_organization_is_not_found(partner, user):
    with pytest.raises(PolytomicNotFoundError):
        partner.create_api_key(ORG, user.id, idempotency_key=f"{user.id}-0")


def test_a_deployment_key_issues(emulator, define, organization, user):
    define(host=emulator.base_url, password=emulator.deployment_key)
    key = PolytomicHook().create_api_key(organization.id, user.id, idempotency_key=f"{user.id}-0")
    assert PolytomicHook().get_identity(key).id == user.id


def test_test_connection_says_whose_key_it_is_in_one_sentence(emulator, define, partner, organization, user):
    assert partner.test_connection() == (True, f"Partner key of {emulator.owner.name}; can issue keys.")
    define("as_ada", host=emulator.base_url, password=emulator.give_key(user.id))
    ok, sentence = PolytomicHook("as_ada").test_connection()
    assert ok
    assert sentence == f"User key of {user.email} in {organization.name}; cannot issue keys: that takes a partner key."


def test_test_connection_says_why_it_failed_without_trying_again(emulator, define, fake_time):
    define(host=emulator.base_url, password="unknown-key")
    assert PolytomicHook().test_connection()[0] is False
    assert "401" in PolytomicHook().test_connection()[1]
    emulator.inject("status:503 times=always")
    ok, reason = PolytomicHook(_timing=fake_time.timing).test_connection()
    assert (ok, fake_time.slept) == (False, [])
    assert "503" in reason
    define(host="http://far.example")
    assert "allow_http" in PolytomicHook().test_connection()[1]


def test_airflow_itself_can_test_the_connection(emulator, partner):
    from airflow.providers.common.compat.sdk import BaseHook

    connection = BaseHook.get_connection("polytomic_default")
    assert connection.conn_type == "polytomic"
    assert partner.test_connection()[0] is True


def test_a_server_that_stopped_is_a_lost_connection(define, fake_time):
    with PolytomicEmulator() as stopped:
        define(host=stopped.base_url, password=stopped.partner_key)
    with pytest.raises(PolytomicNoAnswerError, match="Nothing was changed"):
        PolytomicHook(retry_for=3, _timing=fake_time.timing).get_identity()


@pytest.mark.parametrize(("before", "unknown"), [("drop endpoint=create_api_key when=after", True), (None, False)])
def test_an_error_says_whether_an_earlier_repeat_may_have_taken_effect(emulator, partner, before, unknown):
    organization = emulator.add_organization(f"after {before}")
    user = emulator.add_user(organization.id, "robot@acme.example")
    if before:
        emulator.inject(before)
    emulator.inject("status:403 endpoint=create_api_key")
    with pytest.raises(PolytomicForbiddenError) as caught:
        partner.create_api_key(organization.id, user.id, force=True, idempotency_key="a-key-of-8-or-more")
    assert caught.value.earlier_unknown is unknown
    assert emulator.minted(user.id) == int(unknown)
