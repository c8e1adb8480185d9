"""Changes of roles, and deletions: only of the expected user or organization."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_polytomic._provisioning.create import change_roles
from airflow_provider_polytomic._provisioning.delete import delete_organization, delete_user
from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicConnectionError,
    PolytomicNotFoundError,
)

PROXYS = 'status:404 body="<p>no such host</p>"'


@pytest.fixture
def change(partner, bob):
    def change_bob(roles, user_id=bob.id, expected_email=None):
        return change_roles(partner, bob.organization_id, user_id, roles, expected_email=expected_email)

    return change_bob


@pytest.mark.parametrize(("asked", "changed"), [(["Admin"], True), (["viewer"], False)])
@pytest.mark.parametrize("expected_email", [None, "Bob@Acme.Example"])
def test_roles_are_changed_where_they_are_others(polytomic, change, calls, bob, *, asked, changed, expected_email):
    user, updated = change(asked, expected_email=expected_email)
    assert (user.id, updated) == (bob.id, changed)
    assert polytomic.roles_of(bob.id) == [asked[0].title()]
    assert calls() == ["GET", "GET", *(["GET", "PUT"] if changed else [])]


@pytest.mark.parametrize("expected_email", ["ada@acme.example", "None"])
def test_another_users_roles_are_not_changed(polytomic, change, calls, bob, expected_email):
    with pytest.raises(PolytomicConfigurationError) as caught:
        change(["Admin"], expected_email=expected_email)
    assert (caught.value.reason, caught.value.state) == ("email_mismatch", "Nothing was changed.")
    assert (calls(), polytomic.roles_of(bob.id)) == (["GET"], ["Viewer"])


def test_the_callers_own_roles_are_not_changed(polytomic, connect, calls, ada):
    hook = connect(password=polytomic.give_key(ada.id))
    with pytest.raises(PolytomicConfigurationError) as caught:
        change_roles(hook, "current", ada.id, ["Viewer"], expected_email=None)
    assert (caught.value.reason, caught.value.state) == ("own_user", "Nothing was changed.")
    assert calls() == ["GET", "GET", "GET"]
    assert change_roles(hook, "current", ada.id, ["Admin"], expected_email=None)[1] is False
    assert polytomic.roles_of(ada.id) == ["Admin"]


@pytest.mark.parametrize(
    ("roles", "expected_email", "reason"),
    [([], None, "roles_missing"), (["Admin"], "", "not_a_name"), (["Admin"], " bob@acme.example", "not_a_name")],
)
def test_a_change_that_cannot_be_meant_is_refused_before_anything_is_sent(change, calls, roles, expected_email, reason):
    with pytest.raises(PolytomicConfigurationError) as caught:
        change(roles, expected_email=expected_email)
    assert caught.value.reason == reason
    assert calls() == []


@pytest.mark.parametrize("expected_email", [None, "bob@acme.example", "BOB@ACME.EXAMPLE"])
def test_a_user_is_removed_and_so_is_the_key(polytomic, remove, there, calls, bob, *, expected_email):
    polytomic.give_key(bob.id)
    assert remove(expected_email=expected_email).id == bob.id
    assert there() == ["Acme", "ada@acme.example"]
    assert calls() == ["GET", "GET", "DELETE"]
    assert polytomic.keys_of(bob.id) == []


@pytest.mark.parametrize(
    ("expected_email", "reason", "requests"),
    [
        ("ada@acme.example", "email_mismatch", ["GET"]),
        ("None", "email_mismatch", ["GET"]),
        ("bob@acme.example.evil", "email_mismatch", ["GET"]),
        ("bob@a\u0441me.example", "email_mismatch", ["GET"]),
        ("", "not_a_name", []),
    ],
)
def test_another_user_is_not_removed(remove, calls, expected_email, reason, requests):
    with pytest.raises(PolytomicConfigurationError) as caught:
        remove(expected_email=expected_email)
    assert caught.value.reason == reason
    assert calls() == requests


def test_the_user_whose_key_asks_is_not_removed(polytomic, connect, ada, there):
    before = there()
    hook = connect(password=polytomic.give_key(ada.id))
    with pytest.raises(PolytomicConfigurationError) as caught:
        delete_user(hook, "current", ada.id, expected_email=None, ignore_if_missing=True)
    assert caught.value.reason == "own_user"
    assert there() == before


def test_an_organization_is_deleted_with_its_users(delete, there, calls):
    assert delete().name == "Acme"
    assert there() == []
    assert calls() == ["GET", "GET", "DELETE"]


@pytest.mark.parametrize(
    ("expected_name", "reason", "requests"),
    [
        ("ACME", "name_mismatch", ["GET"]),
        ("Acm", "name_mismatch", ["GET"]),
        ("", "not_a_name", []),
        (None, "not_a_name", []),
        ("Acme ", "not_a_name", []),
    ],
)
def test_an_organization_is_deleted_by_its_very_name_only(delete, calls, expected_name, reason, requests):
    with pytest.raises(PolytomicConfigurationError) as caught:
        delete(expected_name=expected_name)
    assert caught.value.reason == reason
    assert calls() == requests


@pytest.mark.parametrize("caller", ["partner", "user"])
def test_the_organization_of_the_key_that_asks_is_not_deleted(polytomic, connect, ada, caller):
    hook = connect(**({"password": polytomic.give_key(ada.id)} if caller == "user" else {}))
    org_id, name = ("current", "Acme") if caller == "user" else (polytomic.owner.id, polytomic.owner.name)
    with pytest.raises(PolytomicConfigurationError) as caught:
        delete_organization(hook, org_id, expected_name=name, ignore_if_missing=True)
    assert (caught.value.reason, caught.value.state) == ("own_organization", "Nothing was deleted.")
    assert polytomic.received("delete_organization") == []


@pytest.mark.parametrize("what", ["user", "organization"])
def test_a_404_of_a_proxy_is_never_missing(polytomic, remove, delete, there, what):
    before = there()
    polytomic.inject(f"{PROXYS} endpoint=get_{what}")
    with pytest.raises(PolytomicNotFoundError) as caught:
        {"user": remove, "organization": delete}[what](ignore_if_missing=True)
    assert caught.value.is_from_polytomic is False
    polytomic.inject(f"{PROXYS} endpoint=delete_{what}")
    with pytest.raises(PolytomicNotFoundError):
        {"user": remove, "organization": delete}[what](ignore_if_missing=True)
    assert there() == before


@pytest.mark.parametrize("what", ["user", "organization"])
@pytest.mark.parametrize("fault", ["drop when=before", "drop when=after", "status:500 when=after"])
def test_a_removal_whose_answer_was_lost_ends_well(polytomic, remove, delete, there, what, *, fault):
    polytomic.inject(f"{fault} endpoint=delete_{what}")
    assert {"user": remove, "organization": delete}[what]() is not None
    assert there() == {"user": ["Acme", "ada@acme.example"], "organization": []}[what]


@pytest.mark.parametrize("what", ["user", "organization"])
def test_what_another_process_deletes_in_between_is_missing(polytomic, remove, delete, what):
    missing = '{"key": "not_found", "message": "not found", "metadata": {}, "status": 404}'
    for ignore in (False, True):
        polytomic.inject(f"status:404 body='{missing}' endpoint=delete_{what}")
        if ignore:
            assert {"user": remove, "organization": delete}[what](ignore_if_missing=True) is not None
        else:
            with pytest.raises(PolytomicNotFoundError):
                {"user": remove, "organization": delete}[what]()


@pytest.mark.parametrize("what", ["user", "organization"])
def test_what_is_about_to_go_is_said_before_it_goes(polytomic, remove, delete, caplog, *, bob, ada, what):
    polytomic.inject(f"drop when=before endpoint=delete_{what} times=always")
    with caplog.at_level(logging.INFO, "airflow_provider_polytomic"), pytest.raises(PolytomicConnectionError):
        {"user": remove, "organization": delete}[what]()
    said = [record.getMessage() for record in caplog.records if "for good" in record.getMessage()]
    named = {"user": (bob.email, bob.id), "organization": ("Acme", ada.organization_id)}[what]
    assert len(said) == 1
    assert all(each in said[0] for each in named)
