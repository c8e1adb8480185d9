"""Invariants of a destination that holds the keys of two users in turn: at every end, and in the run after it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance import issue
from airflow_provider_polytomic._issuance.record import IssuanceRecord
from tests.model_check.simulation import PENDING, answers

from .replay import USERS, Ended, Role, key_of
from .states import states_of

if TYPE_CHECKING:
    from tests.model_check.simulation import Setup, SystemState

__all__ = ["NEXT", "Pair"]

# Long after all of the others.
NEXT = Role(run=9, users=(0, 1))
# An open issuance that is joined counts for the run that joins it, for as long as a retry gets the same key.
REPLAYED_FOR = timedelta(hours=24)


class Pair:
    """Check of the invariants at an end; it returns what is violated, or an empty string.

    :param strict: the record must tell whose the stored key is, and its age. Not so where an issuer slept over a whole
        rotation before it closed: then the record is of its own key, and the next run renews, whatever the age.
    """

    def __init__(self, setup: Setup, *, strict: bool = True) -> None:
        self.setup = setup._replace(most=99)
        self.strict = strict
        self._known: dict[SystemState, str] = {}

    def __call__(self, system: SystemState, ended: list[Ended]) -> str:
        done = [each for each in ended if each.state == "done"]
        if any(system.keys[each.key - 1].user != each.user for each in done):
            return "a reference names another user than the one whose key it is"
        if done and not 0 < system.stored <= len(system.keys):
            return "what is stored is no key of the two"
        if self.strict and done and len(done) == len(ended) and (said := record_amiss(system)):
            return said
        same = system._replace(left=(), version=0, previous=0)
        if same not in self._known:
            forgotten = same._replace(outcomes=frozenset())
            # One that is still remembered may be of a key that was made long ago; it counts as the next run's.
            self._known[same] = self._next_run_amiss(same, age=False) or self._next_run_amiss(forgotten)
        return self._known[same]

    def _next_run_amiss(self, system: SystemState, *, age: bool = True) -> str:
        state = states_of(issue).first(NEXT)
        now = system
        while not isinstance(call := states_of(issue).next(state), Ended):
            before = now
            now, answer = next(iter(answers(now, call, self.setup)))
            state = state if answer == PENDING else states_of(issue).after(state, answer)
            if before.works and not now.works:
                return "the next run revokes the key in use"
        if call.state != "done":
            return f"the next run ends with {call.error}"
        if now.stored != call.key or not now.works:
            return "the next run does not store what it says"
        if system.works and now.keys[now.stored - 1].user == system.keys[system.stored - 1].user:
            return "the next run does not change over to the other user"
        return record_amiss(now, age=age)


def record_amiss(system: SystemState, *, age: bool = True) -> str:
    """Return what the record says wrong about the stored key, its owner or its age."""
    record = IssuanceRecord.parse(dict(system.record) if system.record else None, place="")
    if record is None or record.state != "done" or record.issued_at is None:
        return "the record is not done"
    if record.fingerprint != key_of(system.stored).fingerprint:
        return "the record is of another key"
    key = system.keys[system.stored - 1]
    if record.target != USERS[key.user]:
        return "the record is of another user"
    if age and max(record.issued_at, record.counts_as_issued_at) > Role(run=key.run).started + REPLAYED_FOR:
        return "the key is older than its record says"
    if record.issued_at < record.opened_at:
        return "the key is newer than its record says"
    return ""
