"""Tests of removals: readers no longer get the removed key, and everything else stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConflictError
from airflow_provider_polytomic.testing._store_contract.hooks import StoreHooks

if TYPE_CHECKING:
    from airflow_provider_polytomic.secret_stores.base import SecretStore

__all__ = ["RemovalTests"]

_RECORD = {"state": "done", "previous_fingerprint": "absent"}


def _issue(store: SecretStore, key: str) -> None:
    store.write_record(_RECORD)
    store.write(ApiKey(key), store.read())


class RemovalTests(StoreHooks):
    """Tests of removals."""

    def test_a_removal_from_an_empty_destination_is_no_error(self, name: str) -> None:
        """There is nothing to remove, and nothing changes."""
        store = self.open_store(name)
        store.remove(store.read(), permanently=True)
        store.remove_record()
        self.check_empty(name)
        assert self.open_store(name).read().version == "absent"
        assert store.read_record() is None

    @pytest.mark.parametrize("permanently", [True, False], ids=["permanently", "recoverably"])
    def test_a_removed_key_is_gone_and_a_second_removal_is_no_error(self, name: str, permanently: bool) -> None:  # noqa: FBT001
        """Another worker can finish and repeat a removal."""
        store = self.open_store(name)
        _issue(store, "a-key")
        stored = store.read()
        store.remove(stored, permanently=permanently)
        self.check_empty(name)
        store = self.open_store(name)
        store.remove_record()
        assert self.open_store(name).read_record() is None
        for over in (stored, store.read()):
            store.remove(over, permanently=permanently)
        store.remove_record()
        self.check_empty(name)
        assert store.read_record() is None

    def test_removing_the_record_keeps_the_value(self, name: str) -> None:
        """The record alone is removed; the version does not change."""
        store = self.open_store(name)
        _issue(store, "a-key")
        version = store.read().version
        store.remove_record()
        assert self.open_store(name).read_record() is None
        assert self.open_store(name).read().version == version
        assert self.read_as_consumer(name) == "a-key"

    def test_a_record_without_a_value_is_removed(self, name: str) -> None:
        """A record that a failed issuance has left is removed."""
        store = self.open_store(name)
        store.write_record(_RECORD)
        store.remove(store.read(), permanently=True)
        store.remove_record()
        assert self.open_store(name).read_record() is None
        self.check_empty(name)

    @pytest.mark.parametrize("before", ["a-key", None], ids=["changed", "created"])
    def test_a_removal_of_a_changed_value_conflicts(self, name: str, before: str | None) -> None:
        """A value that was changed or created after it was read stays, and so does the record."""
        store = self.open_store(name)
        if before:
            _issue(store, before)
        stored, record = store.read(), store.read_record()
        self.put(name, "meanwhile")
        with pytest.raises(SecretStoreConflictError) as refused:
            store.remove(stored, permanently=True)
        assert refused.value.reason == "changed_since_read"
        assert self.read_as_consumer(name) == "meanwhile"
        assert self.open_store(name).read_record() == record

    def test_a_removal_keeps_other_fields_of_the_secret(self, name: str) -> None:
        """Where the key is one field of several, the others stay."""
        if not self.keeps_note:
            pytest.skip("in this store the whole secret is removed")
        self.put(name, "by-hand", note=self.note)
        for _ in range(2):
            store = self.open_store(name)
            store.remove(store.read(), permanently=True)
            self.check_empty(name)
            assert self.read_note(name) == self.note
        store.remove_record()
        assert self.read_note(name) == self.note

    def test_a_value_that_is_not_a_key_can_be_removed(self, name: str) -> None:
        """The decision to remove a foreign value is made before; the store removes it."""
        self.put_foreign(name)
        store = self.open_store(name)
        store.remove(store.read(), permanently=False)
        self.check_empty(name)

    def test_a_key_can_be_stored_again_after_a_removal(self, name: str) -> None:
        """The name of a permanently removed key can be used again."""
        store = self.open_store(name)
        for key in ("first-key", "second-key"):
            store.check_write(store.read())
            _issue(store, key)
            assert self.read_as_consumer(name) == self.read_key(name) == key
            assert dict(self.open_store(name).read_record() or {}) == _RECORD
            store.remove(store.read(), permanently=True)
            store.remove_record()
            self.check_empty(name)
