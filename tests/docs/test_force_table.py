"""Does the operator do with each thing that a destination can hold what the page says, with ``force`` and without?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.version_compat import AirflowFailException
from tests.docs.pages import rows
from tests.scene import CONNECTION, Scene
from tests.unit.operators.conftest import MONDAY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = rows("docs/create-api-key.md", "With and without `force`")
VARIABLE = "airflow://variable/acme_api_key"
# Issuances are dated by the clock, but not before their run: so a run of 2031 is later than all that is done first.
THE_RUN = MONDAY + timedelta(days=1)


@dataclass
class Trial:
    """A destination, and what is done to it."""

    scene: Scene
    context: Callable[..., dict[str, Any]]
    destination: str = CONNECTION

    def issue(self, at: datetime = THE_RUN, **given: Any) -> dict[str, Any]:
        """Run the operator in a DAG run of its own time."""
        defaults: dict[str, Any] = {"destination": self.destination, "retries": 1, **self.scene.ids}
        returned: dict[str, Any] = PolytomicCreateApiKeyOperator(task_id="issue", **{**defaults, **given}).execute(
            self.context(at)
        )
        return returned

    def put_variable(self, text: str) -> None:
        """Put a text at the destination as a person would, a Variable from now on."""
        self.destination = VARIABLE
        self._variables.write_text(json.dumps({"acme_api_key": text}))

    def stored(self) -> str | None:
        """Return what the destination holds."""
        if self.destination == CONNECTION:
            return self.scene.stored()
        text: str | None = json.loads(self._variables.read_text()).get("acme_api_key")
        return text

    @property
    def _variables(self) -> Path:
        return self.scene.connections.with_name("variables.json")


@pytest.fixture
def trial(scene: Scene, context: Callable[..., dict[str, Any]]) -> Trial:
    return Trial(scene, context)


def a_working_key(trial: Trial) -> None:
    trial.issue(at=MONDAY, force=True)


def a_dead_key(trial: Trial) -> None:
    trial.issue(at=MONDAY, force=True)
    trial.scene.emulator.revoke(trial.scene.emulator.live_key(trial.scene.user.id))


def a_key_by_hand(trial: Trial) -> None:
    key = trial.scene.emulator.give_key(trial.scene.user.id)
    trial.scene.put("acme_polytomic", conn_type="polytomic", host=trial.scene.emulator.base_url, password=key)


def a_key_of_another_user(trial: Trial) -> None:
    trial.issue(user_id=trial.scene.emulator.add_user(trial.scene.user.organization_id, "bob@acme.example").id)


def another_type(trial: Trial) -> None:
    trial.scene.put("acme_polytomic", conn_type="postgres", host="db.example.com", login="app", password="a-password")


def the_issuing_key(trial: Trial) -> None:
    emulator = trial.scene.emulator
    trial.scene.put("acme_polytomic", conn_type="polytomic", host=emulator.base_url, password=emulator.partner_key)


ARRANGE: dict[str, Callable[[Trial], None]] = {
    "nothing": lambda _trial: None,
    "a key issued here that works": a_working_key,
    "a key issued here that is dead": a_dead_key,
    "a `polytomic` connection of this server with a working key of this user, made by hand": a_key_by_hand,
    "a key of another user": a_key_of_another_user,
    "a connection of another type": another_type,
    "a Variable that this operator did not put there": lambda trial: trial.put_variable("a-text-of-somebody"),
    "the key with which `polytomic_conn_id` issues": the_issuing_key,
}


def issues(trial: Trial, **given: Any) -> None:
    held = trial.stored()
    assert trial.issue(**given)["issued"] is True
    assert trial.stored() in trial.scene.emulator.keys_of(trial.scene.user.id)
    assert trial.stored() != held


def issues_and_revokes(trial: Trial, **given: Any) -> None:
    trial.scene.emulator.give_key(trial.scene.user.id)
    issues(trial, **given)
    assert trial.stored() == trial.scene.emulator.live_key(trial.scene.user.id)


def issues_once_a_run(trial: Trial, **given: Any) -> None:
    issues_and_revokes(trial, **given)
    keeps(trial, **given)


def keeps(trial: Trial, **given: Any) -> None:
    held, posts = trial.stored(), len(trial.scene.posts)
    assert trial.issue(**given)["issued"] is False
    assert (trial.stored(), len(trial.scene.posts)) == (held, posts)


def refuses(trial: Trial, **given: Any) -> None:
    held, posts = trial.stored(), len(trial.scene.posts)
    with pytest.raises(AirflowFailException):
        trial.issue(**given)
    assert (trial.stored(), len(trial.scene.posts)) == (held, posts)


def refuses_unless_told(trial: Trial, **given: Any) -> None:
    refuses(trial, **given)
    issues(trial, **given, take_over=True)


def refuses_always(trial: Trial, **given: Any) -> None:
    refuses(trial, **given)
    refuses(trial, **given, take_over=True)


DOES: dict[str, Callable[..., None]] = {
    "issues a key": issues,
    "issues a new one": issues,
    "issues a key, and revokes the user's others": issues_and_revokes,
    "issues a new one; keeps it if this very DAG run issued it": issues_once_a_run,
    "keeps it": keeps,
    "an error, unless `take_over`": refuses_unless_told,
    "an error": refuses_always,
}


def test_every_row_is_tried():
    assert [row[0] for row in ROWS] == list(ARRANGE)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_the_operator_does_what_the_row_says(row: list[str], force: bool, trial: Trial):
    holds, unforced, forced = row
    ARRANGE[holds](trial)
    DOES[forced if force else unforced](trial, force=force)


def test_a_destination_that_is_the_issuing_connection_is_refused(trial: Trial):
    refuses(trial, destination="airflow://connection/polytomic_default")
    assert trial.scene.emulator.requests == []
