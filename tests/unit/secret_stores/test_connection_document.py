from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.secret_stores.connection_document import merge_key, read_connection, read_string
from tests.unit.secret_stores.reasons import because

SERVER = "https://app.polytomic.com"
NEW = ApiKey("new-key")

# stored content, issuer: (key, is_foreign, is_recognised)
HELD = {
    "issuer's type and server": (
        {"conn_type": "polytomic", "host": SERVER, "password": "k"},
        SERVER,
        ("k", False, True),
    ),
    "no host": ({"conn_type": "polytomic", "password": "k"}, SERVER, ("k", False, True)),
    "host without scheme": (
        {"conn_type": "polytomic", "host": "App.Polytomic.com/", "password": "k"},
        SERVER,
        ("k", False, True),
    ),
    "port field": (
        {"conn_type": "polytomic", "host": "http://127.0.0.1", "port": 8766, "password": "k"},
        "http://127.0.0.1:8766",
        ("k", False, True),
    ),
    "uri": ("polytomic://:k%2Fk@app.polytomic.com", SERVER, ("k/k", False, True)),
    "uri field": ({"uri": "polytomic://:k@"}, SERVER, ("k", False, True)),
    "other server": (
        {"conn_type": "polytomic", "host": "https://eu.example.com", "password": "k"},
        SERVER,
        (None, True, False),
    ),
    "other server, no key": (
        {"conn_type": "polytomic", "host": "https://eu.example.com"},
        SERVER,
        (None, False, False),
    ),
    "other port": ({"conn_type": "polytomic", "port": 99, "password": "k"}, SERVER, (None, True, False)),
    "no key yet": ({"conn_type": "polytomic"}, SERVER, (None, False, False)),
    "no key": ({"conn_type": "polytomic", "password": "two words"}, SERVER, (None, True, False)),
    "other type": ({"conn_type": "postgres", "password": "k"}, SERVER, (None, True, False)),
    "other uri": ("postgres://u:k@db/x", SERVER, (None, True, False)),
    "no type": ({"password": "k"}, SERVER, (None, True, False)),
    "not a uri": ("http://a:b://c://d", SERVER, (None, True, False)),
}


@pytest.mark.parametrize(("content", "issuer", "expected"), HELD.values(), ids=HELD)
def test_a_connection_is_recognised_only_with_the_type_and_server_of_the_issuer(content, issuer, expected):
    stored = read_connection(content, issuer=issuer)
    assert (stored.value and stored.value.reveal(), stored.is_foreign, stored.is_recognised) == expected
    assert stored.version not in ("absent", read_connection(None, issuer=issuer).version)


@pytest.mark.parametrize(
    ("content", "key", "foreign"),
    [
        (None, None, False),
        ("", None, False),
        ("k", "k", False),
        ("a b", None, True),
        (5, None, True),
        ({"a": 1}, None, True),
    ],
)
def test_a_string_is_a_key_or_foreign_and_never_recognised(content, key, foreign):
    stored = read_string(content)
    assert (stored.value and stored.value.reveal(), stored.is_foreign, stored.is_recognised) == (key, foreign, False)


def test_the_order_of_fields_does_not_change_the_version():
    assert (
        read_connection({"conn_type": "polytomic", "password": "k"}, issuer=SERVER).version
        == read_connection({"password": "k", "conn_type": "polytomic"}, issuer=SERVER).version
    )


# stored content, issuer, merged fields except conn_type and password
MERGED = {
    "nothing": (None, SERVER, {"host": SERVER}),
    "others' fields stay": (
        {
            "conn_type": "polytomic",
            "host": "app.polytomic.com",
            "password": "k",
            "description": "d",
            "extra": '{"timeout": 5}',
        },
        SERVER,
        {"host": "app.polytomic.com", "description": "d", "extra": '{"timeout": 5}'},
    ),
    "extra_dejson stays": (
        {"conn_type": "polytomic", "extra_dejson": {"timeout": 5}},
        SERVER,
        {"extra_dejson": {"timeout": 5}},
    ),
    "uri": (
        "polytomic://:k@app.polytomic.com/?api_version=2025-09-18",
        SERVER,
        {"host": "app.polytomic.com", "extra": '{"api_version": "2025-09-18"}'},
    ),
    "uri field": (
        {"uri": "polytomic://:k@app.polytomic.com", "description": "d"},
        SERVER,
        {"host": "app.polytomic.com", "description": "d"},
    ),
    "a login is removed, or the key would be sent as Basic": (
        {"conn_type": "polytomic", "login": "org", "password": "k", "extra": {"timeout": 5}},
        SERVER,
        {"extra": {"timeout": 5}},
    ),
    "another server": (
        {"conn_type": "polytomic", "host": "eu.example.com", "port": 8443, "schema": "https", "description": "d"},
        SERVER,
        {"host": SERVER, "description": "d"},
    ),
    "another type": (
        {
            "conn_type": "postgres",
            "host": "db",
            "port": 5432,
            "login": "u",
            "description": "d",
            "extra": {"sslmode": "off"},
        },
        SERVER,
        {"host": SERVER, "description": "d"},
    ),
    "plain http elsewhere": (
        None,
        "http://polytomic.internal",
        {"host": "http://polytomic.internal", "extra": {"allow_http": True}},
    ),
    "plain http here": (None, "http://127.0.0.1:8766", {"host": "http://127.0.0.1:8766"}),
}


@pytest.mark.parametrize(("content", "issuer", "expected"), MERGED.values(), ids=MERGED)
def test_a_key_is_merged_so_that_the_hook_sends_it_to_its_server(content, issuer, expected):
    before = json.dumps(content)
    merged = merge_key(content, NEW, issuer=issuer)
    assert merged == {"conn_type": "polytomic", "password": "new-key", **expected}
    assert json.dumps(content) == before
    assert read_connection(merged, issuer=issuer).is_recognised


@pytest.mark.parametrize(("content", "issuer", "expected"), MERGED.values(), ids=MERGED)
def test_airflow_and_the_hook_read_what_was_merged(content, issuer, expected):
    from airflow.models.connection import Connection

    from airflow_provider_polytomic.hooks._connection import ConnectionFields, ConnectionSettings

    fields = merge_key(content, NEW, issuer=issuer)
    if "extra_dejson" in fields:
        fields["extra"] = fields.pop("extra_dejson")
    settings = ConnectionSettings.parse("acme", ConnectionFields.from_connection(Connection(conn_id="acme", **fields)))
    assert settings.base_url == issuer
    assert settings.key.matches(NEW)
    assert settings.login is None


def test_extra_fields_that_cannot_be_read_are_not_lost():
    with because("extra_is_no_object"):
        merge_key({"conn_type": "polytomic", "extra": "no JSON"}, NEW, issuer=SERVER)
