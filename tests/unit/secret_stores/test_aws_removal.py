"""Removal of keys from AWS Secrets Manager, and names of secrets that are being deleted."""

from __future__ import annotations

import json
import logging

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    SecretStoreConflictError,
    SecretStoreUnavailableError,
)
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

NAME = "airflow/variables/acme_api_key"
URI = "airflow://variable/acme_api_key"
FIELD = "aws-secretsmanager://aws_writer@/apps/sync?field=api_key"


@pytest.fixture
def own(aws_server):
    return aws_server.client("secretsmanager")


@pytest.fixture
def store(aws_server):
    return open_on(make_backend(aws_server, SecretsManagerBackend), URI)


def remove(store, *, permanently=True):
    store.remove(store.read(), permanently=permanently)
    store.remove_record()


def kept(own, name="apps/sync"):
    return json.loads(own.get_secret_value(SecretId=name)["SecretString"])


def test_a_permanent_removal_is_immediate_and_a_new_key_can_be_issued(aws_server, store, own):
    issue(store)
    remove(store)
    assert aws_server.requests[-2].body["ForceDeleteWithoutRecovery"] is True
    with pytest.raises(own.exceptions.ResourceNotFoundException):
        own.describe_secret(SecretId=NAME)
    issue(store, "pk-live-another-one-0123456789")


def test_a_removed_secret_can_be_restored_with_its_record(aws_server, store, own):
    issue(store)
    remove(store, permanently=False)
    assert "ForceDeleteWithoutRecovery" not in aws_server.requests[-2].body
    assert (store.read().value, store.read_record()) == (None, None)
    own.restore_secret(SecretId=NAME)
    assert (store.read().value.reveal(), store.read_record()) == (KEY, {"state": "done"})


def test_a_secret_that_is_scheduled_for_deletion_has_no_value_and_gets_no_key(aws_server, store, own):
    own.create_secret(Name=NAME, SecretString="x")
    absent = store.read().version
    own.delete_secret(SecretId=NAME, RecoveryWindowInDays=7)
    stored = store.read()
    assert (stored.value, stored.is_foreign, store.read_record(), store.read_back()) == (None, False, None, None)
    assert stored.version not in {"absent", absent}
    for act in (
        lambda: store.check_write(stored),
        lambda: store.write(ApiKey(KEY), stored),
        lambda: store.write_record({"state": "open"}),
    ):
        with because("scheduled_for_deletion"):
            act()
    assert {"PutSecretValue", "TagResource"}.isdisjoint(actions(aws_server))
    remove(store)
    assert own.describe_secret(SecretId=NAME)["DeletedDate"]


def test_a_secret_gets_no_key_during_a_forced_deletion_and_one_afterwards(aws_server, store, own):
    issue(store)
    aws_server.delete_slowly()
    remove(store)
    for act in (
        lambda: store.check_write(store.read()),
        lambda: store.write(ApiKey(KEY), store.read()),
        lambda: store.write_record({"state": "open"}),
    ):
        with because("being_deleted", SecretStoreUnavailableError):
            act()
    remove(store)
    aws_server.finish_deletions()
    issue(store, "pk-live-another-one-0123456789")


def test_a_name_that_aws_has_not_released_yet_is_retried_later(aws_server, store):
    stored = store.read()
    store.read_record()
    store.check_write(stored)
    aws_server.fail("CreateSecret", "InvalidRequestException", times=2)
    for act in (lambda: store.write_record({"state": "open"}), lambda: store.write(ApiKey(KEY), stored)):
        with because("being_deleted", SecretStoreUnavailableError) as caught:
            act()
        assert KEY not in render_error(caught.value)
    issue(store)


def test_a_reader_without_the_right_to_describe_gets_an_error_for_a_deleted_secret(aws_server, own, monkeypatch):
    policy = [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]
    connect(monkeypatch, aws_server, policy)
    own.create_secret(Name="apps/sync", SecretString=KEY)
    own.delete_secret(SecretId="apps/sync")
    with because("request_not_accepted"):
        open_outside("aws-secretsmanager://aws_writer@/apps/sync").read_back()


@pytest.mark.parametrize("permanently", [True, False])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("slowly", [True, False])
def test_a_lost_answer_is_reported_and_the_next_try_succeeds(aws_server, store, permanently, when, slowly):
    issue(store)
    if slowly:
        aws_server.delete_slowly()
    stored = store.read()
    aws_server.drop("DeleteSecret", when=when)
    with because("no_answer", SecretStoreUnavailableError):
        store.remove(stored, permanently=permanently)
    assert (store.read().value is None) is (when == "after")
    store.remove(stored, permanently=permanently)
    store.remove_record()
    assert (store.read().value, store.read_record()) == (None, None)


def test_a_secret_that_is_already_deleted_is_no_error(aws_server, store, own):
    issue(store)
    stored = store.read()
    aws_server.interpose("DeleteSecret", lambda: own.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True))
    store.remove(stored, permanently=False)
    assert store.read().version == "absent"


def test_a_secret_that_aws_cannot_delete_is_reported(aws_server, store, own):
    issue(store)
    aws_server.fail("DeleteSecret", "InvalidRequestException")
    with because("not_deletable"):
        store.remove(store.read(), permanently=True)
    assert own.get_secret_value(SecretId=NAME)["SecretString"] == KEY


def test_a_secret_without_a_value_loses_its_record_and_stays(aws_server, store, own):
    own.create_secret(Name=NAME, Tags=[{"Key": "owner", "Value": "the data team"}])
    store.write_record({"state": "failed"})
    remove(store)
    assert own.describe_secret(SecretId=NAME)["Tags"] == [{"Key": "owner", "Value": "the data team"}]
    assert "DeleteSecret" not in actions(aws_server)


def test_only_the_field_is_removed_if_the_secret_has_others(aws_server, own, monkeypatch, caplog):
    connect(monkeypatch, aws_server)
    own.create_secret(Name="apps/sync", SecretString=json.dumps({"url": "a-secret-of-others"}))
    store = open_outside(FIELD)
    issue(store)
    caplog.set_level(logging.DEBUG)
    store.remove(store.read(), permanently=True)
    store.remove_record()
    assert KEY not in caplog.text
    assert "a-secret-of-others" not in caplog.text
    assert kept(own) == {"url": "a-secret-of-others"}
    assert "a-secret-of-others" in caplog.text, "the request of another client is logged at DEBUG"
    assert own.describe_secret(SecretId="apps/sync").get("Tags", []) == []
    assert store.read_record() is None
    issue(store, "pk-live-another-one-0123456789")
    assert kept(own)["url"] == "a-secret-of-others"


@pytest.mark.parametrize("action", ["PutSecretValue", "UpdateSecretVersionStage"])
def test_a_write_of_another_process_during_the_removal_of_a_field_stays(aws_server, own, monkeypatch, action):
    connect(monkeypatch, aws_server)
    own.create_secret(Name="apps/sync", SecretString=json.dumps({"url": "x", "api_key": KEY}))
    store, theirs = open_outside(FIELD), {"url": "y", "api_key": "by-hand"}
    stored = store.read()
    aws_server.interpose(action, lambda: own.put_secret_value(SecretId="apps/sync", SecretString=json.dumps(theirs)))
    with pytest.raises(SecretStoreConflictError) as caught:
        store.remove(stored, permanently=True)
    assert KEY not in render_error(caught.value)
    assert kept(own) == theirs
