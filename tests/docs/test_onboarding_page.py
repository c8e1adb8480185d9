"""Is what docs/onboard-a-customer.md says of the example true? Its form, what its tasks return, ask and leave."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.issuing import Ensure, issue
from airflow_provider_polytomic.provisioning import ensure_organization, ensure_user
from airflow_provider_polytomic.secret_stores.opening import open_store
from airflow_provider_polytomic.targets import Target
from tests.docs.mortal import Killed, Mortal
from tests.docs.pages import codes, rows
from tests.integration.examples import example
from tests.integration.in_process import run_dag, xcom_of
from tests.onboarding_state import onboarded, state_of

if TYPE_CHECKING:
    from tests.scene import Scene

PAGE, DAG_ID = "docs/onboard-a-customer.md", "polytomic_onboarding"
NAME, EMAIL, DESTINATION = "Globex", "hank@globex.example", "airflow://connection/globex_polytomic"
CUSTOMER = {"organization": NAME, "email": EMAIL, "destination": DESTINATION}
DEATHS = rows(PAGE, "When a task is retried or cleared")
# Of each row: in which call the process dies, whether that has had its effect, and what the next try makes itself:
# organization, user, key.
DIES_IN = [
    ("create_organization", False, [True, True, True]),
    ("create_organization", True, [False, True, True]),
    ("create_user", False, [False, True, True]),
    ("create_user", True, [False, False, True]),
    ("create_api_key", False, [False, False, True]),
    ("create_api_key", True, [False, False, True]),
    ("first call", False, [False, False, False]),
]
# What the page says that Polytomic has then: organizations, users, invitations, live keys.
HAS = {
    "nothing": (0, 0, 0, 0),
    "the organization": (1, 0, 0, 0),
    "the organization and the user, invited once": (1, 1, 1, 0),
    "the organization and the user": (1, 1, 1, 0),
    "the key, stored nowhere": (1, 1, 1, 1),
    "everything": (1, 1, 1, 1),
}


def test_the_form_has_the_fields_that_the_page_says():
    params = example(DAG_ID).params
    told = [
        (title, codes(name)[0], codes(if_empty), meaning.replace("`", ""))
        for title, name, if_empty, meaning in rows(PAGE, "The DAG")
    ]
    fields = {name: params.get_param(name) for name in params}
    assert told == [
        (field.schema["title"], name, [field.value] if field.has_value else [], field.description)
        for name, field in fields.items()
    ]


@pytest.mark.usefixtures("airflow_db")
def test_the_tasks_return_and_cost_what_the_page_says(scene: Scene):
    told = {codes(row[0])[0]: codes(row[1]) for row in rows(PAGE, "The DAG", 1)}
    costs = {codes(row[0])[0]: [int(cell) for cell in row[1:]] for row in rows(PAGE, "What it costs")}
    for run_number, created in enumerate((True, False)):
        before = Counter(scene.emulator.counts())
        run = run_dag(example(DAG_ID), conf=CUSTOMER)
        assert set(run.states) == set(told) == set(costs)
        for task, names in told.items():
            returned = xcom_of(run, task)
            if task == "issue_api_key":
                assert (names, returned["issued"]) == ([], created)
            else:
                assert list(returned) == names
                assert returned.get("created", created) is created
        asked = Counter(scene.emulator.counts()) - before
        told_of_run = {task: each[run_number] for task, each in costs.items()}
        assert _by_task(asked) == told_of_run


def _by_task(asked: Counter[str]) -> dict[str, int]:
    """Say which task has sent which requests: the two last ones both ask whose key it is."""
    organization = asked["list_organizations"] + asked["create_organization"]
    user = asked["list_roles"] + asked["list_users"] + asked["create_user"]
    return {
        "create_organization": organization,
        "create_user": user,
        "issue_api_key": asked.total() - organization - user - 1,
        "first_call": 1,
    }


def onboard(scene: Scene, dies_in: str = "", *, acted: bool = False) -> list[bool]:
    """Do what the tasks do up to the first call, and say which of them made something."""
    with closing(PolytomicHook()) as real, open_store(DESTINATION, issuer=real.base_url) as store:
        hook: Any = Mortal(real, dies_in, acted=acted)
        organization = ensure_organization(hook, NAME)
        user = ensure_user(hook, organization.value.id, EMAIL, ["Editor"])
        target = Target.parse(organization.value.id, user.value.id)
        reference = issue(hook, store, target, Ensure(), hide=lambda _key: None)
    if dies_in == "first call":
        raise Killed
    return [organization.created, user.created, reference.issued]


def counts(scene: Scene) -> tuple[int, int, int, int]:
    """Count what there is of the customer: organizations, users, invitations, live keys."""
    organizations = state_of(scene.emulator, NAME)["organizations"]
    users = [user for each in organizations for user in each["users"]]
    invitations, keys = (sum(user[what] for user in users) for what in ("invitations", "live_keys"))
    return len(organizations), len(users), invitations, keys


@pytest.mark.parametrize(("row", "death"), list(zip(DEATHS, DIES_IN, strict=True)))
def test_a_death_leaves_what_the_row_says_and_the_next_try_makes_the_rest(
    row: list[str], death: tuple[str, bool, list[bool]], scene: Scene
):
    dies_in, acted, made_next = death
    assert row[0].startswith("after" if acted else ("before", "during"))
    with pytest.raises(Killed):
        onboard(scene, dies_in, acted=acted)
    assert counts(scene) == HAS[row[1]]
    assert (scene.stored("globex_polytomic") is None) is (row[1] != "everything")

    assert onboard(scene) == made_next
    assert state_of(scene.emulator, NAME) == onboarded(NAME, EMAIL, ["Editor"])
    (user,) = scene.emulator.users_of(scene.emulator.organizations()[-1].id)
    assert scene.stored("globex_polytomic") == scene.emulator.live_key(user.id)
    assert len(set(scene.idempotency_keys)) == 1
