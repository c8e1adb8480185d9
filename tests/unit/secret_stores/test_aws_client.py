"""The clients for AWS, and the translation of AWS's errors."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend
from botocore import exceptions as boto_errors

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreDeniedError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.secret_stores.aws.errors import explain
from airflow_provider_polytomic.secret_stores.factory import ClientCache
from tests.unit.secret_stores.aws_fixtures import (
    KEY,
    actions,
    connect,
    issue,
    make_backend,
    open_on,
    open_outside,
    render_error,
)
from tests.unit.secret_stores.reasons import because

BACKENDS = [SecretsManagerBackend, SystemsManagerParameterStoreBackend]
WRITER = "airflow://aws_writer@connection/acme"


@pytest.mark.parametrize("cls", BACKENDS)
def test_a_place_names_region_and_secret_and_no_endpoint_of_awss_own(cls):
    access = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "s"}
    places = {
        open_on(cls(region_name="eu-central-1", endpoint_url=url, **access)).place
        for url in (None, "https://vpce-0a1b-2c3d.ssm.eu-central-1.vpce.amazonaws.com")
    }
    assert len(places) == 1
    assert places.pop().endswith(", eu-central-1")
    proxied = open_on(cls(region_name="eu-central-1", endpoint_url="https://u:p@aws.example:8443/x", **access))
    assert proxied.place.endswith("eu-central-1 (https://aws.example:8443/x)")


@pytest.mark.parametrize("cls", BACKENDS)
def test_a_role_that_may_not_be_assumed_is_named(aws_server, cls):
    role = aws_server.role("key-writer")
    sts = {"sts": {"endpoint_url": aws_server.endpoint_url}}
    backend = make_backend(aws_server, cls, [], role_arn=role, service_config=sts)
    with because("missing_right", SecretStoreDeniedError):
        open_on(backend)


@pytest.mark.parametrize("uri", ["aws-ssm://nobody@/a/b", "aws-secretsmanager://nobody@/a/b"])
def test_a_missing_connection_is_refused_and_not_replaced_by_the_machines_credentials(aws_server, monkeypatch, uri):
    for name, value in aws_server.environment(aws_server.user()).items():
        monkeypatch.setenv(name, value)
    with because("connection_unusable"):
        open_outside(uri)
    assert actions(aws_server) == []


@pytest.mark.parametrize("uri", [WRITER, "aws-ssm://aws_writer@/a/b", "aws-secretsmanager://aws_writer@/a/b"])
@pytest.mark.parametrize("kind", ["http", "polytomic", "postgres"])
def test_a_connection_of_another_type_is_refused_and_its_password_not_sent_to_aws(aws_server, monkeypatch, uri, kind):
    connect(monkeypatch, aws_server, conn_type=kind)
    backend = make_backend(aws_server, SecretsManagerBackend)
    with because("connection_type"):
        open_on(backend, uri) if uri == WRITER else open_outside(uri)
    assert actions(aws_server) == []


def test_a_connection_to_another_region_than_the_backends_is_refused(aws_server, monkeypatch):
    connect(monkeypatch, aws_server, region_name="us-east-1")
    backend = make_backend(aws_server, SecretsManagerBackend)
    with because("another_region"):
        open_on(backend, WRITER)


def test_a_connection_that_is_of_no_use_is_refused(aws_server, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_AWS_WRITER", json.dumps({"conn_type": "aws", "extra": {"region_name": "no/where"}})
    )
    with because("client_unusable"):
        open_outside("aws-secretsmanager://aws_writer@/a/b")


@pytest.mark.parametrize("uri", ["airflow://connection/acme", WRITER])
def test_threads_share_one_client_that_is_made_once(aws_server, monkeypatch, uri):
    connect(monkeypatch, aws_server)
    made = []

    class Unlocked:
        """A cached property as in Python 3.12: without a lock, two threads may both compute it."""

        def __get__(self, backend, cls):
            made.append(cls)
            client = backend.__dict__["client"] = vars(SecretsManagerBackend)["client"].func(backend)
            return client

    class Backend(SecretsManagerBackend):
        client = Unlocked()

    backend, clients = make_backend(aws_server, Backend), ClientCache()
    with ThreadPoolExecutor(32) as pool:
        stores = list(pool.map(lambda number: open_on(backend, f"{uri}{number}", clients), range(32)))
    used = {id(client): client for client in (vars(store)["_secret"]._aws._client for store in stores)}
    assert (len(used), len(made)) == (1, 1)
    sizes = [client.meta.config.max_pool_connections for client in used.values()]
    assert sizes == ([32] if "@" in uri else [10])


@pytest.mark.parametrize("cls", BACKENDS)
def test_a_refusal_is_reported_by_its_code_and_not_by_a_message_that_may_quote_the_key(aws_server, cls):
    store = open_on(make_backend(aws_server, cls))
    stored = store.read()
    for action in ("PutSecretValue", "PutParameter"):
        aws_server.fail(action, "ValidationException")
    with because("request_not_accepted") as caught:
        store.write(ApiKey(KEY), stored)
    assert str(caught.value).startswith(store.place)
    assert "injected" not in str(caught.value)
    assert KEY not in render_error(caught.value)


def refused(code, message, status=400):
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return boto_errors.ClientError(answer, "PutParameter")


ARN = "arn:aws:ssm:eu-west-1:123456789012:parameter/airflow/connections/acme"


def test_a_missing_right_is_quoted_unless_the_message_contains_the_value():
    words = f"User: arn:aws:iam::123456789012:user/a is not authorized to perform: ssm:PutParameter on resource: {ARN}"
    because = "because no identity-based policy allows the ssm:PutParameter action"
    error = explain(
        refused("AccessDeniedException", f"{words} {because} (Service: X; {KEY})"), "p", sent={"Value": KEY}
    )
    assert f"p: AWS refused ({words} {because})" in str(error)
    for sent in (KEY, json.dumps({"conn_type": "polytomic", "password": KEY})):
        error = explain(refused("AccessDeniedException", f"{words}/{KEY}"), "p", sent={"Value": sent})
        assert "p: AWS refused (AccessDeniedException)" in str(error)
        assert KEY not in str(error)
    assert len(str(explain(refused("AccessDenied", words + "x" * 5000), "p"))) < 700


TRANSLATED = {
    (SecretStoreDeniedError, "missing_right"): [refused("AccessDeniedException", KEY)],
    (SecretStoreDeniedError, "kms_key"): [
        refused(code, KEY) for code in ("DecryptionFailure", "EncryptionFailure", "InvalidKeyId")
    ],
    (SecretStoreDeniedError, "credentials"): [
        refused(code, KEY) for code in ("ExpiredTokenException", "UnrecognizedClientException")
    ],
    (SecretStoreUnavailableError, "no_answer"): [
        *(refused(code, KEY) for code in ("ThrottlingException", "TooManyUpdates", "InternalServiceError")),
        refused("502", KEY, 502),
        refused("429", KEY, 429),
        boto_errors.EndpointConnectionError(endpoint_url="https://x"),
        boto_errors.ConnectTimeoutError(endpoint_url="https://x"),
        boto_errors.ReadTimeoutError(endpoint_url="https://x"),
        boto_errors.ConnectionClosedError(endpoint_url="https://x"),
        boto_errors.CredentialRetrievalError(provider="p", error_msg=KEY),
    ],
    (SecretStoreConfigurationError, "request_not_accepted"): [
        *(refused(code, KEY) for code in ("ValidationException", "LimitExceededException", "ParameterLimitExceeded")),
        refused(f"<html>{KEY}</html>", KEY),
    ],
    (SecretStoreConfigurationError, "client_unusable"): [
        boto_errors.NoCredentialsError(),
        boto_errors.NoRegionError(),
        boto_errors.ProfileNotFound(profile="p"),
        boto_errors.ParamValidationError(report=KEY),
    ],
}


@pytest.mark.parametrize(
    ("error", "expected"), [(error, kind) for kind, errors in TRANSLATED.items() for error in errors]
)
def test_errors_of_aws_and_boto_are_translated_by_code_and_type(error, expected):
    error = explain(error, "the place")
    assert (type(error), error.reason) == expected
    assert str(error).startswith("the place: ")
    assert KEY not in str(error)


@pytest.mark.parametrize("cls", BACKENDS)
def test_a_backend_without_a_region_is_refused(monkeypatch, cls):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with because("client_unusable"):
        open_on(cls())


@pytest.mark.parametrize("cls", BACKENDS)
def test_a_failed_read_back_is_reported_without_the_backends_message(aws_server, cls):
    store = open_on(make_backend(aws_server, cls))
    issue(store)
    aws_server.fail("GetSecretValue", "ThrottlingException")
    aws_server.fail("GetParameter", "ThrottlingException")
    with because("no_answer", SecretStoreUnavailableError):
        store.read_back()
