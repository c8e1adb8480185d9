"""State before a task that dies, and the expected state at the end: two customers, one of which must not change.

Each scenario has its own emulator, so that the check covers everything.
"""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import requests

from airflow_provider_polytomic.testing import PolytomicEmulator
from tests.onboarding_state import state_of

from .executor import Task, Tasks
from .job import Interruption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_polytomic.testing import ReceivedRequest

    from .job import Outcome, Watch
    from .processes import ForkServer

__all__ = ["CASES", "CREATING", "Case", "Customers", "State", "ask", "state"]

# The results of state_of, by the name of the organization.
State = dict[str, list[dict[str, Any]]]

_ACME = {"name": "Acme Inc.", "sso_domain": "acme.example", "sso_org_id": "org_acme"}


@dataclass(frozen=True)
class Case:
    """An operator and its effect.

    :param parameters: the parameters of the operator; ``{org_id}`` and ``{user_id}`` are those of Acme and its user.
    :param effect: the request that has the effect.
    :param change: changes the state as the effect does.
    :param flag: the field of the result that says that this try had the effect.
    """

    operator: str
    parameters: dict[str, Any]
    effect: str
    change: Callable[[State], object] = lambda _state: None
    flag: str | None = None


@dataclass(frozen=True)
class Customers:
    """A Polytomic with Acme, whose user ada is a Viewer, and Zenith, which must not change."""

    emulator: PolytomicEmulator
    fork_server: ForkServer
    org_id: str
    user_id: str
    before: State
    asked_before: int

    @classmethod
    @contextmanager
    def made(cls, fork_server: ForkServer, **options: Any) -> Iterator[Customers]:
        """Start a Polytomic with these options, and create the customers."""
        with PolytomicEmulator(**options) as emulator:
            ask(emulator, "POST", "/api/organizations", _ACME)
            acme = emulator.organizations()[-1]
            ada = emulator.add_user(acme.id, "ada@acme.example", [emulator.role_id("Viewer")])
            zoe = emulator.add_user(emulator.add_organization("Zenith").id, "zoe@zenith.example")
            for user in (ada, zoe):
                emulator.give_key(user.id)
            yield cls(emulator, fork_server, acme.id, ada.id, state(emulator), len(emulator.requests))

    @property
    def environ(self) -> dict[str, str | None]:
        """The connections of the tasks."""
        caller = {"conn_type": "polytomic", "host": self.emulator.base_url, "password": self.emulator.partner_key}
        return {"AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(caller)}

    def job(self, case: Case) -> Tasks:
        """The task of the operator, in its first try."""
        given = {"org_id": self.org_id, "user_id": self.user_id}
        parameters = {
            name: value.format(**given) if isinstance(value, str) else value for name, value in case.parameters.items()
        }
        return Tasks(tasks=(Task("it", case.operator, parameters),), environ=self.environ)

    def after(self, case: Case) -> State:
        """The expected state at the end."""
        changed = deepcopy(self.before)
        case.change(changed)
        return changed

    def interrupt(self, job: Tasks, at: int | str, signal_: int = signal.SIGKILL, watch: Watch = "requests") -> Outcome:
        """Run the tasks, and interrupt them at a point."""
        return self.fork_server.run(replace(job, interruption=Interruption(at, signal_, watch)))

    def next_try(self, job: Tasks, what_happened: object) -> dict[str, Any]:
        """Run the second try of the tasks in a new process, which must succeed, and return the results."""
        after = self.fork_server.run(replace(job, try_number=2))
        assert (after.state, after.code) == ("exited", 0), f"{what_happened}\nthen {after}\n{self.fork_server.said()}"
        results: dict[str, Any] = after.report["results"]
        return results

    def check(self, case: Case, what_happened: object) -> None:
        """Check that the effect happened once, and nothing else."""
        assert state(self.emulator) == self.after(case), what_happened

    @property
    def asked(self) -> list[ReceivedRequest]:
        """The requests of the tasks."""
        return self.emulator.requests[self.asked_before :]

    def answers(self, endpoint: str) -> list[int]:
        """The statuses of the tasks' requests."""
        return [request.status or 0 for request in self.asked if request.endpoint == endpoint]


def ask(emulator: PolytomicEmulator, method: str, path: str, body: dict[str, Any] | None = None) -> None:
    """Send a request to Polytomic without this package."""
    headers = {"Authorization": f"Bearer {emulator.partner_key}"}
    requests.request(method, emulator.base_url + path, json=body, headers=headers, timeout=60).raise_for_status()


def state(emulator: PolytomicEmulator) -> State:
    """Return the state of both customers."""
    return {each.name: state_of(emulator, each.name)["organizations"] for each in emulator.organizations()}


def _organization(name: str, **settings: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("issuer", "sso_domain", "sso_org_id"))
    return {"name": name, **nothing, "users": [], **settings}


def _rename(before: State) -> None:
    (acme,) = before.pop("Acme Inc.")
    before["Acme GmbH"] = [acme | {"name": "Acme GmbH", "sso_domain": "acme.de", "sso_org_id": None}]


def _invite(before: State) -> None:
    bob = {"email": "bob@acme.example", "roles": ["Sync Editor", "Viewer"]}
    before["Acme Inc."][0]["users"].append({**bob, "invitations": 1, "minted": 0, "live_keys": 0})


def _make_admin(before: State) -> None:
    before["Acme Inc."][0]["users"][0]["roles"] = ["Admin"]


_USERS = "/api/organizations/{id}/users"
_SIGN_IN = {"sso_domain": "new.example"}

CASES = {
    "organization created": Case(
        "PolytomicCreateOrganizationOperator",
        {"name": "New Ltd", **_SIGN_IN},
        "POST /api/organizations",
        lambda before: before.update({"New Ltd": [_organization("New Ltd", **_SIGN_IN)]}),
        "created",
    ),
    "organization updated": Case(
        "PolytomicUpdateOrganizationOperator",
        {"org_id": "{org_id}", "name": "Acme GmbH", "sso_domain": "acme.de", "clear_settings": ["sso_org_id"]},
        "PUT /api/organizations/{id}",
        _rename,
    ),
    "organization deleted": Case(
        "PolytomicDeleteOrganizationOperator",
        {"org_id": "{org_id}", "expected_name": "Acme Inc."},
        "DELETE /api/organizations/{id}",
        lambda before: before.pop("Acme Inc."),
        "deleted",
    ),
    "user created": Case(
        "PolytomicCreateUserOperator",
        {"org_id": "{org_id}", "user_email": "Bob@acme.example", "roles": ["sync editor", "Viewer"]},
        f"POST {_USERS}",
        _invite,
        "created",
    ),
    "user updated": Case(
        "PolytomicUpdateUserOperator",
        {"org_id": "{org_id}", "user_id": "{user_id}", "roles": ["Admin"], "expected_email": "ada@acme.example"},
        f"PUT {_USERS}/{{id}}",
        _make_admin,
        "updated",
    ),
    "user deleted": Case(
        "PolytomicDeleteUserOperator",
        {"org_id": "{org_id}", "user_id": "{user_id}", "expected_email": "ada@acme.example"},
        f"DELETE {_USERS}/{{id}}",
        lambda before: before["Acme Inc."][0]["users"].clear(),
        "deleted",
    ),
}  # fmt: skip
CREATING = ("organization created", "user created")
