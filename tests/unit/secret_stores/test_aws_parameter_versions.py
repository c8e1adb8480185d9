"""Parameters that other processes write too, and missing rights."""

from __future__ import annotations

import re

import pytest
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConflictError, SecretStoreDeniedError
from tests.fakes.aws_accounts import ALLOW_ALL
from tests.unit.secret_stores import aws_fixtures
from tests.unit.secret_stores.aws_fixtures import KEY, issue, open_on, render_error
from tests.unit.secret_stores.reasons import because

VARIABLE = "/airflow/variables/acme_api_key"
URI = "airflow://variable/acme_api_key"
OLD = "pk-live-the-old-one-that-is-there"


@pytest.fixture
def own(aws_server):
    return aws_server.client("ssm")


@pytest.fixture
def store(aws_server):
    return open_on(make_backend(aws_server), URI)


def make_backend(server, policy=ALLOW_ALL):
    return aws_fixtures.make_backend(server, SystemsManagerParameterStoreBackend, policy)


def put(own, text=OLD, **given):
    return own.put_parameter(**{"Name": VARIABLE, "Value": text, "Type": "SecureString", "Overwrite": True} | given)


def current(own):
    return own.get_parameter(Name=VARIABLE, WithDecryption=True)["Parameter"]


@pytest.mark.parametrize("action", ["GetParameterHistory", "GetParameter"])
def test_a_change_before_the_second_read_conflicts(aws_server, store, own, action):
    put(own)
    stored = store.read()
    aws_server.interpose(action, lambda: put(own, "by-hand"))
    with pytest.raises(SecretStoreConflictError):
        store.write(ApiKey(KEY), stored)
    assert current(own)["Value"] == "by-hand"


def test_a_write_after_the_second_read_is_overwritten_and_named_in_the_log(aws_server, store, own, caplog):
    put(own)
    stored = store.read()
    aws_server.interpose("PutParameter", lambda: put(own, "by-hand"))
    version = store.write(ApiKey(KEY), stored)
    assert store.read().version == version
    (warning,) = caplog.messages
    assert warning.partition("\n")[0] == f"{store.place}: overwrote version 2 of another process"
    assert "read the parameter's history" in warning
    assert not {KEY, "by-hand"} & set(re.split(r"\s", caplog.text))


def test_another_issuer_of_the_same_key_causes_no_warning(aws_server, store, own, caplog):
    put(own)
    stored = store.read()
    aws_server.interpose("PutParameter", lambda: put(own, KEY))
    store.write(ApiKey(KEY), stored)
    assert current(own)["Version"] == 3
    assert "overwrote" not in caplog.text


def test_a_retried_request_is_not_taken_for_another_process(aws_server, own, caplog, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    store = open_on(make_backend(aws_server), URI)
    put(own)
    stored = store.read()
    aws_server.drop("PutParameter", when="after")
    store.write(ApiKey(KEY), stored)
    assert current(own)["Version"] == 3
    assert "overwrote" not in caplog.text


def test_a_parameter_that_was_recreated_has_another_version(store, own):
    put(own)
    stored = store.read()
    own.delete_parameter(Name=VARIABLE)
    put(own, "by-hand")
    assert current(own)["Version"] == stored.revision
    assert store.read().version != stored.version
    with pytest.raises(SecretStoreConflictError):
        store.write(ApiKey(KEY), stored)


def test_a_deletion_before_the_check_is_noticed_and_not_undone(aws_server, store, own):
    put(own)
    stored = store.read()
    own.delete_parameter(Name=VARIABLE)
    with pytest.raises(SecretStoreConflictError):
        store.check_write(stored)
    with pytest.raises(own.exceptions.ParameterNotFound):
        current(own)


def test_a_label_that_keeps_the_oldest_of_100_versions_is_found_beforehand_each_time(aws_server, store, own):
    put(own)
    for _ in range(98):
        put(own)
    own.label_parameter_version(Name=VARIABLE, ParameterVersion=1, Labels=["keep", "too"])
    store.check_write(store.read())  # there is room for one more
    put(own)
    stored = store.read()
    for check in (store, store, open_on(make_backend(aws_server), URI)):
        with because("oldest_version_has_label") as caught:
            check.check_write(stored)
        assert "label: keep, too." in str(caught.value)
    own.unlabel_parameter_version(Name=VARIABLE, ParameterVersion=1, Labels=["keep", "too"])
    store.check_write(stored)
    own.label_parameter_version(Name=VARIABLE, ParameterVersion=1, Labels=["again"])
    with because("oldest_version_has_label"):
        store.check_write(stored)
    assert current(own)["Version"] == 100


def test_a_full_history_without_a_label_on_its_oldest_version_has_room(store, own):
    for _ in range(100):
        put(own)
    own.label_parameter_version(Name=VARIABLE, ParameterVersion=2, Labels=["keep"])
    issue(store)
    with because("oldest_version_has_label"):
        store.check_write(store.read())


def allow(*denied):
    return [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        *({"Effect": "Deny", "Action": action, "Resource": "*"} for action in denied),
    ]


def test_a_kms_key_that_may_not_be_used_is_reported(aws_server, own):
    key = aws_server.key()
    put(own, KeyId=key)
    store = open_on(make_backend(aws_server, policy=allow("kms:Encrypt")), URI)
    with because("missing_right", SecretStoreDeniedError) as caught:
        store.write(ApiKey(KEY), store.read())
    assert KEY not in render_error(caught.value)
    assert current(own)["Value"] == OLD
    aws_server.disable_key(key)
    with because("kms_key", SecretStoreDeniedError):
        store.read()
