"""Helpers of the tests of the AWS stores: Airflow's backends on the fake, and the steps of an issuance."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import ClientCache, StoreFactory, store_on
from tests.fakes.aws_accounts import ALLOW_ALL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest
    from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
    from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

    from airflow_provider_polytomic.exceptions import SecretStoreError
    from airflow_provider_polytomic.secret_stores.base import SecretStore
    from tests.fakes.aws_server import AwsServer

__all__ = ["ISSUER", "KEY", "actions", "connect", "issue", "make_backend", "open_on", "open_outside", "render_error"]

ISSUER = "https://app.polytomic.com"
KEY = "pk-live-0123456789abcdefghij"


def make_backend(
    server: AwsServer,
    cls: type[SecretsManagerBackend | SystemsManagerParameterStoreBackend],
    policy: Sequence[Mapping[str, Any]] = ALLOW_ALL,
    **given: Any,
) -> Any:
    """Return a backend of a new user with this policy."""
    where = {"region_name": server.region, "endpoint_url": server.endpoint_url}
    return cls(**where | server.user(policy).boto | given)


def open_on(backend: Any, uri: str = "airflow://connection/acme", clients: ClientCache | None = None) -> SecretStore:
    return store_on(backend, Destination.parse(uri), issuer=ISSUER, clients=clients)


def open_outside(uri: str) -> SecretStore:
    return StoreFactory(issuer=ISSUER).open(uri)


def connect(
    monkeypatch: pytest.MonkeyPatch,
    server: AwsServer,
    policy: Sequence[Mapping[str, Any]] = ALLOW_ALL,
    *,
    conn_type: str | None = "aws",
    **extra: Any,
) -> None:
    """Define the connection ``aws_writer`` of a new user."""
    user = server.user(policy)
    where = {"region_name": server.region, "endpoint_url": server.endpoint_url}
    connection = {"conn_type": conn_type, "login": user.access_key_id, "password": user.secret_access_key}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_WRITER", json.dumps({**connection, "extra": where | extra}))


def issue(store: SecretStore, key: str = KEY) -> None:
    """Take the steps of an issuance on a store."""
    stored = store.read()
    store.read_record()
    store.check_write(stored)
    store.write_record({"state": "open"})
    store.write(ApiKey(key), stored)
    back = store.read_back()
    assert back is not None
    assert back.reveal() == key
    store.write_record({"state": "done"})


def actions(server: AwsServer) -> list[str]:
    return [request.action for request in server.requests]


def render_error(error: SecretStoreError) -> str:
    """Return what an error tracker would record."""
    assert error.__context__ is None
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
