"""A destination outside Airflow never writes into a secret that Airflow reads as a connection."""

from __future__ import annotations

import json
import sys
import traceback
from types import ModuleType
from typing import Any

import hvac
import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

from airflow_provider_polytomic.credentials import ApiKey, Hidden
from airflow_provider_polytomic.secret_stores import StoredSecret, open_store
from airflow_provider_polytomic.secret_stores.extension import StoreScheme
from airflow_provider_polytomic.secret_stores.formats import FieldFormat, JsonFormat, NonConnectionFormat, TextFormat
from tests.unit.secret_stores import aws_fixtures
from tests.unit.secret_stores.aws_fixtures import actions, connect, open_outside
from tests.unit.secret_stores.reasons import because
from tests.unit.secret_stores.registered import forget_entry_points, install_distribution
from tests.unit.secret_stores.test_registered import MemoryStore
from tests.unit.secret_stores.test_vault_elsewhere import connection_to
from tests.unit.secret_stores.vault_fixtures import contents, make_backend, open_on

ISSUER = "https://app.polytomic.com"
PASSWORD = "w4rehouse-p4ss"
FIELDS = {"conn_type": "postgres", "host": "db", "password": PASSWORD}
AS_URI = {"conn_uri": f"postgres://etl:{PASSWORD}@db/warehouse"}
TEXTS = {
    "fields": json.dumps(FIELDS),
    "fields after blanks": f" \n{json.dumps(FIELDS)}",
    "a URI in fields": json.dumps(AS_URI),
    "a URI": AS_URI["conn_uri"],
    "a URI of a type with an underscore": f"google_cloud_platform://:{PASSWORD}@",
}
AWS = {
    "aws-secretsmanager://aws_writer@/airflow/connections/warehouse": "secretsmanager",
    "aws-secretsmanager://aws_writer@/airflow/connections/warehouse?field=api_key": "secretsmanager",
    "aws-ssm://aws_writer@/airflow/connections/warehouse": "ssm",
}


def assert_refused(store: Any) -> None:
    """Every access is refused before a change, and no error shows the connection."""
    stored = StoredSecret(None, "v1", raw=Hidden(None), revision=1)
    for act in (store.read, store.read_back, lambda: store.remove(stored, permanently=True)):
        with because("holds_a_connection") as refused:
            act()
        shown = "".join(traceback.TracebackException.from_exception(refused.value, capture_locals=True).format())
        assert PASSWORD not in shown
        assert "airflow://connection/<conn_id>" in str(refused.value)
        assert (refused.value.fields, refused.value.place) == (("destination",), store.place)


@pytest.mark.parametrize("field", ["api_key", "password"])
@pytest.mark.parametrize("content", [FIELDS, AS_URI], ids=["fields", "uri"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_field_is_not_written_into_a_connection_in_vault(vault_fake, monkeypatch, content, field, version):
    """Airflow reads no connection that has an unknown field: it would be lost for every task."""
    mount = f"outside{version}"
    vault_fake.mount(mount, version)
    kv = getattr(hvac.Client(url=vault_fake.url, token=vault_fake.root_token).secrets.kv, f"v{version}")
    kv.create_or_update_secret("connections/warehouse", content, mount_point=mount)
    monkeypatch.setenv("AIRFLOW_CONN_V", connection_to(vault_fake, kv_engine_version=version))
    assert_refused(open_store(f"vault://v@{mount}/connections/warehouse?field={field}", issuer=ISSUER))


def test_a_variable_is_not_written_into_a_connection_of_the_same_path(vault_fake):
    """Both may have the same folder in the backend's settings."""
    vault_fake.mount("shared", 2)
    root = hvac.Client(url=vault_fake.url, token=vault_fake.root_token)
    root.secrets.kv.v2.create_or_update_secret("warehouse", FIELDS, mount_point="shared")
    store = open_on(
        make_backend(vault_fake, "shared", connections_path="", variables_path=""), "airflow://variable/warehouse"
    )
    with because("holds_a_connection"):
        store.read()
    assert contents(root, "shared", "warehouse") == FIELDS


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize(("uri", "service"), AWS.items())
def test_a_key_is_not_written_into_a_connection_in_aws(aws_server, monkeypatch, uri, service, text):
    connect(monkeypatch, aws_server)
    own = aws_server.client(service)
    if service == "ssm":
        own.put_parameter(Name="/airflow/connections/warehouse", Value=text, Type="SecureString")
    else:
        own.create_secret(Name="airflow/connections/warehouse", SecretString=text)
    assert_refused(open_outside(uri))
    assert set(actions(aws_server)) == {"GetParameter" if service == "ssm" else "GetSecretValue"}


class RegisteredStore(MemoryStore):
    stored = StoredSecret(ApiKey("a-key"), "v1", raw=Hidden({"api_key": "a-key", **FIELDS}))


def test_a_registered_scheme_is_checked_for_it(monkeypatch, tmp_path):
    forget_entry_points(monkeypatch)
    module = ModuleType("outside_store")
    module.__dict__["scheme"] = StoreScheme("acme://", lambda *_, **__: RegisteredStore(), authority="region")
    monkeypatch.setitem(sys.modules, "outside_store", module)
    install_distribution(tmp_path, "outside-store", {"acme": "outside_store:scheme"})
    monkeypatch.syspath_prepend(tmp_path)
    with because("holds_a_connection"):
        open_store("acme://writer@eu/connections/warehouse", issuer=ISSUER).read()


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "a-key",
        "two words",
        '"conn_type"',
        '["conn_type"]',
        '{"url": "https://h", "nested": {"conn_type": 1}}',
    ],
)
@pytest.mark.parametrize("inner", [TextFormat(), JsonFormat(FieldFormat("api_key"))], ids=["text", "field"])
def test_other_contents_are_read_as_before(content, inner):
    actual, expected = NonConnectionFormat(inner).read(content), inner.read(content)
    assert (actual.version, actual.is_foreign) == (expected.version, expected.is_foreign)


@pytest.fixture
def reads_with(monkeypatch):
    """Configure the backend that Airflow reads with."""

    def configure(backend: Any) -> None:
        monkeypatch.setattr(
            "airflow_provider_polytomic._airflow.secrets_backends.configured_secrets_backend", lambda: backend
        )

    return configure


VARIABLES = {"connections": "AIRFLOW_CONN_WAREHOUSE", "variables": "AIRFLOW_VAR_WAREHOUSE"}


@pytest.mark.parametrize("folder", VARIABLES)
@pytest.mark.parametrize(
    ("cls", "uri"),
    [
        (SystemsManagerParameterStoreBackend, "aws-ssm://aws_writer@/airflow/{}/warehouse"),
        (SecretsManagerBackend, "aws-secretsmanager://aws_writer@/airflow/{}/warehouse"),
        (SecretsManagerBackend, "aws-secretsmanager://aws_writer@/airflow/{}/warehouse?field=host"),
    ],
)
def test_a_new_secret_in_aws_hides_no_name_that_airflow_reads_there(  # noqa: PLR0917 (fixtures and parameters)
    aws_server, monkeypatch, reads_with, cls, uri, folder
):
    """Airflow takes any text at that path for a connection, and no longer asks the environment."""
    connect(monkeypatch, aws_server)
    reads_with(aws_fixtures.make_backend(aws_server, cls))
    store = open_outside(uri.format(folder))
    store.check_write(store.read())
    monkeypatch.setenv(VARIABLES[folder], f"postgres://:{PASSWORD}@db")
    with because("name_in_use") as refused:
        store.check_write(store.read())
    assert VARIABLES[folder] in str(refused.value)
    elsewhere = open_outside(uri.format("apps"))
    elsewhere.check_write(elsewhere.read())


@pytest.mark.parametrize("mount_point", ["names", None], ids=["mount", "no mount"])
def test_a_new_secret_in_vault_hides_no_name_that_airflow_reads_there(vault_fake, monkeypatch, reads_with, mount_point):
    vault_fake.mount("names", 2)
    monkeypatch.setenv("AIRFLOW_CONN_V", connection_to(vault_fake, kv_engine_version=2))
    reads_with(make_backend(vault_fake, mount_point))
    store = open_store("vault://v@names/connections/warehouse?field=password", issuer=ISSUER)
    store.check_write(store.read())
    name = "WAREHOUSE" if mount_point else "NAMES/WAREHOUSE"
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}", f"postgres://:{PASSWORD}@db")
    with because("name_in_use"):
        store.check_write(store.read())


def test_fields_that_airflow_reads_as_a_connection_without_a_type_are_one(vault_fake, monkeypatch, reads_with):
    """A connection may have no type; any other field would break it."""
    vault_fake.mount("names", 2)
    root = hvac.Client(url=vault_fake.url, token=vault_fake.root_token)
    for folder in ("connections", "apps"):
        root.secrets.kv.v2.create_or_update_secret(f"{folder}/warehouse", {"host": "db"}, mount_point="names")
    monkeypatch.setenv("AIRFLOW_CONN_V", connection_to(vault_fake, kv_engine_version=2))
    reads_with(make_backend(vault_fake, "names"))
    store = open_store("vault://v@names/connections/warehouse", issuer=ISSUER)
    with because("holds_a_connection"):
        store.check_write(store.read())
    elsewhere = open_store("vault://v@names/apps/warehouse", issuer=ISSUER)
    elsewhere.check_write(elsewhere.read())
