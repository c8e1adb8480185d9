"""Initial states of a destination: keys, and the record that an earlier run has left."""

from __future__ import annotations

from typing import Any

from airflow_provider_polytomic._issuance.record import IssuanceRecord
from tests.model_check.simulation import Key, SystemState

from .replay import TARGET, Role, key_of

__all__ = ["EARLIER", "between", "holding", "record_of"]

EARLIER = Role(run=-6)  # older than every run
NOBODY = "00000000-0000-0000-0000-000000000000"


def record_of(state: Any = "done", **fields: Any) -> tuple[tuple[str, str], ...]:
    """Return the record of an issuance of an issuer that does not take part."""
    given = {
        "issuance_id": NOBODY,
        "forced": True,
        "idempotency_keys_used": 1,
        "opened_at": EARLIER.run_time,
        "previous_fingerprint": "absent",
        "target": TARGET,
    }
    if state == "done":
        given |= {"fingerprint": key_of(1).fingerprint, "issued_at": EARLIER.run_time}
    return tuple(sorted(IssuanceRecord(state, **{**given, **fields}).to_mapping().items()))


def holding(stored: int) -> SystemState:
    """Return the state for one user: with key 1 and its record stored, or with nothing (0)."""
    keys = (Key(0, EARLIER.run),) if stored else ()
    live = frozenset({1}) if stored else frozenset()
    return SystemState(live, keys, frozenset(), frozenset(), stored, 0, stored, record_of() if stored else None, ())


def between(
    stored: int = 1, *, idle: bool = True, revoked: bool = False, record: tuple[tuple[str, str], ...] | None = ()
) -> SystemState:
    """Return a state for two users: key 1 is the first user's; key 2, if it exists, the standby user's.

    :param stored: which one the destination holds; 0 for none.
    :param idle: whether there is key 2.
    :param revoked: whether the stored key is revoked.
    :param record: as :func:`record_of` returns it; by default the first one's, done.
    """
    keys = (Key(0, EARLIER.run), Key(1, EARLIER.run))[: 2 if idle else 1]
    live = frozenset(range(1, len(keys) + 1)) - ({stored} if revoked else frozenset())
    return SystemState(
        live, keys, frozenset(), frozenset(), stored, 0, stored, record_of() if record == () else record, ()
    )
