"""Is there one organization in the end, whatever went wrong on the way to it?"""

from __future__ import annotations

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
from airflow_provider_polytomic.provisioning import Patience, ensure_organization


@pytest.fixture
def ensure(partner, patience):
    return lambda name="Acme", **given: ensure_organization(partner, name, **{"patience": patience, **given})


@pytest.fixture
def named(polytomic):
    return lambda name="Acme": [each.id for each in polytomic.organizations() if each.name == name]


def keys_of(polytomic) -> list[str | None]:
    return [request.idempotency_key for request in polytomic.received("create_organization")]


def test_one_that_is_not_there_is_made_with_its_settings(polytomic, ensure, named, calls):
    found = ensure(settings={"sso_domain": "acme.example"})
    assert (found.created, [found.value.id]) == (True, named())
    assert polytomic.organizations()[-1].sso_domain == "acme.example"
    assert calls() == ["GET", "POST"]


def test_one_that_is_there_is_returned_and_left_as_it_is(polytomic, ensure, calls):
    there = polytomic.add_organization("Acme")
    found = ensure(settings={"sso_domain": "other.example"})
    assert (found.created, found.value.id, found.value.sso_domain) == (False, there.id, None)
    assert calls() == ["GET"]


def test_the_name_is_compared_exactly(polytomic, ensure, named):
    polytomic.add_organization("ACME")
    assert ensure().created is True
    assert (len(named()), len(named("ACME"))) == (1, 1)


@pytest.mark.parametrize(
    "fault",
    [
        "drop when=before",
        "drop when=after",
        "drop when=after times=3",
        "status:502 when=after",
        "status:503 when=before",
        "status:504 when=after",
        "status:408 when=after",
        "status:429",
        "truncated",
    ],
)
def test_an_answer_that_is_lost_within_a_try_is_repeated_under_one_idempotency_key(polytomic, ensure, named, fault):
    polytomic.inject(f"{fault} endpoint=create_organization")
    found = ensure()
    assert (found.created, [found.value.id]) == (True, named())
    assert len(set(keys_of(polytomic))) == 1 < len(keys_of(polytomic))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", ["drop", "status:503", "not_json:500"])
def test_an_answer_that_stays_lost_is_left_to_the_next_try_which_looks_first(polytomic, ensure, named, error, when):
    polytomic.inject(f"{error} when={when} endpoint=create_organization times=always")
    with pytest.raises((PolytomicNoAnswerError, PolytomicUnavailableError)) as caught:
        ensure()
    assert caught.value.retryable
    polytomic.clear_faults()
    found = ensure()
    assert (found.created, [found.value.id]) == (when == "before", named())
    assert len(set(keys_of(polytomic))) == (2 if when == "before" else 1)


def test_a_recorded_500_is_raised_at_once_and_the_next_try_asks_under_a_fresh_key(polytomic, ensure, named):
    polytomic.inject("recorded_500 endpoint=create_organization")
    with pytest.raises(PolytomicServerError, match="very answer again") as caught:
        ensure()
    assert (caught.value.retryable, len(keys_of(polytomic))) == (True, 1)
    assert ensure().created is True
    assert (len(named()), len(set(keys_of(polytomic)))) == (1, 2)


def test_a_request_in_flight_is_waited_for_under_its_own_key(polytomic, ensure, named, fake_time):
    polytomic.inject("late:6 endpoint=create_organization")
    found = ensure()
    assert [found.value.id] == named()
    assert len(set(keys_of(polytomic))) == 1
    assert sum(fake_time.slept) >= 6


def test_a_409_in_flight_is_followed_by_a_200(polytomic, ensure, named):
    polytomic.inject("status:409 endpoint=create_organization times=2")
    assert ensure().created is True
    assert len(keys_of(polytomic)) == 3
    assert len(named()) == len(set(keys_of(polytomic))) == 1


def test_what_stays_in_flight_is_left_to_the_next_try_and_says_that_it_was_looked_for(polytomic, ensure, named):
    polytomic.inject("late endpoint=create_organization")
    with pytest.raises(PolytomicConflictError) as caught:
        ensure()
    assert (type(caught.value), caught.value.retryable) == (PolytomicConflictError, True)
    assert "not there, at least not under this very name" in caught.value.__notes__[0]
    polytomic.release()
    found = ensure()
    assert (found.created, [found.value.id]) == (False, named())


@pytest.fixture
def died_in_flight(polytomic, connect, patience):
    """An earlier try, whose request comes three seconds later."""
    polytomic.inject("late:3 endpoint=create_organization")
    with pytest.raises(PolytomicUnavailableError):
        ensure_organization(connect(retry_for=1.0), "Acme", patience=patience)


either_way = pytest.mark.parametrize("polytomic", [{"existing_name": 409}, {"existing_name": 422}], indirect=True)


@either_way
@pytest.mark.parametrize("meanwhile", ["status:429 retry_after=3", "status:503"])
def test_a_late_request_of_an_earlier_try_that_comes_first_is_found(
    polytomic, died_in_flight, ensure, named, fake_time, *, meanwhile
):
    fake_time.seconds += 2.7
    polytomic.inject(f"{meanwhile} endpoint=create_organization")
    found = ensure()
    assert (found.created, [found.value.id]) == (False, named())
    assert polytomic.received("create_organization")[-1].status in (409, 422)


@either_way
def test_a_late_request_of_an_earlier_try_that_comes_second_makes_nothing(
    polytomic, died_in_flight, ensure, named, fake_time
):
    found = ensure()
    fake_time.seconds += 10
    assert (found.created, [found.value.id]) == (True, named())
    assert (ensure().created, len(named())) == (False, 1)


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
def test_a_refusal_is_raised_at_once_and_not_repeated(polytomic, ensure, named, status, kind):
    polytomic.inject(f"status:{status} endpoint=create_organization times=always")
    with pytest.raises(PolytomicApiError) as caught:
        ensure()
    assert (type(caught.value), caught.value.retryable) == (kind, False)
    assert (len(keys_of(polytomic)), named()) == (1, [])


def test_a_cause_that_was_put_right_is_not_held_against_the_next_try(polytomic, ensure, named):
    polytomic.inject("status:422 endpoint=create_organization")
    with pytest.raises(PolytomicRejectedError):
        ensure()
    assert ensure().created is True
    assert len(named()) == 1


def test_fail_refuses_one_that_exists_and_makes_one_that_does_not(polytomic, ensure, named, calls):
    assert ensure(if_exists="fail").created is True
    calls()
    with pytest.raises(PolytomicTakenError, match=rf"exists already \({named()[0]}\).*Nothing was changed") as caught:
        ensure(if_exists="fail")
    assert caught.value.retryable is False
    assert calls() == ["GET"]


def test_fail_counts_a_lost_answer_of_the_same_try_as_its_own(polytomic, ensure, named):
    polytomic.inject("drop when=after endpoint=create_organization")
    assert ensure(if_exists="fail").created is True
    assert len(named()) == 1


def test_a_server_that_compares_names_without_case_is_told_of_at_once(polytomic, ensure, named):
    other = polytomic.add_organization("ACME")
    polytomic.inject("status:409 endpoint=create_organization times=always")
    with pytest.raises(PolytomicTakenError, match=rf"there is 'ACME' \({other.id}\)"):
        ensure()
    assert (len(keys_of(polytomic)), named()) == (1, [])


def test_a_name_in_another_case_is_not_blamed_while_a_request_of_ours_may_be_in_flight(polytomic, ensure, named):
    polytomic.add_organization("ACME")
    polytomic.inject("late:6 endpoint=create_organization")
    assert ensure().value.id == named()[0]
    assert len(named()) == 1


def test_a_name_in_another_case_is_not_blamed_for_what_else_is_refused(polytomic, ensure):
    polytomic.add_organization("ACME")
    polytomic.inject("status:422 endpoint=create_organization")
    with pytest.raises(PolytomicRejectedError):
        ensure()


def test_stopping_ends_the_waiting(polytomic, ensure, fake_time):
    polytomic.inject("status:409 endpoint=create_organization times=always")
    with pytest.raises(PolytomicConflictError):
        ensure(patience=Patience(20.0, stopping=lambda: bool(keys_of(polytomic)), timing=fake_time.timing))
    assert (len(keys_of(polytomic)), fake_time.slept) == (1, [])


def test_once_stopping_nothing_is_asked_for_and_the_next_try_can(polytomic, ensure, named):
    with pytest.raises(PolytomicStoppedError) as caught:
        ensure(patience=Patience(20.0, stopping=lambda: True))
    assert (caught.value.retryable, keys_of(polytomic), named()) == (True, [], [])
    assert ensure().created is True


@pytest.mark.parametrize("given", [{"name": ""}, {"name": " Acme"}, {"name": None}, {"if_exists": "skip"}])
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(ensure, calls, given):
    with pytest.raises(PolytomicConfigurationError, match="No request was sent"):
        ensure(**given)
    assert calls() == []
