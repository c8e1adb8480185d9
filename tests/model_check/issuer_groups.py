"""Groups of issuers, and perhaps a human, at one destination of a real store."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._issuance import Ensure, issue
from airflow_provider_polytomic._issuance.record import IssuanceRecord
from airflow_provider_polytomic._issuance.reference import KeyReference
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.exceptions import PolytomicError
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import store_on
from tests.model_check.scheduler import Turn

from .polytomic import Polytomic
from .replay import TARGET, Role
from .schedules import Bounds, explore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import SecretStore, StoredSecret
    from tests.model_check.served_stores import Served

    from .schedules import Ended, Step

__all__ = ["FOREIGN", "ISSUER", "Encounter", "Issuers", "succeeded"]

ISSUER = "http://127.0.0.1:8766"
FOREIGN = {"conn_type": "postgres", "host": "warehouse", "password": "none-of-ours"}
# No time passes in a schedule, and a retry does not sleep.
_CLOCK = Clock(monotonic=lambda: 0.0, sleep=lambda _: None, jitter=lambda: 0.5)
_NUMBERS = itertools.count(1)
_RETRIES = 3


class Issuers:
    """The issuers' own backends at one store, made once and used by every encounter there.

    :param most: issuers at once.
    """

    def __init__(self, served: Served, most: int = 3) -> None:
        self.served = served
        self.backends = [served.backend() for _ in range(most + 1)]
        for backend in self.backends:  # what a process asks once, it has asked
            conn_id = f"acme_{next(_NUMBERS)}"
            store = store_on(backend, Destination("airflow", "connection", conn_id), issuer=ISSUER)
            issue(Polytomic(TARGET), store, TARGET, Ensure(), hide=lambda _: None, clock=_CLOCK)


class Encounter:
    """One store, the issuers who meet there, and what was there before.

    :param holds: whether that was a live key with its record, older than every run.
    :param meddle: what a human does, if one does.
    :param issuer: what meets: ``issue()``, or something worse.
    """

    def __init__(
        self,
        at: Issuers,
        roles: Sequence[Role],
        *,
        holds: bool,
        meddle: Callable[[Encounter], None] | None = None,
        issuer: Callable[..., object] = issue,
    ) -> None:
        self.served = at.served
        self.roles = roles
        self._backends, self._issuer, self._meddle = at.backends, issuer, meddle
        self._holds = holds
        self.conn_id = ""
        self.polytomic = Polytomic(TARGET)
        self.before: Any = None
        """What was stored before."""
        self.theirs: ApiKey | None = None
        """The key that a human has stored."""

    def explore(self, bounds: Bounds) -> Iterator[Ended]:
        """Play every schedule; after each, this object is what there is at its end."""
        meddle = self._meddle
        return explore(
            self._start, bounds, alike=self.roles, meddle=(lambda: meddle(self)) if meddle is not None else None
        )

    def read(self) -> StoredSecret:
        """Return what is stored, read by nobody who took part."""
        return self._store(-1).read()

    def record(self) -> IssuanceRecord | None:
        store = self._store(-1)
        return IssuanceRecord.parse(store.read_record(), place=store.place)

    @property
    def compare_and_set(self) -> bool:
        return self._store(-1).compare_and_set

    def put_another_key(self) -> None:
        """Store another key of the user's that works, as a human does."""
        key = self.theirs = self.polytomic.give()
        self.served.put(self.conn_id, {"conn_type": "polytomic", "host": ISSUER, "password": key.reveal()})

    def retry(self, who: int) -> object:
        """Let an issuer try again as Airflow does: a few times, unless the error is for good."""
        for _ in range(_RETRIES):
            try:
                return self._act(who)
            except PolytomicError as error:
                last = error
                if not error.retryable:
                    break
        return last

    @staticmethod
    def human_acted(ended: Ended) -> bool:
        return "meddle" in {step.move.kind for step in ended.steps}

    @staticmethod
    def after_the_human(ended: Ended) -> list[Step]:
        """Return what was sent after a human had acted."""
        acted = [step.move.kind for step in ended.steps].index("meddle")
        return ended.steps[acted + 1 :]

    def _start(self) -> list[Turn]:
        self.conn_id, self.polytomic = f"acme_{next(_NUMBERS)}", Polytomic(TARGET)
        if self._holds:
            key, store = self.polytomic.give(), self._store(-1)
            issued = Role(run=-6).run_time
            nobody = "00000000-0000-0000-0000-000000000000"
            done = IssuanceRecord("done", nobody, True, 1, issued, "absent", TARGET, key.fingerprint, issued)
            store.write_record(done.to_mapping())
            store.write(key, store.read())
            self.before = self.served.content(self.conn_id)
        return [Turn(lambda who=who: self._act(who)) for who in range(len(self.roles))]  # type: ignore[misc]  # of each

    def _act(self, who: int) -> object:
        role = self.roles[who]
        return self._issuer(self.polytomic, self._store(who), TARGET, role.mode, hide=lambda _: None, clock=_CLOCK)

    def _store(self, who: int) -> SecretStore:
        destination = Destination("airflow", "connection", self.conn_id)
        return store_on(self._backends[who], destination, issuer=ISSUER)


def succeeded(result: object) -> bool:
    """Whether an issuer reports a success."""
    return isinstance(result, KeyReference)
