"""Test harness for issuances: Polytomic, a store and a clock, all in memory, and faults to inject."""

from __future__ import annotations

from collections import defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._issuance import Ensure, Rotate, check, issue
from airflow_provider_polytomic._issuance.record import IssuanceRecord
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import PolytomicUnauthorizedError, SecretStoreConflictError
from airflow_provider_polytomic.models import Identity
from airflow_provider_polytomic.secret_stores.base import ABSENT, StoredSecret
from tests.runs import renew, run_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_polytomic._issuance.reference import IssuancePreview, KeyReference

__all__ = ["MONDAY", "OTHER", "OWN", "TARGET", "THIRD", "TUESDAY", "After", "Harness", "fingerprint"]

TARGET = Target("248df4b7-aa70-47b8-a036-33ac447e668d", "8e5dcfdd-d23d-4f0e-9a52-1d5a4e2b7c11")
OTHER = Target(TARGET.org_id, "11111111-d23d-4f0e-9a52-1d5a4e2b7c11")
THIRD = Target(TARGET.org_id, "22222222-d23d-4f0e-9a52-1d5a4e2b7c11")
MONDAY = datetime(2031, 1, 6, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
OWN = "the-callers-own-partner-key"


def fingerprint(text: str) -> str:
    return ApiKey(text).fingerprint


@dataclass(frozen=True)
class After:
    """An error that is raised after the call has taken effect."""

    error: Exception


class Orders:
    """Injected faults: for each call a queue of errors (no effect), :class:`After`, functions to call, or None."""

    def __init__(self, calls: list[str]) -> None:
        self.calls = calls
        self._orders: dict[str, deque[Any]] = defaultdict(deque)

    def order(self, call: str, *faults: Exception | After | Callable[[], object] | None) -> None:
        self._orders[call].extend(faults)

    @contextmanager
    def taking(self, call: str) -> Iterator[None]:
        self.calls.append(call)
        fault = self._orders[call].popleft() if self._orders[call] else None
        if isinstance(fault, Exception):
            raise fault
        if callable(fault):
            fault()
        yield
        if isinstance(fault, After):
            raise fault.error


class FakePolytomic(Orders):
    """Polytomic in memory: the owners of the keys, and one outcome for each Idempotency-Key."""

    def __init__(self, calls: list[str], time: FakeTime) -> None:
        super().__init__(calls)
        self._time = time
        self.live: dict[str, Target] = {}
        self.partners: set[str] = set()
        self.caller = Identity(is_partner=True)
        self.asked_about: list[str] = []
        self.posts: list[tuple[str, bool]] = []
        self._outcomes: dict[str, str] = {}

    @property
    def minted(self) -> int:
        return len(self._outcomes)

    @property
    def key_numbers(self) -> list[int]:
        """The number of the idempotency key that each POST used."""
        return [int(name.rpartition("-")[2]) for name, _ in self.posts]

    def create_api_key(self, org_id: str, user_id: str, *, force: bool, idempotency_key: str) -> ApiKey:
        self.posts.append((idempotency_key, force))
        with self.taking("create_api_key"):
            if idempotency_key not in self._outcomes:
                self._outcomes[idempotency_key] = f"minted-key-{len(self._outcomes) + 1}"
                target = Target(org_id, user_id)
                if force:
                    self.live = {key: owner for key, owner in self.live.items() if owner != target}
                self.live[self._outcomes[idempotency_key]] = target
        return ApiKey(self._outcomes[idempotency_key])

    def get_identity(self, api_key: ApiKey | None = None, *, retry_for: float | None = None) -> Identity:
        if api_key is None:
            return self.caller
        self.asked_about.append(api_key.reveal())
        with self.taking("get_identity"):
            owner = self.live.get(api_key.reveal())
        if api_key.reveal() in self.partners:
            return Identity(is_partner=True)  # neither a user nor an organization
        if owner is None:
            raise PolytomicUnauthorizedError("the key is unknown", status=401, is_from_polytomic=True)
        return Identity(id=owner.user_id, organization_id=owner.org_id, is_user=True)

    def get_user(self, org_id: str, user_id: str) -> object:
        with self.taking("get_user"):
            return Target(org_id, user_id)

    def is_own_key(self, api_key: ApiKey) -> bool:
        return api_key.reveal() == OWN

    def server_time(self) -> datetime:
        if self._orders["server_time"]:
            raise self._orders["server_time"].popleft()
        return self._time.now


class Store(Orders):
    """One destination; ``readers_get`` is what readers get instead, call by call."""

    def __init__(self, calls: list[str], identity: str = "memory:acme", *, compare_and_set: bool = True) -> None:
        super().__init__(calls)
        self.place, self.identity = "memory:acme", identity
        self.compare_and_set = compare_and_set
        self.value: str | None = None
        self.is_foreign = False
        self.is_recognised = False
        self.version = 0
        self.record: dict[str, str] | None = None
        self.readers_get: deque[str | None] = deque()
        self.permanently: bool | None = None

    def put(self, value: str | None, *, is_foreign: bool = False, is_recognised: bool = False) -> None:
        """Store a value as another process does."""
        self.value, self.is_foreign, self.is_recognised = value, is_foreign, is_recognised
        self.version += 1

    def snapshot(self) -> tuple[object, ...]:
        return self.value, self.is_foreign, self.version, dict(self.record) if self.record else None

    @property
    def parsed(self) -> IssuanceRecord:
        record = IssuanceRecord.parse(self.record, place=self.place)
        assert record
        return record

    def read(self) -> StoredSecret:
        with self.taking("read"):
            pass
        key = ApiKey(self.value) if self.value else None
        return StoredSecret(
            value=key, version=str(self.version), is_foreign=self.is_foreign, is_recognised=self.is_recognised
        )

    def write(self, value: ApiKey, over: StoredSecret) -> str:
        with self.taking("write"):
            if over.version != str(self.version):
                raise SecretStoreConflictError("changed by another process")
            self.put(value.reveal(), is_recognised=True)
        return str(self.version)

    def read_record(self) -> Mapping[str, str] | None:
        with self.taking("read_record"):
            pass
        return self.record

    def write_record(self, record: Mapping[str, str]) -> None:
        with self.taking("write_record"):
            self.record = dict(record)

    def check_write(self, over: StoredSecret) -> None:
        with self.taking("check_write"):
            pass

    def read_back(self) -> ApiKey | None:
        with self.taking("read_back"):
            pass
        text = self.readers_get.popleft() if self.readers_get else self.value
        return ApiKey(text) if text else None

    def remove(self, over: StoredSecret, *, permanently: bool) -> None:
        with self.taking("remove"):
            if over.version != str(self.version):
                raise SecretStoreConflictError("changed by another process")
            self.put(None)
            self.permanently = permanently

    def remove_record(self) -> None:
        with self.taking("remove_record"):
            self.record = None


class FakeTime:
    """Time that only passes when something sleeps, or when a test calls :meth:`pass_`."""

    def __init__(self) -> None:
        self.now = MONDAY + timedelta(minutes=1)
        self.slept: list[float] = []

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_(seconds=seconds)

    def monotonic(self) -> float:
        return (self.now - MONDAY).total_seconds()

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=self.monotonic, sleep=self.sleep, jitter=lambda: 0.5)


@dataclass
class Harness:
    """Polytomic, the store and the clock, with the order of all calls."""

    calls: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.time = FakeTime()
        self.polytomic, self.store = FakePolytomic(self.calls, self.time), Store(self.calls)

    def issue(self, mode: Ensure | Rotate | None = None, target: Target = TARGET, **given: Any) -> KeyReference:
        return issue(
            self.polytomic,
            self.store,
            target,
            mode or renew(MONDAY),
            hide=self._hide,
            clock=self.time.clock,
            **given,
        )

    def check(self, mode: Ensure | Rotate | None = None, target: Target = TARGET, **given: Any) -> IssuancePreview:
        return check(self.polytomic, self.store, target, mode or renew(MONDAY), clock=self.time.clock, **given)

    def _hide(self, key: ApiKey) -> None:
        self.calls.append("hide")
        self.hidden.append(key.reveal())

    def hold(
        self,
        key: str = "stored-key",
        *,
        owner: Target | None = TARGET,
        issued_at: datetime | None = MONDAY - timedelta(days=7),
        recorded: Target = TARGET,
        **put: bool,
    ) -> None:
        """Store a key.

        :param owner: the user whose key it is; None for a revoked key.
        :param issued_at: time in its record; None for no record.
        :param recorded: the user that its record names.
        """
        self.store.put(key, **put)
        if owner:
            self.polytomic.live[key] = owner
        if issued_at:
            done = {
                "fingerprint": fingerprint(key),
                "issued_at": issued_at,
                "opened_at": issued_at,
                "idempotency_keys_used": 1,
            }
            done["run"] = run_at(issued_at)
            self.record("done", **done, target=recorded)

    def record(self, state: Any = "open", **fields: Any) -> IssuanceRecord:
        """Write a record beside the destination."""
        before = fingerprint(self.store.value) if self.store.value else ABSENT
        defaults = {
            "issuance_id": "6d1c2f0a-0d0c-5f0e-9a52-1d5a4e2b7c99",
            "forced": True,
            "idempotency_keys_used": 0,
            "opened_at": self.time.now,
            "previous_fingerprint": before,
            "target": TARGET,
        }
        record = IssuanceRecord(state=state, **{**defaults, **fields})
        self.store.record = record.to_mapping()
        return record
