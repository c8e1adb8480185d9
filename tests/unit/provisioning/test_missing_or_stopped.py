"""What is missing counts as deleted only if no other object is meant; nothing is deleted after a kill."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicNotFoundError,
    PolytomicTaskStoppedError,
)

NOBODY = "00000000-0000-4000-8000-000000000000"
PROXYS = 'status:404 body="<p>no such host</p>"'
both = pytest.mark.parametrize("what", ["user", "organization"])


@pytest.fixture
def away(remove, delete):
    """Remove either."""
    return lambda what, *given, **more: {"user": remove, "organization": delete}[what](*given, **more)


@both
@pytest.mark.parametrize("expected", [None, "Nobody at all"])
def test_what_is_missing_is_an_error_unless_that_is_to_be_ignored(away, there, calls, what, expected):
    before, given = there(), [NOBODY, *([expected] if expected or what == "user" else ["Globex"])]
    with pytest.raises(PolytomicNotFoundError):
        away(what, *given)
    assert calls() == ["GET"]
    assert away(what, *given, ignore_if_missing=True) is None
    # Without an expectation, there is nothing to look up.
    assert calls() == ["GET", *(["GET"] if expected or what == "organization" else [])]
    assert there() == before


@pytest.mark.parametrize(
    ("what", "expected", "another"),
    [
        ("user", "bob@acme.example", "bob"),
        ("user", "BOB@Acme.example", "bob"),
        ("user", "ada@acme.example", "ada"),
        ("organization", "Acme", "acme"),
    ],
)
def test_a_mistyped_id_is_not_taken_for_missing_while_another_has_the_name(
    away, there, calls, ada, bob, *, what, expected, another
):
    before = there()
    id_of_another = {"bob": bob.id, "ada": ada.id, "acme": ada.organization_id}[another]
    with pytest.raises(PolytomicConfigurationError) as caught:
        away(what, NOBODY, expected, ignore_if_missing=True)
    assert (caught.value.reason, caught.value.state) == ("id_mismatch", "Nothing was deleted.")
    assert id_of_another in str(caught.value)
    assert (calls(), there()) == (["GET", "GET"], before)


@pytest.mark.parametrize(("what", "alike"), [("organization", "ACME"), ("user", "bob@acme.example.evil")])
def test_one_that_is_called_alike_only_is_not_another(away, what, alike):
    assert away(what, NOBODY, alike, ignore_if_missing=True) is None


def test_a_user_whose_organization_is_gone_is_gone_too(remove):
    assert remove(org_id=NOBODY, expected_email="bob@acme.example", ignore_if_missing=True) is None


@pytest.mark.parametrize(
    ("what", "expected", "endpoint"),
    [
        ("user", "eve@acme.example", "get_user"),
        ("user", "eve@acme.example", "list_users"),
        ("organization", "Globex", "get_organization"),
        ("organization", "Globex", "list_organizations"),
    ],
)
def test_a_404_of_a_proxy_says_nothing_of_who_is_missing(polytomic, away, what, expected, endpoint):
    polytomic.inject(f"{PROXYS} endpoint={endpoint}")
    with pytest.raises(PolytomicNotFoundError) as caught:
        away(what, NOBODY, expected, ignore_if_missing=True)
    assert caught.value.is_from_polytomic is False


@both
def test_once_stopping_nothing_is_removed_and_the_next_try_can(polytomic, away, there, what):
    before = there()
    # Asked to stop only after every check: that is the last moment.
    with pytest.raises(PolytomicTaskStoppedError) as caught:
        away(what, stopping=lambda: bool(polytomic.received("get_identity")))
    assert caught.value.retryable is True
    assert (there(), polytomic.received(f"delete_{what}")) == (before, [])
    assert away(what) is not None
    assert there() != before
