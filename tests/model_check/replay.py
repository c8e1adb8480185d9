"""Replay of an issuer: the real ``issue()``, run again from its start over the answers that it has had so far.

``issue()`` is a function of those answers, so its history is its whole state: running it over the history until it
makes a call that has no answer yet tells the next call. A crash is an empty history.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from airflow_provider_polytomic._issuance import Ensure, Rotate
from airflow_provider_polytomic._issuance.reference import KeyReference
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    PolytomicConnectionError,
    PolytomicError,
    PolytomicForbiddenError,
    PolytomicMissingKeyError,
    PolytomicRejectedError,
    PolytomicServerError,
    PolytomicUnauthorizedError,
    SecretStoreConflictError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.models import Identity
from airflow_provider_polytomic.secret_stores.base import StoredSecret
from tests.model_check.simulation import ABSENT, Answer, Call
from tests.runs import run_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TARGET = Target("248df4b7-aa70-47b8-a036-33ac447e668d", "8e5dcfdd-d23d-4f0e-9a52-1d5a4e2b7c11")
USERS = (TARGET, Target(TARGET.org_id, "5b0e7a4c-d23d-4f0e-9a52-1d5a4e2b7c12"))
FIRST_RUN = datetime(2026, 1, 5, tzinfo=UTC)


class Role(NamedTuple):
    """An issuer: forced or not, for which run and which users."""

    force: bool = True
    run: float = 1
    users: tuple[int, ...] = (0,)  # of USERS: one, or one and a standby user
    max_age: int = 0  # days
    dag_id: str = "rotate"

    @property
    def run_time(self) -> datetime:
        return FIRST_RUN + timedelta(days=self.run - 1)

    @property
    def started(self) -> datetime:
        """The time at which it runs, which never advances."""
        return self.run_time + timedelta(minutes=1)

    @property
    def mode(self) -> Ensure | Rotate:
        run = run_at(self.run_time, self.dag_id)
        return Rotate(run, timedelta(days=self.max_age)) if self.force else Ensure(run)


class Ended(NamedTuple):
    state: str  # "done" | "failed" | "refused" | "dead": it never runs again
    error: str = ""
    user: int = -1  # whom the reference names
    key: int = 0  # and which key


@cache
def key_of(number: int) -> ApiKey:
    return ApiKey(f"key-{number}")


@cache
def number_of(fingerprint: str) -> int:
    return next(number for number in range(-1, 100) if key_of(number).fingerprint == fingerprint)


class _SuspendedError(BaseException):
    def __init__(self, call: Call) -> None:
        self.call = call


ERRORS = {
    "unauthorized": PolytomicUnauthorizedError("revoked", status=401, is_from_polytomic=True),
    "no answer": PolytomicConnectionError("nothing"),
    "no value": PolytomicMissingKeyError("no value"),
    "500": PolytomicServerError("internal", status=500, key="internal", server_message="internal"),
    "refused": PolytomicRejectedError(
        "refused", status=422, key="exists", server_message="exists", is_from_polytomic=True
    ),
    # As the hook raises it after an attempt of the same call that got no answer.
    "refused after all": PolytomicRejectedError(
        "refused", status=422, key="exists", is_from_polytomic=True, earlier_outcome_unknown=True
    ),
    "page": PolytomicForbiddenError("blocked", status=403),
    "conflict": SecretStoreConflictError("changed"),
    "unavailable": SecretStoreUnavailableError("away"),
}


class _Tape:
    """Polytomic and the store in one: it plays the answers back, and stops at the first call that has none."""

    place = identity = "store:acme"
    compare_and_set = True  # issue() must not need to know

    def __init__(self, role: Role, history: tuple[tuple[Call, Answer], ...]) -> None:
        self._role, self._history = role, history
        self._at = 0

    def _ask(self, *call: object) -> Answer:
        if self._at == len(self._history):
            raise _SuspendedError(call)
        asked, answer = self._history[self._at]
        assert asked == call, f"issue() is not a function of its answers: {asked} then, {call} now"
        self._at += 1
        if answer[0] == "raise":
            self._raise(answer[1])
        return answer

    def _raise(self, name: str) -> NoReturn:
        error = ERRORS[name]
        raise error.with_traceback(None)

    def create_api_key(self, org_id: str, user_id: str, *, force: bool, idempotency_key: str) -> ApiKey:
        user = USERS.index(Target(org_id, user_id))
        assert user in self._role.users
        return key_of(self._ask("post", idempotency_key, force, user, self._role.run)[1])

    def get_identity(self, api_key: ApiKey | None = None, *, retry_for: float | None = None) -> Identity:
        assert api_key is not None
        user = USERS[self._ask("me", number_of(api_key.fingerprint))[1]]
        return Identity(id=user.user_id, organization_id=user.org_id, is_user=True)

    def get_user(self, org_id: str, user_id: str) -> object:
        raise AssertionError("only a check asks for the user")

    def is_own_key(self, api_key: ApiKey) -> bool:
        return False

    def server_time(self) -> datetime:
        return self._role.started

    def read(self) -> StoredSecret:
        _, stored, version, ours = self._ask("read")
        return StoredSecret(
            value=None if stored == ABSENT else key_of(stored), version=str(version), is_recognised=ours
        )

    def read_record(self) -> Mapping[str, str] | None:
        record = self._ask("read_record")[1]
        return None if record is None else dict(record)

    def write_record(self, record: Mapping[str, str]) -> None:
        self._ask("write_record", tuple(sorted(record.items())))

    def check_write(self, over: StoredSecret) -> None:
        self._ask("check_write")

    def write(self, value: ApiKey, over: StoredSecret) -> str:
        return str(self._ask("write", number_of(value.fingerprint), int(over.version))[1])

    def read_back(self) -> ApiKey | None:
        stored = self._ask("read_back")[1]
        return None if stored == ABSENT else key_of(stored)


def next_of(issuer: Callable[..., object], role: Role, history: tuple[tuple[Call, Answer], ...]) -> Call | Ended:
    """Return the call that comes after this history, or how the issuer ended."""
    tape = _Tape(role, history)
    clock = Clock(monotonic=lambda: 0.0, sleep=lambda _: None, jitter=lambda: 0.5)
    first, standby = USERS[role.users[0]], USERS[role.users[1]] if len(role.users) > 1 else None
    try:
        reference = issuer(tape, tape, first, role.mode, standby=standby, hide=lambda _: None, clock=clock)
    except _SuspendedError as suspended:
        return suspended.call
    except PolytomicError as error:
        return Ended("failed" if error.retryable else "refused", type(error).__name__)
    if not isinstance(reference, KeyReference):
        return Ended("done")
    return Ended("done", user=USERS.index(reference.target), key=number_of(reference.fingerprint))
