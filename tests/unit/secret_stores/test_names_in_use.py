"""A key never hides the connection or Variable of the same name that Airflow reads elsewhere, in any store."""

from __future__ import annotations

import json
import sys
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend
from airflow.secrets import BaseSecretsBackend
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic._airflow import secrets_backends
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConflictError, SecretStoreUnavailableError
from airflow_provider_polytomic.secret_stores import Destination, StoredSecret
from airflow_provider_polytomic.secret_stores.extension import ABSENT, StoreBackend
from airflow_provider_polytomic.secret_stores.factory import store_on
from tests.unit.secret_stores import aws_fixtures, vault_fixtures
from tests.unit.secret_stores.reasons import because
from tests.unit.secret_stores.registered import forget_entry_points, install_distribution

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.secret_stores import SecretStore

ISSUER = "https://app.polytomic.com"
WAREHOUSE = "postgres://etl:w4rehouse-p4ss@db/warehouse"
FOREIGN = {"conn_type": "postgres", "host": "db", "password": "another"}
VARIABLES = {"connection": "AIRFLOW_CONN_WAREHOUSE", "variable": "AIRFLOW_VAR_WAREHOUSE"}


class Setup(NamedTuple):
    """A backend, and a function that puts a content where it reads."""

    backend: Any
    put: Callable[[str, Any], Any]


class RegisteredBackend(BaseSecretsBackend):
    """A backend whose store another package registers."""


class RegisteredStore:
    """The smallest store: one value in memory."""

    place, identity, compare_and_set = "the registered store", "registered", True
    stored = StoredSecret(None, ABSENT)

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None

    def read(self) -> StoredSecret:
        return self.stored


@pytest.fixture
def local(tmp_path):
    file = tmp_path / "secrets.json"
    file.write_text("{}")
    paths = {f"{kind}s_file_path": str(file) for kind in VARIABLES}
    return Setup(
        LocalFilesystemBackend(**paths), lambda _, content: file.write_text(json.dumps({"warehouse": content}))
    )


@pytest.fixture
def kv2(vault_fake):
    import hvac

    vault_fake.mount("names", 2)
    root = hvac.Client(url=vault_fake.url, token=vault_fake.root_token)

    def put(kind, content):
        secret = content if isinstance(content, dict) else {"value": content}
        root.secrets.kv.v2.create_or_update_secret(f"{kind}s/warehouse", secret, mount_point="names")

    return Setup(vault_fixtures.make_backend(vault_fake, "names"), put)


@pytest.fixture
def secrets_manager(aws_server):
    own = aws_server.client("secretsmanager")

    def put(kind, content):
        text = content if isinstance(content, str) else json.dumps(content)
        own.create_secret(Name=f"airflow/{kind}s/warehouse", SecretString=text)

    return Setup(aws_fixtures.make_backend(aws_server, SecretsManagerBackend), put)


@pytest.fixture
def parameters(aws_server):
    own = aws_server.client("ssm")

    def put(kind, content):
        text = content if isinstance(content, str) else json.dumps(content)
        own.put_parameter(Name=f"/airflow/{kind}s/warehouse", Value=text, Type="SecureString")

    return Setup(aws_fixtures.make_backend(aws_server, SystemsManagerParameterStoreBackend), put)


@pytest.fixture
def registered(monkeypatch, tmp_path):
    forget_entry_points(monkeypatch)
    store, module = RegisteredStore(), ModuleType("names_store")
    module.__dict__["backend"] = StoreBackend(lambda *_, **__: store)
    monkeypatch.setitem(sys.modules, "names_store", module)
    name = f"{RegisteredBackend.__module__}.{RegisteredBackend.__qualname__}"
    install_distribution(tmp_path, "names-store", {name: "names_store:backend"})
    monkeypatch.syspath_prepend(tmp_path)

    def put(_, content):
        key = ApiKey(content) if isinstance(content, str) else None
        store.stored = StoredSecret(key, "v1", is_foreign=key is None)

    return Setup(RegisteredBackend(), put)


STORES = ["local", "kv2", "secrets_manager", "parameters"]


@pytest.fixture(params=STORES)
def setup(request) -> Setup:
    setup: Setup = request.getfixturevalue(request.param)
    return setup


def open_warehouse(setup: Setup, kind: str = "connection") -> SecretStore:
    return store_on(setup.backend, Destination.parse(f"airflow://{kind}/warehouse"), issuer=ISSUER)


@pytest.mark.parametrize("kind", VARIABLES)
def test_a_name_that_the_environment_has_is_refused_and_the_variable_is_named(setup, kind, monkeypatch):
    """Issuing there would give every task that uses the warehouse a Polytomic key instead."""
    monkeypatch.setenv(VARIABLES[kind], WAREHOUSE)
    store = open_warehouse(setup, kind)
    with because("name_in_use") as refused:
        store.check_write(store.read())
    error = refused.value
    assert f"the environment variable {VARIABLES[kind]} (EnvironmentVariablesBackend)" in str(error)
    assert (error.fields, error.place) == (("destination",), store.place)
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "w4rehouse-p4ss" not in shown
    assert error.__context__ is None


@pytest.mark.parametrize("content", [WAREHOUSE, "not a connection"], ids=["a connection", "an invalid one"])
def test_a_value_in_the_environment_counts_even_if_airflow_cannot_parse_it(local, content, monkeypatch):
    monkeypatch.setenv(VARIABLES["connection"], content)
    store = open_warehouse(local)
    with because("name_in_use"):
        store.check_write(store.read())


@pytest.mark.parametrize("kind", VARIABLES)
def test_a_name_that_means_the_destination_already_is_not_looked_up(setup, kind, monkeypatch):
    """A stored key hides nothing new, so that a rotation costs no look-up and does not depend on the metastore."""
    key = {"conn_type": "polytomic", "host": ISSUER, "password": "a-key"} if kind == "connection" else "a-key"
    setup.put(kind, key)
    store = open_warehouse(setup, kind)
    stored = store.read()
    assert stored.value is not None
    monkeypatch.setattr(secrets_backends, "_secrets_search_path", lambda: pytest.fail("the search path was asked"))
    store.check_write(stored)


def test_a_foreign_value_that_airflow_reads_is_the_meaning_of_the_name(setup, monkeypatch):
    """``take_over`` replaces it, and nothing else is hidden by that."""
    setup.put("connection", FOREIGN)
    monkeypatch.setenv(VARIABLES["connection"], WAREHOUSE)
    store = open_warehouse(setup)
    stored = store.read()
    assert stored.is_foreign
    store.check_write(stored)


def test_a_foreign_value_that_airflow_cannot_read_is_not(kv2, monkeypatch):
    """Airflow then asks the next backend, so a key would hide what the environment has."""
    kv2.put("connection", {"colour": "red"})
    monkeypatch.setenv(VARIABLES["connection"], WAREHOUSE)
    store = open_warehouse(kv2)
    with because("name_in_use"):
        store.check_write(store.read())


def test_another_backend_that_cannot_be_asked_is_no_absence(setup, monkeypatch):
    def fail(*_: Any) -> Any:
        raise SecretStoreUnavailableError("The connection warehouse could not be read.", reason="no_answer")

    monkeypatch.setattr("airflow_provider_polytomic.secret_stores.name_check.find_other_answer", fail)
    store = open_warehouse(setup)
    with because("no_answer", SecretStoreUnavailableError):
        store.check_write(store.read())


def test_the_key_of_a_concurrent_issuer_is_a_conflict(local, monkeypatch):
    """The API server may read the same store: another issuer's key is what answers then."""
    store = open_warehouse(local)
    stored = store.read()

    def answer(*_: Any) -> str:
        local.put("connection", {"conn_type": "polytomic", "host": ISSUER, "password": "a-key"})
        return "Airflow's metadata database (ExecutionAPISecretsBackend)"

    monkeypatch.setattr("airflow_provider_polytomic.secret_stores.name_check.find_other_answer", answer)
    with pytest.raises(SecretStoreConflictError):
        store.check_write(stored)


@pytest.mark.parametrize("kind", VARIABLES)
def test_the_store_of_another_package_is_checked_for_it(monkeypatch, kind, registered):
    monkeypatch.setenv(VARIABLES[kind], WAREHOUSE)
    store = open_warehouse(registered, kind)
    assert store.place == RegisteredStore.place
    with because("name_in_use"):
        store.check_write(store.read())
    registered.put(kind, "a-key")
    store.check_write(store.read())
