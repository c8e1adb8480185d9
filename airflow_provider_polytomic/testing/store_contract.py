"""The contract of a secret store, as tests that a store of another package inherits.

::

    class TestAcmeStore(StoreContract):
        def open_store(self, name):
            return open_store(f"acme-vault://vault_writer@/{name}", issuer="https://app.polytomic.com")

        ...

``docs/write-a-store.md`` shows a complete example. This module needs pytest. The stores of the provider itself pass
the same tests.
"""

from __future__ import annotations

import pytest

# Before these modules are imported, so that a failed assertion shows the values that it compares.
pytest.register_assert_rewrite("airflow_provider_polytomic.testing._store_contract")

from airflow_provider_polytomic.testing._store_contract.records import RecordTests  # noqa: E402
from airflow_provider_polytomic.testing._store_contract.removal import RemovalTests  # noqa: E402
from airflow_provider_polytomic.testing._store_contract.values import ValueTests  # noqa: E402

__all__ = ["StoreContract"]


class StoreContract(ValueTests, RecordTests, RemovalTests):
    """Base class of a test class that checks one kind of store.

    Implement ``open_store``, ``put`` and ``read_as_consumer``. Override the other members where your store differs.
    For what they need, such as a server or a folder, define an autouse fixture in your class that sets attributes of
    ``self``: pytest makes a new instance for each test.
    """
