"""Does the operator do with each thing that a destination can hold what the page says, with ``force`` and without?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.version_compat import AirflowFailException
from tests.docs.pages import rows
from tests.scene import CONNECTION, Scene
from tests.unit.operators.conftest import MONDAY

if TYPE_CHECKING:
    from collections.abc import Callable

    Context = Callable[..., dict[str, Any]]
    Issue = Callable[..., dict[str, Any]]

ROWS = rows("docs/create-api-key.md", "With and without `force`")
# Issuances are dated by the clock, but not before their run: so a run of 2031 is later than all that is done first.
THE_RUN = MONDAY + timedelta(days=1)


@pytest.fixture
def issue(scene: Scene, context: Context) -> Issue:
    """Run the operator in a DAG run of its own time."""

    def run(at: Any = THE_RUN, **given: Any) -> dict[str, Any]:
        defaults: dict[str, Any] = {"destination": CONNECTION, "retries": 1, **scene.ids}
        return PolytomicCreateApiKeyOperator(task_id="issue", **{**defaults, **given}).execute(context(at))

    return run


def _nothing(_scene: Scene, _issue: Issue) -> dict[str, Any]:
    return {}


def _working(_scene: Scene, issue: Issue) -> dict[str, Any]:
    issue(at=MONDAY, force=True)
    return {}


def _dead(scene: Scene, issue: Issue) -> dict[str, Any]:
    issue(at=MONDAY, force=True)
    scene.emulator.revoke(scene.emulator.live_key(scene.user.id))
    return {}


def _by_hand(scene: Scene, _issue: Issue) -> dict[str, Any]:
    key = scene.emulator.give_key(scene.user.id)
    scene.put("acme_polytomic", conn_type="polytomic", host=scene.emulator.base_url, password=key)
    return {}


def _of_another_user(scene: Scene, issue: Issue) -> dict[str, Any]:
    issue(user_id=scene.emulator.add_user(scene.user.organization_id, "bob@acme.example").id)
    return {}


def _foreign(scene: Scene, _issue: Issue) -> dict[str, Any]:
    scene.put("acme_polytomic", conn_type="postgres", host="db.example.com", login="app", password="a-password")
    return {}


def _issuing(scene: Scene, _issue: Issue) -> dict[str, Any]:
    partner = {"conn_type": "polytomic", "host": scene.emulator.base_url, "password": scene.emulator.partner_key}
    scene.put("acme_polytomic", **partner)
    return {}


ARRANGE = {
    "nothing": _nothing,
    "a key issued here that works": _working,
    "a key issued here that is dead": _dead,
    "a `polytomic` connection of this server with a working key of this user, made by hand": _by_hand,
    "a key of another user": _of_another_user,
    "a connection of another type, or a text that this operator did not put there": _foreign,
    "the key with which `polytomic_conn_id` issues": _issuing,
}


def issues(scene: Scene, issue: Issue, force: bool, **given: Any) -> None:
    held = scene.stored()
    assert issue(force=force, **given)["issued"] is True
    assert scene.stored() in scene.emulator.keys_of(scene.user.id)
    assert scene.stored() != held


def issues_and_revokes(scene: Scene, issue: Issue, force: bool) -> None:
    scene.emulator.give_key(scene.user.id)
    issues(scene, issue, force)
    assert scene.stored() == scene.emulator.live_key(scene.user.id)


def issues_once_a_run(scene: Scene, issue: Issue, force: bool) -> None:
    issues_and_revokes(scene, issue, force)
    keeps(scene, issue, force)


def keeps(scene: Scene, issue: Issue, force: bool) -> None:
    held, posts = scene.stored(), len(scene.posts)
    assert issue(force=force)["issued"] is False
    assert (scene.stored(), len(scene.posts)) == (held, posts)


def refuses(scene: Scene, issue: Issue, force: bool, **given: Any) -> None:
    held, posts = scene.stored(), len(scene.posts)
    with pytest.raises(AirflowFailException):
        issue(force=force, **given)
    assert (scene.stored(), len(scene.posts)) == (held, posts)


def refuses_unless_told(scene: Scene, issue: Issue, force: bool) -> None:
    refuses(scene, issue, force)
    issues(scene, issue, force, take_over=True)


def refuses_always(scene: Scene, issue: Issue, force: bool) -> None:
    refuses(scene, issue, force)
    refuses(scene, issue, force, take_over=True)


DOES = {
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
def test_the_operator_does_what_the_row_says(row: list[str], force: bool, scene: Scene, issue: Issue):
    holds, unforced, forced = row
    ARRANGE[holds](scene, issue)
    DOES[forced if force else unforced](scene, issue, force)


def test_a_destination_that_is_the_issuing_connection_is_refused(scene: Scene, issue: Issue):
    refuses(scene, issue, force=False, destination="airflow://connection/polytomic_default")
    assert scene.emulator.requests == []
