"""A connection is read as documented, and rejected if it is invalid."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks._connection import ConnectionFields, ConnectionSettings
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.hooks.conftest import PARTNER_KEY


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({}, "https://app.polytomic.com"),
        ({"host": "  "}, "https://app.polytomic.com"),
        ({"host": "polytomic.example.com"}, "https://polytomic.example.com"),
        ({"host": "https://Polytomic.Example.com//"}, "https://polytomic.example.com"),
        ({"host": "https://polytomic.example.com:443"}, "https://polytomic.example.com"),
        ({"host": "polytomic.example.com", "port": 8443}, "https://polytomic.example.com:8443"),
        ({"host": "polytomic.example.com:8443", "port": 8443}, "https://polytomic.example.com:8443"),
        ({"host": "polytomic.example.com/etl/"}, "https://polytomic.example.com/etl"),
        ({"host": "polytomic.example.com", "schema": "HTTPS"}, "https://polytomic.example.com"),
        ({"host": "localhost", "schema": "http", "port": 8766}, "http://localhost:8766"),
        ({"host": "http://127.9.8.7:80"}, "http://127.9.8.7"),
        ({"host": "http://[::1]:8766"}, "http://[::1]:8766"),
        ({"host": "http://polytomic.internal", "extra": {"allow_http": True}}, "http://polytomic.internal"),
        ({"host": "http://polytomic.internal", "extra": '{"allow_http": "True"}'}, "http://polytomic.internal"),
    ],
)
def test_host_schema_and_port_become_one_base_url(define, fields, base_url):
    define(**fields)
    assert PolytomicHook().base_url == base_url


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"host": "http://polytomic.example.com"}, ["host"]),
        ({"host": "polytomic.example.com", "schema": "http"}, ["host"]),
        ({"host": "http://localhost.example.com"}, ["host"]),
        ({"host": "http://127.0.0.1.example.com"}, ["host"]),
        ({"host": "https://polytomic.example.com", "schema": "http"}, ["host"]),
        ({"host": "ftp://polytomic.example.com"}, ["host"]),
        ({"host": "https://me:hidden-word@polytomic.example.com"}, ["host"]),
        ({"host": "https://polytomic.example.com?x=1"}, ["host"]),
        ({"host": "https://polytomic.example.com#x"}, ["host"]),
        ({"host": "https://polytomic.example.com/a/../b"}, ["host"]),
        ({"host": "https://polytomic.example.com\\@evil.example"}, ["host"]),
        ({"host": "https://"}, ["host"]),
        ({"host": "two words"}, ["host"]),
        ({"host": "https://polytomic.example.com:port"}, ["host"]),
        ({"host": "https://polytomic.example.com:1", "port": 2}, ["host"]),
        ({"host": "https://polytomic.example.com:0"}, ["host"]),
        ({"host": "https://polytomic.example.com:99999"}, ["host"]),
        ({"host": "https://polytomic.example.com:" + "9" * 5000}, ["host"]),
        ({"port": -1}, ["host"]),
        ({"port": 99999}, ["host"]),
        ({"extra": {"ca_bundle": "a" * 5000}}, ["ca_bundle"]),
        ({"extra": {"timeout": math.inf}}, ["timeout"]),
        ({"extra": {"timeout": "9" * 5000}}, ["timeout"]),
        ({"extra": {"proxy": "http://proxy.example.com:99999"}}, ["proxy"]),
        ({"extra": {"proxy": "http://proxy.example.com:" + "9" * 5000}}, ["proxy"]),
        ({"password": ""}, ["password"]),
        ({"password": None}, ["password"]),
        ({"password": "two words"}, ["password"]),
        ({"extra": {"timeout": 0}}, ["timeout"]),
        ({"extra": {"timeout": "nan"}}, ["timeout"]),
        ({"extra": {"timeout": True}}, ["timeout"]),
        ({"extra": {"timeout": 601}}, ["timeout"]),
        ({"extra": {"verify": "maybe"}}, ["verify"]),
        ({"extra": {"ca_bundle": "/nowhere/ca.pem"}}, ["ca_bundle"]),
        ({"extra": {"ca_bundle": "/", "verify": False}}, ["ca_bundle", "verify"]),
        ({"extra": {"api_version": "latest\r\nX-Evil: 1"}}, ["api_version"]),
        ({"extra": {"proxy": "proxy.example.com"}}, ["proxy"]),
        ({"extra": {"proxy": "http://[broken"}}, ["proxy"]),
        ({"login": "with:colon"}, ["login"]),
    ],
)
def test_an_invalid_connection_is_rejected_with_the_names_of_its_fields(define, given, fields):
    define(**given)
    with pytest.raises(PolytomicConfigurationError) as caught:
        _ = PolytomicHook().settings
    assert (caught.value.reason, caught.value.fields) == ("connection_invalid", tuple(fields))
    assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize("extra", ["[]", "{", "7"])
def test_an_extra_that_is_not_a_json_object_is_rejected(extra):
    # Not from the environment: Airflow 2.11 itself warns of such a connection.
    nothing = dict.fromkeys(("host", "schema", "port", "login"))
    fields = ConnectionFields.from_connection(
        SimpleNamespace(**nothing, conn_type="polytomic", password=PARTNER_KEY, extra=extra)
    )
    with pytest.raises(PolytomicConfigurationError) as caught:
        ConnectionSettings.parse("acme", fields)
    assert caught.value.fields == ("extra",)


def test_an_error_states_the_problem_the_state_and_what_to_do(define):
    define(extra={"timeout": 601})
    with pytest.raises(PolytomicConfigurationError) as caught:
        _ = PolytomicHook().settings
    assert str(caught.value) == (
        "The connection 'polytomic_default' cannot be used: its extra 'timeout' must be a number of seconds, at most "
        "600. No request was sent. Correct the connection."
    )


def test_a_missing_connection_and_one_of_another_type_are_rejected(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AWS", '{"conn_type": "aws", "password": "not-for-polytomic"}')
    for conn_id, reason in (("nobody", "connection_missing"), ("aws", "connection_of_other_type")):
        with pytest.raises(PolytomicConfigurationError) as caught:
            _ = PolytomicHook(conn_id).base_url
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    "conn_id",
    [
        "",
        "/acme",
        "acme/",
        "team//acme",
        "team/../acme",
        "..",
        ".",
        "a\\..\\b",
        "with blank",
        "a\nb",
        "a?b",
        "x" * 251,
        None,
    ],
)
def test_an_id_that_could_mean_another_connection_is_rejected_unread(monkeypatch, conn_id):
    """Vault's backend reads an id as a path, so two spellings could be one connection."""
    hook = PolytomicHook(conn_id)
    monkeypatch.setattr(PolytomicHook, "get_connection", lambda *_: pytest.fail("the connection was read"))
    with pytest.raises(PolytomicConfigurationError) as caught:
        _ = hook.base_url
    assert (caught.value.reason, caught.value.fields) == ("invalid_conn_id", ("polytomic_conn_id",))


def test_an_id_with_a_slash_inside_is_legal(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_TEAM/ACME", f"polytomic://:{PARTNER_KEY}@app.polytomic.com")
    assert PolytomicHook("team/acme").base_url == "https://app.polytomic.com"


def test_creating_a_hook_reads_no_connection():
    assert PolytomicHook("nobody").polytomic_conn_id == "nobody"


@pytest.mark.parametrize("retry_for", [0, -1, float("nan"), float("inf")])
def test_retry_for_must_be_a_positive_number(retry_for):
    with pytest.raises(PolytomicConfigurationError) as caught:
        PolytomicHook(retry_for=retry_for)
    assert caught.value.fields == ("retry_for",)


@pytest.mark.parametrize("absent", [None, ""])
def test_an_empty_extra_field_counts_as_absent(define, absent):
    names = ("api_version", "timeout", "verify", "ca_bundle", "proxy", "allow_http")
    define(extra=dict.fromkeys(names, absent))
    settings = PolytomicHook().settings
    assert (settings.api_version, settings.timeout) == ("2025-09-18", 30.0)
    assert (settings.verify, settings.proxy) == (True, None)


def test_extra_fields_may_be_strings_as_in_a_connection_uri(define, tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    define(extra={"timeout": "2.5", "verify": "true", "ca_bundle": str(bundle), "api_version": "2024-02-08"})
    settings = PolytomicHook().settings
    assert (settings.timeout, settings.verify, settings.api_version) == (2.5, str(bundle), "2024-02-08")


def test_settings_show_neither_the_key_nor_the_proxy(define):
    define(extra={"proxy": "http://me:hidden-word@proxy.example.com:3128"})
    settings = PolytomicHook().settings
    assert settings.proxy is not None
    assert PARTNER_KEY not in repr(settings)
    assert "hidden-word" not in repr(settings)
