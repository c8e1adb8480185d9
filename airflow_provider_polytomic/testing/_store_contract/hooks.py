"""What the contract suite needs to know of a store, and the help that its tests share."""

from __future__ import annotations

import re
import traceback
import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_polytomic.secret_stores.base import SecretStore

__all__ = ["StoreHooks"]


class StoreHooks:
    """The members that a test class of a store implements or overrides.

    A name is the last part of the destination's URI. A test never uses a name of another test, except for a few fixed
    names, so give each test an empty folder, mount or table.
    """

    supported_names: re.Pattern[str] = re.compile(r".+")
    """The names that a secret of the store can have. Opening any other name raises a
    ``SecretStoreConfigurationError`` with the reason ``name_not_allowed``."""
    note: str | None = None
    """What :meth:`put` stores beside the key in the same secret. None if the secret is the key alone."""
    keeps_note: bool = False
    """Whether a removal keeps the note, because it deletes the field of the key and not the whole secret."""
    is_concurrent: bool = True
    """Whether threads can use different destinations at the same time."""
    checks_write: bool = True
    """Whether ``check_write`` reports a missing right to write an existing secret. Otherwise the first write of the
    record reports it, which comes before a key is requested."""
    denied_reasons: frozenset[str] = frozenset({"missing_right"})
    """The values of ``reason`` that a ``SecretStoreDeniedError`` has if the right to write is missing."""

    def open_store(self, name: str) -> SecretStore:
        """Open the destination of this name, as a new worker does."""
        raise NotImplementedError

    def put(self, name: str, key: str, note: str | None = None) -> None:
        """Store a key, and a note beside it, as a person does with the store's own tools."""
        raise NotImplementedError

    def put_foreign(self, name: str) -> None:
        """Store something that cannot be a key, as a person does: by default, two words."""
        self.put(name, "two words")

    def read_as_consumer(self, name: str) -> str | None:
        """Return the key that a program gets from the store; None if it gets none."""
        raise NotImplementedError

    def read_note(self, name: str) -> str | None:
        """Return the note that :meth:`put` has stored beside the key."""
        raise NotImplementedError

    def deny_writes(self) -> None:
        """Withdraw the right to write from the stores that are opened next; they can still read."""
        pytest.skip("deny_writes is not implemented for this store")

    @pytest.fixture
    def name(self) -> str:
        """Return a new name."""
        return f"acme_{uuid.uuid4().hex[:8]}_api_key"

    def check_empty(self, name: str) -> None:
        """Check that nobody gets a value from this destination."""
        store = self.open_store(name)
        stored = store.read()
        assert (stored.value, stored.is_foreign, stored.is_recognised) == (None, False, False)
        assert store.read_back() is None
        assert self.read_as_consumer(name) is None

    def read_key(self, name: str) -> str | None:
        """Return the key that a newly opened store reads, in plain text."""
        key = self.open_store(name).read().value
        return key.reveal() if key else None

    def read_key_back(self, name: str) -> str | None:
        """Return the key that a newly opened store reads as consumers do, in plain text."""
        key = self.open_store(name).read_back()
        return key.reveal() if key else None

    @staticmethod
    def check_hidden(error: BaseException, *keys: str) -> None:
        """Check that neither the error nor a local variable of its traceback shows a key."""
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert [number for number, key in enumerate(keys) if key in shown] == []
        assert error.__context__ is None
