"""Are roles changed, and users and organizations removed, only where what was found is what was meant?"""

from __future__ import annotations

import logging

import pytest

from airflow_provider_polytomic.deprovisioning import remove_organization, remove_user
from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicNoAnswerError,
    PolytomicNotFoundError,
)
from airflow_provider_polytomic.provisioning import change_roles

PROXYS = 'status:404 body="<p>no such host</p>"'


@pytest.fixture
def change(partner, bob):
    def change_bob(roles, user_id=bob.id, expected_email=None):
        return change_roles(partner, bob.organization_id, user_id, roles, expected_email=expected_email)

    return change_bob


@pytest.mark.parametrize(("asked", "changed"), [(["Admin"], True), (["viewer"], False)])
@pytest.mark.parametrize("expected_email", [None, "Bob@Acme.Example"])
def test_roles_are_changed_where_they_are_others(polytomic, change, calls, bob, *, asked, changed, expected_email):
    user, told = change(asked, expected_email=expected_email)
    assert (user.id, told) == (bob.id, changed)
    assert polytomic.roles_of(bob.id) == [asked[0].title()]
    assert calls() == ["GET", "GET", *(["GET", "PUT"] if changed else [])]


@pytest.mark.parametrize("expected_email", ["ada@acme.example", "None"])
def test_another_users_roles_are_not_changed(polytomic, change, calls, bob, expected_email):
    with pytest.raises(PolytomicConfigurationError, match=r"is 'bob@acme\.example', not .* Nothing was changed"):
        change(["Admin"], expected_email=expected_email)
    assert (calls(), polytomic.roles_of(bob.id)) == (["GET"], ["Viewer"])


def test_the_callers_own_roles_are_not_changed(polytomic, connect, calls, ada):
    hook = connect(password=polytomic.give_key(ada.id))
    with pytest.raises(PolytomicConfigurationError, match=r"locked out\. Nothing was changed"):
        change_roles(hook, "current", ada.id, ["Viewer"], expected_email=None)
    assert calls() == ["GET", "GET", "GET"]
    assert change_roles(hook, "current", ada.id, ["Admin"], expected_email=None)[1] is False
    assert polytomic.roles_of(ada.id) == ["Admin"]


@pytest.mark.parametrize(("roles", "expected_email"), [([], None), (["Admin"], ""), (["Admin"], " bob@acme.example")])
def test_a_change_that_cannot_be_meant_is_refused_before_anything_is_sent(change, calls, roles, expected_email):
    with pytest.raises(PolytomicConfigurationError, match="No request was sent"):
        change(roles, expected_email=expected_email)
    assert calls() == []


@pytest.mark.parametrize("expected_email", [None, "bob@acme.example", "BOB@ACME.EXAMPLE"])
def test_a_user_is_removed_and_so_is_the_key(polytomic, remove, there, calls, bob, *, expected_email):
    polytomic.give_key(bob.id)
    assert remove(expected_email=expected_email).id == bob.id
    assert there() == ["Acme", "ada@acme.example"]
    assert calls() == ["GET", "GET", "DELETE"]
    assert polytomic.keys_of(bob.id) == []


@pytest.mark.parametrize(
    "expected_email", ["ada@acme.example", "None", "bob@acme.example.evil", "bob@a\u0441me.example"]
)
def test_another_user_is_not_removed(remove, there, expected_email):
    before = there()
    with pytest.raises(PolytomicConfigurationError, match="as expected"):
        remove(expected_email=expected_email)
    assert there() == before


def test_an_expectation_that_is_empty_lets_nobody_through(remove, calls):
    with pytest.raises(PolytomicConfigurationError, match=r"expected_email.*No request was sent"):
        remove(expected_email="")
    assert calls() == []


def test_the_user_whose_key_asks_is_not_removed(polytomic, connect, ada, there):
    before = there()
    hook = connect(password=polytomic.give_key(ada.id))
    with pytest.raises(PolytomicConfigurationError, match="lock this DAG out"):
        remove_user(hook, "current", ada.id, expected_email=None, ignore_if_missing=True)
    assert there() == before


def test_an_organization_is_deleted_with_its_users(delete, there, calls):
    assert delete().name == "Acme"
    assert there() == []
    assert calls() == ["GET", "GET", "DELETE"]


@pytest.mark.parametrize("expected_name", ["ACME", "Acm", "Globex"])
def test_an_organization_of_another_name_is_not_deleted(delete, there, expected_name):
    with pytest.raises(PolytomicConfigurationError, match=rf"is 'Acme', not '{expected_name}' as expected"):
        delete(expected_name=expected_name)
    assert there() == ["Acme", "ada@acme.example"]


@pytest.mark.parametrize("expected_name", ["", " ", None, "Acme "])
def test_an_organization_is_deleted_by_its_name_only(delete, calls, expected_name):
    with pytest.raises(PolytomicConfigurationError, match=r"expected_name.*No request was sent"):
        delete(expected_name=expected_name)
    assert calls() == []


def test_the_partners_own_organization_is_not_deleted(polytomic, delete):
    with pytest.raises(PolytomicConfigurationError, match=r"itself belongs to.*Nothing was deleted"):
        delete(polytomic.owner.id, polytomic.owner.name)
    assert polytomic.received("delete_organization") == []


def test_the_organization_of_a_users_key_is_not_deleted_by_that_key(polytomic, connect, ada):
    hook = connect(password=polytomic.give_key(ada.id))
    with pytest.raises(PolytomicConfigurationError, match="itself belongs to"):
        remove_organization(hook, "current", expected_name="Acme", ignore_if_missing=True)
    assert polytomic.received("delete_organization") == []


@pytest.mark.parametrize("what", ["user", "organization"])
def test_a_404_of_a_proxy_is_never_missing(polytomic, remove, delete, there, what):
    before = there()
    polytomic.inject(f"{PROXYS} endpoint=get_{what}")
    with pytest.raises(PolytomicNotFoundError) as caught:
        {"user": remove, "organization": delete}[what](ignore_if_missing=True)
    assert caught.value.own_words is False
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
def test_what_somebody_else_removes_in_between_is_missing(polytomic, remove, delete, what):
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
    with caplog.at_level(logging.INFO, "airflow_provider_polytomic"), pytest.raises(PolytomicNoAnswerError):
        {"user": remove, "organization": delete}[what]()
    said = [record.getMessage() for record in caplog.records if "for good" in record.getMessage()]
    named = {"user": (bob.email, bob.id), "organization": ("Acme", ada.organization_id)}[what]
    assert len(said) == 1
    assert all(each in said[0] for each in named)
