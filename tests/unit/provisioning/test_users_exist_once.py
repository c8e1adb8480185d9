"""Is there one user with one invitation in the end, and with exactly the roles that were asked for?"""

from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicApiError,
    PolytomicConfigurationError,
    PolytomicConflictError,
    PolytomicForbiddenError,
    PolytomicNoAnswerError,
    PolytomicNotFoundError,
    PolytomicRejectedError,
    PolytomicServerError,
    PolytomicStoppedError,
    PolytomicTakenError,
    PolytomicUnauthorizedError,
    PolytomicUnavailableError,
)
from airflow_provider_polytomic.provisioning import Patience, ensure_user

BOB = "Bob@Acme.example"


@pytest.fixture
def ensure(partner, patience, ada):
    def ensure_bob(email=BOB, roles=(), **given):
        return ensure_user(partner, ada.organization_id, email, roles, **{"patience": patience, **given})

    return ensure_bob


@pytest.fixture
def made(polytomic, ada):
    """Return the ids of the users with Bob's address; each was invited once."""

    def read() -> list[str]:
        found = [user.id for user in polytomic.users_of(ada.organization_id) if user.email == BOB.lower()]
        assert sorted(invitation.user_id for invitation in polytomic.invitations) == sorted(found)
        return found

    return read


@pytest.fixture
def put(polytomic):
    """Return the bodies of the updates."""
    return lambda: [json.loads(request.body) for request in polytomic.received("update_user")]


def keys_of(polytomic) -> list[str | None]:
    return [request.idempotency_key for request in polytomic.received("create_user")]


def test_one_who_is_not_there_is_made_with_the_roles(polytomic, ensure, made, calls):
    found = ensure(roles=["sync editor", polytomic.role_id("Viewer")])
    assert (found.created, [found.value.id]) == (True, made())
    assert polytomic.roles_of(found.value.id) == ["Sync Editor", "Viewer"]
    assert calls() == ["GET", "GET", "POST"]


def test_without_roles_none_are_asked_for_and_the_server_gives_its_default(polytomic, ensure, calls):
    ensure()
    assert calls() == ["GET", "POST"]
    assert json.loads(polytomic.requests[-1].body) == {"email": BOB}


@pytest.mark.parametrize("email", [BOB, BOB.lower(), BOB.upper()])
def test_one_who_is_there_is_found_by_the_address_in_any_case_and_not_invited_again(
    polytomic, ensure, made, calls, email
):
    first = ensure()
    calls()
    found = ensure(email)
    assert (found.created, found.value.id) == (False, first.value.id)
    assert (calls(), len(made())) == (["GET"], 1)


@pytest.mark.parametrize(
    ("has", "asked", "gets"),
    [
        ([], ["Viewer"], ["Viewer"]),
        (["Viewer"], ["Admin"], ["Admin"]),
        (["Viewer", "Admin"], ["admin"], ["Admin"]),
        (["Viewer"], ["Viewer", "Editor"], ["Editor", "Viewer"]),
    ],
)
def test_roles_are_brought_to_exactly_what_was_asked(polytomic, ensure, put, ada, *, has, asked, gets):
    bob = polytomic.add_user(ada.organization_id, BOB, map(polytomic.role_id, has))
    found = ensure(roles=asked)
    assert (found.created, set(found.value.role_ids)) == (False, set(map(polytomic.role_id, gets)))
    assert polytomic.roles_of(bob.id) == gets
    assert put() == [{"email": BOB.lower(), "role_ids": list(map(polytomic.role_id, asked_in_full(asked)))}]


def asked_in_full(asked: list[str]) -> list[str]:
    return [name.title() for name in asked]


@pytest.mark.parametrize(
    ("has", "asked"),
    [
        (["Viewer"], []),
        ([], []),
        (["Viewer"], ["viewer"]),
        (["Viewer", "Admin"], ["Admin", "Viewer"]),
        (["Admin"], ["Admin", "ADMIN"]),
    ],
)
def test_nothing_is_put_where_the_roles_are_so_already_or_none_were_asked_for(
    polytomic, ensure, put, ada, *, has, asked
):
    bob = polytomic.add_user(ada.organization_id, BOB, map(polytomic.role_id, has))
    assert set(ensure(roles=asked).value.role_ids) == set(bob.role_ids)
    assert put() == []
    assert polytomic.roles_of(bob.id) == sorted(has)


@pytest.mark.parametrize("fault", ["drop when=before", "drop when=after", "status:503", "status:500"])
def test_an_answer_lost_while_roles_are_changed_is_repeated(polytomic, ensure, put, ada, fault):
    bob = polytomic.add_user(ada.organization_id, BOB)
    polytomic.inject(f"{fault} endpoint=update_user")
    ensure(roles=["Viewer"])
    assert (polytomic.roles_of(bob.id), len(put())) == (["Viewer"], 2)


def test_the_callers_own_roles_are_not_changed(polytomic, connect, patience, put, *, calls, ada):
    hook = connect(password=polytomic.give_key(ada.id))
    with pytest.raises(PolytomicConfigurationError, match=r"locked out\. Nothing was changed"):
        ensure_user(hook, "current", ada.email, ["Viewer"], patience=patience)
    assert (calls(), polytomic.roles_of(ada.id)) == (["GET", "GET", "GET"], ["Admin"])
    for roles in ([], ["admin"]):
        assert ensure_user(hook, "current", ada.email, roles, patience=patience).value.id == ada.id
    assert put() == []


@pytest.mark.parametrize("roles", [["Owner"], ["Viewer", "Owner"]])
def test_an_unknown_role_is_refused_before_anybody_is_invited(polytomic, ensure, made, roles):
    with pytest.raises(PolytomicConfigurationError, match="'Owner' is unknown"):
        ensure(roles=roles)
    assert (made(), keys_of(polytomic)) == ([], [])


@pytest.mark.parametrize(
    "fault",
    [
        "drop when=before",
        "drop when=after",
        "drop when=after times=3",
        "status:502 when=after",
        "status:504 when=before",
        "status:408 when=after",
        "status:429",
        "truncated",
    ],
)
def test_an_answer_that_is_lost_within_a_try_is_repeated_and_one_invitation_is_sent(polytomic, ensure, made, fault):
    polytomic.inject(f"{fault} endpoint=create_user")
    found = ensure(if_exists="fail")
    assert (found.created, [found.value.id]) == (True, made())
    assert len(set(keys_of(polytomic))) == 1 < len(keys_of(polytomic))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", ["drop", "status:503"])
def test_an_answer_that_stays_lost_is_left_to_the_next_try_which_looks_first(polytomic, ensure, made, error, when):
    polytomic.inject(f"{error} when={when} endpoint=create_user times=always")
    with pytest.raises((PolytomicNoAnswerError, PolytomicUnavailableError)):
        ensure(roles=["Viewer"])
    polytomic.clear_faults()
    found = ensure(roles=["Viewer"])
    assert (found.created, [found.value.id]) == (when == "before", made())
    assert polytomic.roles_of(found.value.id) == ["Viewer"]


def test_a_recorded_500_is_raised_at_once_and_the_next_try_asks_under_a_fresh_key(polytomic, ensure, made):
    polytomic.inject("recorded_500 endpoint=create_user")
    with pytest.raises(PolytomicServerError):
        ensure()
    assert len(keys_of(polytomic)) == 1
    assert ensure().created is True
    assert (len(made()), len(set(keys_of(polytomic)))) == (1, 2)


def test_a_request_in_flight_is_waited_for_under_its_own_key(polytomic, ensure, made):
    polytomic.inject("late:6 endpoint=create_user")
    assert [ensure().value.id] == made()
    assert len(set(keys_of(polytomic))) == 1


either_way = pytest.mark.parametrize("polytomic", [{"existing_user": 409}, {"existing_user": 422}], indirect=True)


@pytest.fixture
def died_in_flight(polytomic, connect, patience, ada):
    """An earlier try, whose request comes three seconds later."""
    polytomic.inject("late:3 endpoint=create_user")
    with pytest.raises(PolytomicUnavailableError):
        ensure_user(connect(retry_for=1.0), ada.organization_id, BOB, patience=patience)


@either_way
@pytest.mark.parametrize("meanwhile", ["status:429 retry_after=3", "status:503"])
def test_a_late_request_of_an_earlier_try_that_comes_first_is_found(
    polytomic, died_in_flight, ensure, made, fake_time, *, meanwhile
):
    fake_time.seconds += 2.7
    polytomic.inject(f"{meanwhile} endpoint=create_user")
    found = ensure(roles=["Viewer"])
    assert (found.created, [found.value.id]) == (False, made())
    assert polytomic.received("create_user")[-1].status in (409, 422)
    assert polytomic.roles_of(found.value.id) == ["Viewer"]


@either_way
def test_a_late_request_of_an_earlier_try_that_comes_second_makes_nobody(
    polytomic, died_in_flight, ensure, made, fake_time
):
    found = ensure()
    fake_time.seconds += 10
    assert (found.created, [found.value.id]) == (True, made())
    assert (ensure().created, len(made())) == (False, 1)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, PolytomicRejectedError),
        (401, PolytomicUnauthorizedError),
        (403, PolytomicForbiddenError),
        (404, PolytomicNotFoundError),
        (422, PolytomicRejectedError),
    ],
)
def test_a_refusal_is_raised_at_once_and_not_repeated(polytomic, ensure, made, status, kind):
    polytomic.inject(f"status:{status} endpoint=create_user times=always")
    with pytest.raises(PolytomicApiError) as caught:
        ensure()
    assert (type(caught.value), caught.value.retryable) == (kind, False)
    assert (len(keys_of(polytomic)), made()) == (1, [])


def test_fail_refuses_one_who_exists_and_leaves_the_roles(polytomic, ensure, put, ada):
    bob = polytomic.add_user(ada.organization_id, BOB)
    with pytest.raises(PolytomicTakenError, match=rf"{bob.id}.*if_exists is 'fail'"):
        ensure(roles=["Viewer"], if_exists="fail")
    assert (put(), keys_of(polytomic)) == ([], [])


def test_an_admins_own_key_makes_a_user_of_its_own_organization(polytomic, connect, patience, made, ada):
    hook = connect(password=polytomic.give_key(ada.id))
    found = ensure_user(hook, "current", BOB, ["Viewer"], patience=patience)
    assert [found.value.id] == made()
    assert ensure_user(hook, "current", BOB, ["Admin"], patience=patience).created is False
    assert polytomic.roles_of(found.value.id) == ["Admin"]


def test_stopping_ends_the_waiting(polytomic, ensure, fake_time):
    polytomic.inject("status:409 endpoint=create_user times=always")
    with pytest.raises(PolytomicConflictError):
        ensure(patience=Patience(20.0, stopping=lambda: bool(keys_of(polytomic)), timing=fake_time.timing))
    assert (len(keys_of(polytomic)), fake_time.slept) == (1, [])


def test_once_stopping_nothing_is_asked_for_and_the_next_try_can(polytomic, ensure, made):
    with pytest.raises(PolytomicStoppedError) as caught:
        ensure(patience=Patience(20.0, stopping=lambda: True))
    assert (caught.value.retryable, keys_of(polytomic), made()) == (True, [], [])
    assert ensure().created is True


@pytest.mark.parametrize(
    "given",
    [
        {"email": ""},
        {"email": " bob@acme.example"},
        {"email": None},
        {"email": ["bob@acme.example"]},
        {"if_exists": "", "roles": ["Viewer"]},
        {"if_exists": None, "roles": ["Viewer"]},
        {"roles": "Viewer"},
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(ensure, calls, given):
    with pytest.raises(PolytomicConfigurationError, match="No request was sent"):
        ensure(**given)
    assert calls() == []
