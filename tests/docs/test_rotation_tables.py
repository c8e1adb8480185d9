"""Is it true what the pages say of whose key is due, whose turn it is, and what a rotation costs? Each row, tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.issuing import Renew
from airflow_provider_polytomic.operators.rotation import PolytomicRotateApiKeyOperator
from airflow_provider_polytomic.targets import Target
from airflow_provider_polytomic.version_compat import AirflowFailException
from tests.docs.mortal import Killed
from tests.docs.pages import codes, rows
from tests.docs.test_crash_table import Customer
from tests.integration.test_rotation import ROUND_TRIPS, pass_
from tests.scene import CONNECTION, Scene
from tests.unit.operators.conftest import MONDAY

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEDULE, TURNS = "docs/rotate-on-a-schedule.md", "docs/rotate-without-an-outage.md"
DUE, WHOSE = rows(SCHEDULE, "Which key is due"), rows(TURNS, "Whose turn it is")
WEEKS = rows(TURNS, "What happens each week")
DAY, WEEK = timedelta(days=1), timedelta(days=7)
LAST, THIS = MONDAY, MONDAY + WEEK


@dataclass
class Trial:
    """A customer with a second user, and a task that rotates."""

    scene: Scene
    context: Callable[..., dict[str, Any]]
    standby_id: str

    @property
    def both(self) -> dict[str, str]:
        """The standby user, as the operator takes it."""
        return {"standby_user_id": self.standby_id}

    def rotate(self, at: datetime, **given: Any) -> dict[str, Any]:
        """Run the task in a DAG run of that time."""
        arguments = {"destination": CONNECTION, "max_age": 6 * DAY, "retries": 1, **self.scene.ids, **given}
        operator = PolytomicRotateApiKeyOperator(task_id="rotate", **arguments)
        returned: dict[str, Any] = operator.execute(self.context(at))
        return returned

    def live(self, user_id: str) -> list[str]:
        """Return the keys of a user that work."""
        return self.scene.emulator.keys_of(user_id)

    def die(self, at: datetime, method: str) -> None:
        """Die after a call of that method, in a rotation by turns."""
        standby = Target(self.scene.user.organization_id, self.standby_id)
        customer = Customer(self.scene, Target.parse(**self.scene.ids), CONNECTION, standby)
        with pytest.raises(Killed):
            customer.attempt(Renew(at), method)


@pytest.fixture
def trial(scene: Scene, context: Callable[..., dict[str, Any]]) -> Trial:
    standby = scene.emulator.add_user(scene.user.organization_id, "standby@acme.example")
    return Trial(scene, context, standby.id)


# Of the past: a record that says it was issued in the future is not believed.
NOW = datetime.now(UTC)
RUNS = {
    "this week's, first try": NOW,
    "this week's, retried or cleared": NOW,
    "of four weeks ago, cleared or backfilled": NOW - 4 * WEEK,
    "triggered by hand in between": NOW - DAY,
}


@pytest.fixture
def since_last_week(trial: Trial) -> Trial:
    """Last week's run has rotated, some moments after its time, and a week has passed."""
    trial.rotate(NOW - WEEK)
    pass_(trial.scene, WEEK)
    return trial


@pytest.mark.parametrize("row", DUE, ids=lambda row: row[0])
def test_due_is_what_the_row_says(row: list[str], since_last_week: Trial):
    run, of_this_run, of_last_week = row
    assert [each[0] for each in DUE] == list(RUNS)
    assert since_last_week.rotate(RUNS[run])["issued"] is (of_last_week == "rotated")
    since_last_week.rotate(NOW)
    assert since_last_week.scene.emulator.minted() == 2
    if of_this_run != "there is none yet":
        assert since_last_week.rotate(RUNS[run])["issued"] is (of_this_run == "rotated")


def test_a_max_age_of_the_interval_itself_would_rotate_every_second_week(since_last_week: Trial):
    assert since_last_week.rotate(NOW, max_age=WEEK)["issued"] is False
    assert since_last_week.rotate(NOW)["issued"] is True


def test_by_hand_a_key_that_is_older_than_it_may_be_is_rotated(since_last_week: Trial):
    assert since_last_week.rotate(NOW - DAY)["issued"] is False
    assert since_last_week.rotate(NOW - DAY, max_age=5 * DAY)["issued"] is True


def test_a_rotation_sends_the_requests_that_the_page_says(trial: Trial):
    told = {codes(row[0])[0]: int(row[1]) for row in rows(SCHEDULE, "Which key is due", 1)}
    assert told == ROUND_TRIPS
    trial.rotate(LAST)
    for at, given, more in ((THIS, {}, 0), (THIS + WEEK, trial.both, 1)):
        before = trial.scene.emulator.counts()
        trial.rotate(at, **given)
        sent = {name: count - before[name] for name, count in trial.scene.emulator.counts().items()}
        assert sent == told | {"get_identity": told["get_identity"] + more}


def test_each_week_the_key_is_issued_and_the_other_lives_and_dies_as_the_rows_say(trial: Trial):
    users = {"`user_id`": trial.scene.user.id, "`standby_user_id`": trial.standby_id}
    stored: dict[str, str] = {}
    for number, (week, issued, works, dies) in enumerate(WEEKS):
        owner = users[issued.removeprefix("a key of ")]
        others = {user: trial.scene.emulator.give_key(user) for user in users.values()} if number < 2 else {}
        assert trial.rotate(LAST + number * WEEK, **trial.both)["user_id"] == owner
        stored[week] = trial.scene.stored() or ""
        live = [key for user in users.values() for key in trial.live(user)]
        assert trial.live(owner) == [stored[week]]
        if works.startswith("week "):
            assert stored[works[len("week ")]] in live
        if dies.startswith("week "):
            assert stored[dies[len("week ")]] not in live
        else:
            assert others[users[dies.removeprefix("the other keys of ")]] not in live


def nothing(_trial: Trial) -> None:
    """Leave it as it is."""


def a_working_key_of_one(trial: Trial) -> None:
    trial.rotate(LAST, **trial.both)


def a_dead_key_of_one(trial: Trial) -> None:
    trial.rotate(LAST, **trial.both)
    trial.scene.emulator.revoke(trial.scene.stored() or "")


def interrupted_before_storing(trial: Trial) -> None:
    trial.rotate(LAST, **trial.both)
    trial.die(THIS, "create_api_key")


def interrupted_after_storing(trial: Trial) -> None:
    trial.rotate(LAST, **trial.both)
    trial.die(THIS, "write")


def a_third_users_key(trial: Trial) -> None:
    third = trial.scene.emulator.add_user(trial.scene.user.organization_id, "third@acme.example")
    trial.rotate(LAST, user_id=third.id)


ARRANGE: dict[str, Callable[[Trial], None]] = {
    "nothing is stored, and there is no record": nothing,
    "a working key of one of the two: Polytomic itself tells whose": a_working_key_of_one,
    "a dead key, with a record of whose it is": a_dead_key_of_one,
    "a rotation that was interrupted before it stored its key": interrupted_before_storing,
    "a rotation that was interrupted after it stored its key": interrupted_after_storing,
    "a working key of a third user": a_third_users_key,
}


def issues_for(trial: Trial, user_id: str) -> None:
    told = trial.rotate(THIS, **trial.both)
    assert (told["issued"], told["user_id"]) == (True, user_id)
    assert trial.live(user_id) == [trial.scene.stored()]


def the_same_again(trial: Trial) -> None:
    issues_for(trial, trial.standby_id)
    assert len(set(trial.scene.idempotency_keys[1:])) == 1
    assert (len(trial.scene.posts), trial.scene.emulator.minted()) == (3, 2)


def finishes(trial: Trial) -> None:
    posts, stored = len(trial.scene.posts), trial.scene.stored()
    assert trial.rotate(THIS, **trial.both)["user_id"] == trial.standby_id
    assert (len(trial.scene.posts), trial.scene.stored()) == (posts, stored)


def refuses_unless_told(trial: Trial) -> None:
    posts, stored = len(trial.scene.posts), trial.scene.stored()
    with pytest.raises(AirflowFailException, match="take_over"):
        trial.rotate(THIS, **trial.both)
    assert (len(trial.scene.posts), trial.scene.stored()) == (posts, stored)
    assert trial.rotate(THIS, take_over=True, **trial.both)["issued"] is True


DOES: dict[str, Callable[[Trial], None]] = {
    "`user_id`'s": lambda trial: issues_for(trial, trial.scene.user.id),
    "the other one's": lambda trial: issues_for(trial, trial.standby_id),
    "the same user's again, under the same Idempotency-Key": the_same_again,
    "nobody's: it is finished": finishes,
    "nobody's: an error, unless `take_over`": refuses_unless_told,
}


def test_of_whose_turn_it_is_every_row_is_tried():
    assert [row[0] for row in WHOSE] == list(ARRANGE)


@pytest.mark.parametrize("row", WHOSE, ids=lambda row: row[0][:40])
def test_it_is_the_turn_of_whom_the_row_says(row: list[str], trial: Trial):
    found, whose = row
    ARRANGE[found](trial)
    DOES[whose](trial)
