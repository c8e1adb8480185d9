"""How the store reads and replaces existing secrets in Secrets Manager."""

from __future__ import annotations

import json

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend

from airflow_provider_polytomic.credentials import ApiKey
from tests.unit.secret_stores import aws_fixtures
from tests.unit.secret_stores.aws_fixtures import ISSUER, KEY, actions, connect, issue, open_on, open_outside
from tests.unit.secret_stores.reasons import because

NAME = "airflow/connections/acme"


@pytest.fixture
def own(aws_server):
    return aws_server.client("secretsmanager")


@pytest.fixture
def backend(aws_server):
    return make_backend(aws_server)


def make_backend(server, cls=SecretsManagerBackend, **given):
    return aws_fixtures.make_backend(server, cls, **given)


def current(own, name=NAME):
    return own.get_secret_value(SecretId=name)["SecretString"]


RAW = {
    "pass": {"engine": "polytomic", "server": ISSUER, "pass": "old", "extra": {"timeout": 5}},
    "key before password": {"connection_type": "polytomic", "host": ISSUER, "key": "old", "password": "shadowed"},
    "conn_id for the type": {"conn_id": "polytomic", "remote_host": ISSUER, "password": "old"},
    "extra_conn_words": {"conn_type": "polytomic", "base_url": ISSUER, "api_key": "old"},
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW)
def test_a_key_is_read_and_replaced_under_every_name_that_the_backend_accepts(aws_server, own, raw):
    words = {"password": ["api_key"], "host": ["base_url"]}
    backend = make_backend(aws_server, extra_conn_words=words)
    own.create_secret(Name=NAME, SecretString=json.dumps({"note": "of the data team", **raw, "description": "ours"}))
    store = open_on(backend)
    stored = store.read()
    assert ApiKey("old").matches(stored.value)
    assert (stored.is_recognised, stored.is_foreign) == (True, False)
    issue(store)
    extra = {"extra": raw["extra"]} if "extra" in raw else {}
    kept = {"note": "of the data team", "description": "ours"}
    fields = {"conn_type": "polytomic", "host": ISSUER, "password": KEY}
    assert json.loads(current(own)) == kept | fields | extra


def test_a_login_under_any_name_is_removed(aws_server, own):
    raw = {"conn_type": "polytomic", "host": ISSUER, "user_name": "ada", "mail": "ada", "password": "old"}
    own.create_secret(Name=NAME, SecretString=json.dumps(raw))
    backend = make_backend(aws_server, extra_conn_words={"user": ["mail"]})
    issue(open_on(backend))
    assert backend.get_connection("acme").login is None
    assert set(json.loads(current(own))) == {"conn_type", "host", "password"}


def test_a_uri_is_read_and_replaced_by_fields(backend, own):
    own.create_secret(Name=NAME, SecretString="polytomic://:old@https%3A%2F%2Fapp.polytomic.com/?region=eu")
    store = open_on(backend)
    assert ApiKey("old").matches(store.read().value)
    issue(store)
    written = json.loads(current(own))
    assert written["password"] == KEY
    assert json.loads(written["extra"]) == {"region": "eu"}


@pytest.mark.parametrize("uri", ["airflow://connection/acme", "airflow://variable/acme"])
def test_a_binary_secret_is_foreign_is_not_changed_by_a_check_and_can_be_taken_over(aws_server, backend, own, uri):
    name = "airflow/connections/acme" if "connection" in uri else "airflow/variables/acme"
    own.create_secret(Name=name, SecretBinary=b"\x00\x01")
    store = open_on(backend, uri)
    stored = store.read()
    assert (stored.value, stored.is_foreign) == (None, True)
    store.check_write(stored)
    assert store.read().version == stored.version
    assert own.get_secret_value(SecretId=name)["SecretBinary"] == b"\x00\x01"
    issue(store)
    assert KEY in current(own, name)


@pytest.mark.parametrize("letter", ["n", "é"])
def test_a_secret_that_would_become_too_long_is_refused_before_any_write(aws_server, own, monkeypatch, letter):
    connect(monkeypatch, aws_server)
    note = letter * (65_400 // len(letter.encode()))
    own.create_secret(Name="apps/sync", SecretString=json.dumps({"note": note}, ensure_ascii=False))
    store = open_outside("aws-secretsmanager://aws_writer@/apps/sync?field=api_key")
    stored = store.read()
    with because("too_long"):
        store.check_write(stored)
    assert actions(aws_server) == ["GetSecretValue"]
    own.put_secret_value(SecretId="apps/sync", SecretString=json.dumps({"note": "n" * 65_300}))
    issue(store)


def test_json_that_the_backend_could_not_read_is_refused_beforehand(aws_server, own):
    class Strict(SecretsManagerBackend):
        def _standardize_secret_keys(self, secret):
            return {**super()._standardize_secret_keys(secret), "color": secret.get("color")}

    own.create_secret(Name=NAME, SecretString=json.dumps({"conn_type": "polytomic", "color": "red"}))
    store = open_on(make_backend(aws_server, Strict))
    with because("useless_with_a_key"):
        store.check_write(store.read())
    assert actions(aws_server) == ["GetSecretValue"]
