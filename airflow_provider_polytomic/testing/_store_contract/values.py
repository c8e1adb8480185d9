"""Tests of values: readers get exactly the key that was written, and no other process loses a key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreConflictError,
    SecretStoreDeniedError,
)
from airflow_provider_polytomic.testing._store_contract.hooks import StoreHooks

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ValueTests"]

# So similar that a store which changes names confuses some of them.
_NAMES = (
    "a", "Acme", "acme.prod-1_x", "team/acme", "TEAM/acme", "team_acme", "team-acme", "team_acme_b", "äcme_übung",
    "acme:8443", "x" * 225, "true", "0123", "null",
)  # fmt: skip
_KEYS = {name: f"key-{number}" for number, name in enumerate(_NAMES)}
_UNUSUAL_KEYS = (
    "'\"quoted\"'", "%41%%20%s%(x)s", "{{var.value.x}}{0}", "@-#:!&*[]{}?|>=", "a/b:c@d?e=f&g#h+i;j,k",
    "\\n\\u0041\\", "0123456789", "true", '{"a":1}', "$HOME`id`", "k" * 3000,
)  # fmt: skip
_KEY = "pk-live-0123456789abcdefghij"


class ValueTests(StoreHooks):
    """Tests of values."""

    def test_an_unused_destination_is_empty(self, name: str) -> None:
        """An unused destination has no value, no record and the version ``absent``."""
        self.check_empty(name)
        store = self.open_store(name)
        assert store.read().version == "absent"
        assert store.read_record() is None

    def test_readers_get_the_exact_key(self, name: str) -> None:
        """Readers get every character of a key, whatever it means in JSON, a URI or a template."""
        store = self.open_store(name)
        for key in _UNUSUAL_KEYS:
            version = store.write(ApiKey(key), store.read())
            assert self.read_key(name) == self.read_key_back(name) == self.read_as_consumer(name) == key
            stored = self.open_store(name).read()
            assert (stored.version, stored.is_foreign) == (version, False)

    def test_a_key_that_a_person_has_stored_is_read(self, name: str) -> None:
        """A key is read, whoever has stored it, and does not appear in a representation."""
        self.put(name, "by-hand")
        assert self.read_key(name) == self.read_key_back(name) == "by-hand"
        store = self.open_store(name)
        assert "by-hand" not in f"{store!r}{store.read()!r}{store.read_back()!r}"

    def test_a_value_that_is_not_a_key_is_foreign(self, name: str) -> None:
        """A value that cannot be a key is marked as foreign and not shown."""
        self.put_foreign(name)
        stored = self.open_store(name).read()
        assert (stored.value, stored.is_foreign, stored.is_recognised) == (None, True, False)
        assert "warehouse" not in repr(stored)
        assert "two words" not in repr(stored)

    def test_a_write_keeps_other_content_of_the_secret(self, name: str) -> None:
        """A write keeps what a person has stored beside the key."""
        if self.note is None:
            pytest.skip("in this store the secret is the key alone")
        self.put(name, "by-hand", note=self.note)
        store = self.open_store(name)
        store.write(ApiKey("new-key"), store.read())
        assert self.read_note(name) == self.note
        assert self.read_as_consumer(name) == "new-key"

    def test_similar_names_are_different_secrets(self) -> None:
        """Each name has its own value and record, from the first write to the removal."""
        names = [name for name in _NAMES if self.supported_names.fullmatch(name)]
        for name in names:
            store = self.open_store(name)
            store.check_write(store.read())
            store.write_record({"state": "open", "for": name})
            store.write(ApiKey(_KEYS[name]), store.read())
        while names:
            for name in names:
                assert self.read_as_consumer(name) == self.read_key_back(name) == _KEYS[name]
                assert self.open_store(name).read_record() == {"state": "open", "for": name}
            # Half of them at a time: each comparison reads all that are left.
            names, removed = names[1::2], names[::2]
            for name in removed:
                store = self.open_store(name)
                store.remove(store.read(), permanently=True)
                store.remove_record()
                self.check_empty(name)
                assert store.read_record() is None

    def test_a_name_that_the_store_does_not_allow_is_refused(self) -> None:
        """A name outside ``supported_names`` is refused when the store is opened."""
        for name in _NAMES:
            if not self.supported_names.fullmatch(name):
                with pytest.raises(SecretStoreConfigurationError) as refused:
                    self.open_store(name)
                assert refused.value.reason == "name_not_allowed"

    def test_the_identity_is_the_same_on_each_worker_and_differs_by_name(self, name: str) -> None:
        """The identity and the place depend on the destination, and not on what it holds."""
        store = self.open_store(name)
        before = (store.identity, store.place)
        store.write(ApiKey(_KEY), store.read())
        store = self.open_store(name)
        assert (store.identity, store.place) == before
        assert store.identity != self.open_store(f"{name}_other").identity
        assert all(before)
        assert _KEY not in "".join(before)

    def test_the_version_changes_with_the_value_and_with_nothing_else(self, name: str) -> None:
        """Neither a record, a check nor another destination changes the version."""
        store = self.open_store(name)
        absent = store.read().version
        store.write_record({"state": "open"})
        store.check_write(store.read())
        assert store.read().version == absent
        first = store.write(ApiKey("first-key"), store.read())
        store.write_record({"state": "done"})
        store.check_write(store.read())
        other = self.open_store(f"{name}_other")
        other.write(ApiKey("first-key"), other.read())
        other.write_record({"state": "done"})
        assert store.read().version == first != absent
        second = store.write(ApiKey("second-key"), store.read())
        assert store.read().version == second not in {first, absent}
        assert "key" not in f"{first}{second}"

    @pytest.mark.parametrize("before", ["at-first", None], ids=["changed", "created"])
    def test_a_write_over_a_changed_value_conflicts(self, name: str, before: str | None) -> None:
        """A value that was changed or created after it was read stays."""
        store = self.open_store(name)
        if before:
            self.put(name, before)
        stored = store.read()
        self.put(name, "meanwhile")
        with pytest.raises(SecretStoreConflictError) as refused:
            store.write(ApiKey("too-late"), stored)
        assert refused.value.reason == "changed_since_read"
        assert self.read_as_consumer(name) == "meanwhile"
        store.write(ApiKey("in-time"), store.read())
        assert self.read_as_consumer(name) == "in-time"

    def test_only_the_first_of_two_writers_writes(self, name: str) -> None:
        """The second of two writers that have read the same value gets a conflict."""
        first, second = self.open_store(name), self.open_store(name)
        read_by_first, read_by_second = first.read(), second.read()
        first.write(ApiKey("of-the-first"), read_by_first)
        with pytest.raises(SecretStoreConflictError):
            second.write(ApiKey("of-the-second"), read_by_second)
        assert self.read_as_consumer(name) == "of-the-first"

    def test_a_check_changes_nothing(self, name: str) -> None:
        """``check_write`` changes neither the value nor the record."""
        store = self.open_store(name)
        store.check_write(store.read())
        assert store.read().version == "absent"
        assert store.read_record() is None
        self.put(name, "by-hand")
        before = store.read()
        store.check_write(before)
        assert store.read().version == before.version
        assert self.read_as_consumer(name) == "by-hand"

    def test_without_the_right_to_write_nothing_changes(self, name: str) -> None:
        """Each write is refused with a ``SecretStoreDeniedError`` that shows no key."""
        self.put(name, "by-hand")
        # Another user, as which some stores are denied, may not be able to import what is first needed here.
        self.open_store(name).check_write(self.open_store(name).read())
        self.deny_writes()
        store = self.open_store(name)
        stored = store.read()
        attempts: list[Callable[[], object]] = [
            lambda: store.write_record({"state": "open"}),
            lambda: store.write(ApiKey(_KEY), stored),
            lambda: store.remove(stored, permanently=True),
        ]
        if self.checks_write:
            attempts.append(lambda: store.check_write(stored))
        for attempt in attempts:
            with pytest.raises(SecretStoreDeniedError) as denied:
                attempt()
            assert denied.value.reason in self.denied_reasons
            self.check_hidden(denied.value, _KEY, "by-hand")
        assert store.read().version == stored.version
        assert store.read_record() is None
        assert self.read_as_consumer(name) == "by-hand"

    def test_threads_with_different_destinations_do_not_interfere(self) -> None:
        """Sixteen threads that write at the same time lose no key and no record."""
        if not self.is_concurrent:
            pytest.skip("this store has one writer at a time")
        names = [f"tenant_{number}" for number in range(16)]

        def issue(name: str) -> None:
            store = self.open_store(name)
            store.write_record({"state": "open", "of": name})
            store.write(ApiKey(f"key-of-{name}"), store.read())
            store.write_record({"state": "done", "of": name})

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(issue, names))
        for name in names:
            assert self.read_as_consumer(name) == f"key-of-{name}"
            assert self.open_store(name).read_record() == {"state": "done", "of": name}
