"""Tests of records: a record comes back whole, and it and the value do not change each other."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from airflow_provider_polytomic._issuance.record import IssuanceRecord, Run
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.testing._store_contract.hooks import StoreHooks

__all__ = ["RecordTests"]

_RECORD = {
    "state": "done",
    "opened_at": "2026-11-22T10:00:00.123456+00:00",
    "previous_fingerprint": "absent",
    "unusual": "quotes \" ' percent % brace { umlaut ü",
    "empty": "",
}
# All fields that a record can have, and as many more as a later version may add.
_FULL_RECORD = IssuanceRecord(
    state="done",
    issuance_id=str(UUID(int=1)),
    forced=True,
    idempotency_keys_used=2,
    opened_at=datetime(2031, 1, 6, 10, 0, 0, 123456, tzinfo=UTC),
    previous_fingerprint="absent",
    target=Target.parse(str(UUID(int=2)), str(UUID(int=3))),
    fingerprint="f" * 32,
    issued_at=datetime(2031, 1, 6, 10, 0, 1, 123456, tzinfo=UTC),
    run=Run(str(UUID(int=4)), datetime(2031, 1, 6, tzinfo=UTC)),
    unknown=tuple((f"later_{'x' * 11}{number}", "".join(map(chr, range(33, 113)))) for number in range(5)),
).to_mapping()


class RecordTests(StoreHooks):
    """Tests of records."""

    def test_a_record_comes_back_whole(self, name: str) -> None:
        """A record replaces the one before it."""
        store = self.open_store(name)
        store.write_record({"state": "open", "gone": "later"})
        store.write_record(_RECORD)
        assert self._read_record(name) == _RECORD

    def test_the_record_and_the_value_do_not_change_each_other(self, name: str) -> None:
        """A record alone is no value, and neither write touches the other."""
        store = self.open_store(name)
        store.write_record(_RECORD)
        self.check_empty(name)
        store.write(ApiKey("a-key"), store.read())
        assert self._read_record(name) == _RECORD
        store.write_record({"state": "failed"})
        assert self._read_record(name) == {"state": "failed"}
        assert self.read_key_back(name) == "a-key"

    def test_the_longest_record_fits(self, name: str) -> None:
        """A record with five fields of a later version of the provider comes back whole, and is rewritten."""
        self.open_store(name).write_record(_FULL_RECORD)
        assert self._read_record(name) == _FULL_RECORD
        changed = {**_FULL_RECORD, "state": "failed", "idempotency_keys_used": "3"}
        self.open_store(name).write_record(changed)
        assert self._read_record(name) == changed

    def _read_record(self, name: str) -> dict[str, str] | None:
        record = self.open_store(name).read_record()
        return None if record is None else dict(record)
