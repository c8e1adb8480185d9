"""What another package needs to add a store; ``docs/write-a-store.md`` shows a complete one.

A store is a class with the members of :class:`~airflow_provider_polytomic.secret_stores.base.SecretStore`. Its package
registers a :class:`StoreScheme` or a :class:`StoreBackend` in the entry point group
``airflow_provider_polytomic.secret_stores``.
"""

from __future__ import annotations

from airflow_provider_polytomic.secret_stores.base import ABSENT
from airflow_provider_polytomic.secret_stores.connection_document import parse_record
from airflow_provider_polytomic.secret_stores.errors import conflict, translate_errors
from airflow_provider_polytomic.secret_stores.factory import ClientCache
from airflow_provider_polytomic.secret_stores.formats import ConnectionFormat, FieldFormat, JsonFormat, TextFormat
from airflow_provider_polytomic.secret_stores.identity import build_identity
from airflow_provider_polytomic.secret_stores.registry import RECORD_SUFFIX, StoreBackend, StoreScheme

__all__ = [
    "ABSENT",
    "RECORD_SUFFIX",
    "ClientCache",
    "ConnectionFormat",
    "FieldFormat",
    "JsonFormat",
    "StoreBackend",
    "StoreScheme",
    "TextFormat",
    "build_identity",
    "conflict",
    "parse_record",
    "translate_errors",
]
