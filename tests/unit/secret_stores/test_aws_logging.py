"""No request of an AWS store is logged, and a consumer's own requests are."""

from __future__ import annotations

import json
import logging

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

from tests.unit.secret_stores.aws_fixtures import KEY, connect, issue, make_backend, open_on, open_outside

LOGGERS = ["boto3", "botocore", "botocore.endpoint", "botocore.parsers"]


@pytest.fixture(autouse=True)
def at_debug(caplog):
    """Log everything."""
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "botocore.parsers"):
        yield


@pytest.mark.parametrize("cls", [SecretsManagerBackend, SystemsManagerParameterStoreBackend])
@pytest.mark.parametrize("uri", ["airflow://connection/acme", "airflow://variable/acme_api_key"])
def test_at_debug_no_request_of_the_package_is_logged(aws_server, caplog, cls, uri):
    backend = make_backend(aws_server, cls)
    issue(open_on(backend, uri), "pk-live-the-first-one-0123456789")
    issue(open_on(backend, uri))
    assert "pk-live" not in caplog.text
    backend.get_variable("acme_api_key")
    assert "botocore.endpoint" in {
        record.name for record in caplog.records
    }  # a consumer's own reads are logged as configured


@pytest.mark.parametrize(
    "uri", ["airflow://connection/warehouse", "aws-secretsmanager://aws_writer@/airflow/x?field=f"]
)
def test_at_debug_no_check_logs_a_secret_of_another_owner(aws_server, caplog, monkeypatch, uri):
    connect(monkeypatch, aws_server)
    own = aws_server.client("secretsmanager")
    foreign = json.dumps({"conn_type": "postgres", "password": "w4rehouse-p4ss"})
    own.create_secret(Name="airflow/connections/warehouse", SecretString=foreign)
    own.create_secret(Name="airflow/x", SecretString='{"note": "w4rehouse-p4ss"}')
    caplog.clear()
    backend = make_backend(aws_server, SecretsManagerBackend)
    store = open_outside(uri) if uri.startswith("aws-") else open_on(backend, uri)
    store.check_write(store.read())
    assert "w4rehouse-p4ss" not in caplog.text


@pytest.mark.parametrize("cls", [SecretsManagerBackend, SystemsManagerParameterStoreBackend])
def test_no_request_of_the_package_is_printed(aws_server, capfd, monkeypatch, cls):
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 2)
    issue(open_on(make_backend(aws_server, cls)), "pk-live-the-first-one-0123456789")
    output = "".join(capfd.readouterr())
    assert "pk-live" not in output
    assert "send: " not in output
    make_backend(aws_server, cls).get_connection("acme")
    assert "send: " in capfd.readouterr().out  # a consumer's own requests are printed as the program wants


@pytest.mark.parametrize("uri", ["aws-ssm://aws_writer@/a/b", "aws-secretsmanager://aws_writer@/a/b?field=f"])
def test_at_debug_no_request_over_a_connection_is_logged(aws_server, caplog, monkeypatch, uri):
    connect(monkeypatch, aws_server)
    issue(open_outside(uri))
    assert KEY not in caplog.text
    assert not {record.name for record in caplog.records if record.levelno < logging.INFO} & set(LOGGERS)
