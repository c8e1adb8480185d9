"""Every store of the package passes the public contract suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.testing.store_contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.secret_stores import SecretStore
    from tests.contract.cases import StoreCase


class TestStores(StoreContract):
    """One store after the other: ``CASES`` in ``conftest.py``."""

    @pytest.fixture(autouse=True)
    def _use_case(self, case: StoreCase, deny: Callable[[], None]) -> None:
        self._case, self._deny = case, deny
        self.supported_names, self.is_concurrent = case.supported_names, case.is_concurrent
        self.note, self.keeps_note = case.note, case.keeps_note
        self.denied_reasons, self.checks_write = case.denied_reasons, case.checks_write

    def open_store(self, name: str) -> SecretStore:
        return self._case.open_store(name)

    def put(self, name: str, key: str, note: str | None = None) -> None:
        self._case.put(name, key, note)

    def put_foreign(self, name: str) -> None:
        self._case.put_foreign(name)

    def read_as_consumer(self, name: str) -> str | None:
        return self._case.read_as_consumer(name)

    def read_note(self, name: str) -> str | None:
        return self._case.read_note(name)

    def deny_writes(self) -> None:
        if not self.is_concurrent:
            pytest.skip("Airflow 3.3 lets every task write and delete every Variable")
        self._deny()

    def test_a_name_that_the_store_does_not_allow_is_refused(self) -> None:
        if not self.is_concurrent:
            pytest.skip("the Execution API of the test is not the one of a scheduler's task")
        super().test_a_name_that_the_store_does_not_allow_is_refused()
