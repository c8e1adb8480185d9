"""Versions, labels, tags and rights in Secrets Manager: readers get only a key whose write succeeded."""

from __future__ import annotations

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    SecretStoreConflictError,
    SecretStoreDeniedError,
    SecretStoreUnavailableError,
)
from tests.unit.secret_stores.aws_fixtures import KEY, actions, issue, make_backend, open_on, render_error
from tests.unit.secret_stores.reasons import because

NAME = "airflow/variables/acme_api_key"
URI = "airflow://variable/acme_api_key"
ANOTHER = "pk-live-another-one-0123456789"
OLD = "pk-live-the-old-one-that-is-there"


@pytest.fixture
def own(aws_server):
    return aws_server.client("secretsmanager")


@pytest.fixture
def store(aws_server):
    return open_on(make_backend(aws_server, SecretsManagerBackend), URI)


@pytest.fixture
def existing(own):
    own.create_secret(Name=NAME, SecretString=OLD)


def current(own):
    return own.get_secret_value(SecretId=NAME)["SecretString"]


def put(own, text="by-hand"):
    return lambda: own.put_secret_value(SecretId=NAME, SecretString=text)


def test_a_check_puts_the_present_content_again_under_its_own_version(aws_server, store, own, existing):
    stored = store.read()
    store.check_write(stored)
    put_again, probe = aws_server.requests[-2:]
    assert (put_again.body["SecretString"], put_again.body["ClientRequestToken"]) == (OLD, stored.version)
    assert put_again.body["VersionStages"] == ["PolytomicPending"]
    assert probe.error == "InvalidParameterException"
    assert {probe.body["RemoveFromVersionId"], probe.body["MoveToVersionId"]}.isdisjoint({stored.version})
    labels = own.describe_secret(SecretId=NAME)["VersionIdsToStages"]
    assert labels == {stored.version: ["AWSCURRENT"]}


def test_readers_get_the_old_key_until_the_label_moves_and_a_retry_completes_it(aws_server, store, own, existing):
    stored = store.read()
    aws_server.drop("UpdateSecretVersionStage", when="before")
    with because("no_answer", SecretStoreUnavailableError) as caught:
        store.write(ApiKey(KEY), stored)
    assert KEY not in render_error(caught.value)
    assert current(own) == OLD
    assert store.read().version == stored.version
    version = store.write(ApiKey(KEY), stored)
    assert (current(own), store.read().version) == (KEY, version)
    assert own.get_secret_value(SecretId=NAME, VersionStage="AWSPREVIOUS")["SecretString"] == OLD


def test_a_lost_answer_to_the_move_conflicts_and_reading_again_finds_the_key(aws_server, store, existing, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    store = open_on(make_backend(aws_server, SecretsManagerBackend), URI)
    aws_server.drop("UpdateSecretVersionStage", when="after")
    with pytest.raises(SecretStoreConflictError):
        store.write(ApiKey(KEY), store.read())
    assert store.read().value.reveal() == KEY


@pytest.mark.parametrize("action", ["PutSecretValue", "UpdateSecretVersionStage"])
def test_a_write_of_another_process_in_between_stays(aws_server, store, own, existing, action):
    stored = store.read()
    aws_server.interpose(action, put(own))
    with pytest.raises(SecretStoreConflictError):
        store.write(ApiKey(KEY), stored)
    assert current(own) == "by-hand"


def test_of_two_first_versions_the_first_one_wins(aws_server, store, own):
    stored = store.read()
    store.write_record({"state": "open"})
    aws_server.interpose("PutSecretValue", put(own))
    with pytest.raises(SecretStoreConflictError):
        store.write(ApiKey(KEY), stored)
    assert current(own) == "by-hand"


def test_a_secret_that_another_process_creates_first_conflicts(aws_server, store, own):
    stored = store.read()
    aws_server.interpose("CreateSecret", lambda: own.create_secret(Name=NAME, SecretString="by-hand"))
    with pytest.raises(SecretStoreConflictError):
        store.write(ApiKey(KEY), stored)
    assert current(own) == "by-hand"


def test_a_record_is_written_even_if_the_secret_is_created_or_deleted_in_between(aws_server, store, own):
    assert store.read_record() is None
    aws_server.interpose("CreateSecret", lambda: own.create_secret(Name=NAME, SecretString="by-hand"))
    store.write_record({"state": "open"})
    assert store.read_record() == {"state": "open"}
    own.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    store.write_record({"state": "again"})
    assert store.read_record() == {"state": "again"}
    assert store.read().version == "absent"


def allow(*denied, resource="*"):
    return [
        {"Effect": "Allow", "Action": "*", "Resource": resource},
        *({"Effect": "Deny", "Action": action, "Resource": "*"} for action in denied),
    ]


def test_the_right_to_put_a_first_value_is_not_checked(aws_server, store, own):
    own.create_secret(Name=NAME)
    store.check_write(store.read())
    assert actions(aws_server) == ["GetSecretValue", "UpdateSecretVersionStage"]


def test_the_kms_key_stays_and_is_required(aws_server, own):
    key = aws_server.key()
    own.create_secret(Name=NAME, SecretString=OLD, KmsKeyId=key)
    issue(open_on(make_backend(aws_server, SecretsManagerBackend), URI))
    assert own.describe_secret(SecretId=NAME)["KmsKeyId"] == key
    denied = make_backend(aws_server, SecretsManagerBackend, allow("kms:GenerateDataKey"))
    store = open_on(denied, URI)
    with because("missing_right", SecretStoreDeniedError) as caught:
        store.write(ApiKey(ANOTHER), store.read())
    assert ANOTHER not in render_error(caught.value)
    aws_server.disable_key(key)
    with because("kms_key", SecretStoreDeniedError):
        store.read()
