"""One organization, and one user with one invitation, in the end, whatever fails on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic._provisioning.create import Ensured, RetryBudget, ensure_organization, ensure_user
from airflow_provider_polytomic.exceptions import (
    PolytomicAlreadyExistsError,
    PolytomicApiError,
    PolytomicConfigurationError,
    PolytomicConflictError,
    PolytomicConnectionError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
    PolytomicRejectedError,
    PolytomicServerError,
    PolytomicTaskStoppedError,
    PolytomicUnauthorizedError,
    PolytomicUnavailableError,
)

if TYPE_CHECKING:
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
    from airflow_provider_polytomic.testing import PolytomicEmulator

BOB = "Bob@Acme.example"


@dataclass
class Ensuring:
    """One of the two things that are to exist once, as the partner asks for it."""

    kind: str
    polytomic: PolytomicEmulator
    hook: PolytomicHook
    org_id: str
    budget: RetryBudget

    def __call__(self, hook: PolytomicHook | None = None, **given: Any) -> Ensured[Any]:
        given = {"budget": self.budget, **given}
        if self.kind == "organization":
            return ensure_organization(hook or self.hook, "Globex", **given)
        return ensure_user(hook or self.hook, self.org_id, BOB, **given)

    @property
    def made(self) -> list[str]:
        """The ids of those that there are; each user was invited once."""
        if self.kind == "organization":
            return [each.id for each in self.polytomic.organizations() if each.name == "Globex"]
        found = [user.id for user in self.polytomic.users_of(self.org_id) if user.email == BOB.lower()]
        assert [invitation.user_id for invitation in self.polytomic.invitations] == found
        return found

    @property
    def keys(self) -> list[str | None]:
        """The Idempotency-Keys of the requests to make it."""
        return [request.idempotency_key for request in self.polytomic.received(f"create_{self.kind}")]

    def inject(self, fault: str) -> None:
        self.polytomic.inject(f"{fault} endpoint=create_{self.kind}")


@pytest.fixture(params=["organization", "user"])
def ensure(request, polytomic, partner, budget, ada):
    return Ensuring(request.param, polytomic, partner, ada.organization_id, budget)


@pytest.mark.parametrize(
    "fault",
    [
        "drop when=before",
        "drop when=after",
        "drop when=after times=3",
        "status:502 when=after",
        "status:503 when=before",
        "status:408 when=after",
        "status:429",
        "truncated",
    ],
)
def test_an_answer_that_is_lost_within_a_try_is_repeated_under_one_idempotency_key_and_is_its_own(ensure, fault):
    ensure.inject(fault)
    found = ensure(if_exists="fail")
    assert (found.created, [found.value.id]) == (True, ensure.made)
    assert len(set(ensure.keys)) == 1 < len(ensure.keys)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", ["drop", "status:503", "not_json:500"])
def test_an_answer_that_stays_lost_is_left_to_the_next_try_which_looks_first(polytomic, ensure, error, when):
    ensure.inject(f"{error} when={when} times=always")
    with pytest.raises((PolytomicConnectionError, PolytomicUnavailableError)) as caught:
        ensure()
    assert caught.value.retryable
    polytomic.clear_faults()
    found = ensure()
    assert (found.created, [found.value.id]) == (when == "before", ensure.made)
    assert len(set(ensure.keys)) == (2 if when == "before" else 1)


def test_a_recorded_500_is_raised_at_once_and_the_next_try_asks_under_a_fresh_key(ensure):
    ensure.inject("recorded_500")
    with pytest.raises(PolytomicServerError) as caught:
        ensure()
    assert (caught.value.retryable, len(ensure.keys)) == (True, 1)
    assert ensure().created is True
    assert (len(ensure.made), len(set(ensure.keys))) == (1, 2)


@pytest.mark.parametrize(("fault", "waits"), [("late:6", 6), ("status:409 times=2", 0)])
def test_a_request_in_flight_is_waited_for_under_its_own_key(ensure, fake_time, fault, waits):
    ensure.inject(fault)
    assert [ensure().value.id] == ensure.made
    assert len(set(ensure.keys)) == 1 < len(ensure.keys)
    assert sum(fake_time.slept) >= waits


def test_what_stays_in_flight_is_left_to_the_next_try_and_the_error_says_that_it_was_looked_up(polytomic, ensure):
    ensure.inject("late")
    with pytest.raises(PolytomicConflictError) as caught:
        ensure()
    assert (type(caught.value), caught.value.retryable) == (PolytomicConflictError, True)
    assert "was looked up each time" in caught.value.__notes__[0]
    polytomic.release()
    found = ensure()
    assert (found.created, [found.value.id]) == (False, ensure.made)


either_way = pytest.mark.parametrize(
    "polytomic", [{f"existing_{what}": status for what in ("name", "user")} for status in (409, 422)], indirect=True
)


@pytest.fixture
def died_in_flight(ensure, connect):
    """An earlier try, whose request comes three seconds later."""
    ensure.inject("late:3")
    with pytest.raises(PolytomicUnavailableError):
        ensure(connect(stopping=lambda: True))


@either_way
@pytest.mark.parametrize("meanwhile", ["status:429 retry_after=3", "status:503"])
def test_a_late_request_of_an_earlier_try_that_comes_first_is_found(ensure, died_in_flight, fake_time, meanwhile):
    fake_time.seconds += 2.7
    ensure.inject(meanwhile)
    found = ensure()
    assert (found.created, [found.value.id]) == (False, ensure.made)
    assert ensure.polytomic.received(f"create_{ensure.kind}")[-1].status in (409, 422)


@either_way
def test_a_late_request_of_an_earlier_try_that_comes_second_makes_nothing(ensure, died_in_flight, fake_time):
    found = ensure()
    fake_time.seconds += 10
    assert (found.created, [found.value.id]) == (True, ensure.made)
    assert (ensure().created, len(ensure.made)) == (False, 1)


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
def test_a_refusal_is_raised_at_once_and_not_held_against_the_next_try(polytomic, ensure, status, kind):
    ensure.inject(f"status:{status} times=always")
    with pytest.raises(PolytomicApiError) as caught:
        ensure()
    assert (type(caught.value), caught.value.retryable) == (kind, False)
    assert (len(ensure.keys), ensure.made) == (1, [])
    polytomic.clear_faults()
    assert ensure().created is True


def test_fail_refuses_what_exists(ensure, calls):
    assert ensure(if_exists="fail").created is True
    calls()
    with pytest.raises(PolytomicAlreadyExistsError) as caught:
        ensure(if_exists="fail")
    assert (caught.value.reason, caught.value.retryable) == ("exists_already", False)
    assert ensure.made[0] in str(caught.value)
    assert calls() == ["GET"]


def test_stopping_ends_the_waiting(ensure, fake_time):
    ensure.inject("status:409 times=always")
    with pytest.raises(PolytomicConflictError):
        ensure(budget=RetryBudget(20.0, stopping=lambda: bool(ensure.keys), clock=fake_time.clock))
    assert (len(ensure.keys), fake_time.slept) == (1, [])


def test_once_stopping_nothing_is_asked_for_and_the_next_try_can(ensure):
    with pytest.raises(PolytomicTaskStoppedError) as caught:
        ensure(budget=RetryBudget(20.0, stopping=lambda: True))
    assert (caught.value.retryable, ensure.keys, ensure.made) == (True, [], [])
    assert ensure().created is True


@pytest.mark.parametrize("if_exists", ["skip", "", "None", None])
def test_a_choice_that_there_is_not_is_refused_before_anything_is_sent(ensure, calls, if_exists):
    with pytest.raises(PolytomicConfigurationError) as caught:
        ensure(if_exists=if_exists)
    assert caught.value.reason == "not_a_choice"
    assert calls() == []
