"""Removal of keys from Parameter Store."""

from __future__ import annotations

import pytest
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

from airflow_provider_polytomic.exceptions import SecretStoreUnavailableError
from tests.unit.secret_stores.aws_fixtures import KEY, actions, issue, make_backend, open_on
from tests.unit.secret_stores.reasons import because

NAME = "/airflow/variables/acme_api_key"
RECORD = f"{NAME}.polytomic-issuance"
URI = "airflow://variable/acme_api_key"


@pytest.fixture
def own(aws_server):
    return aws_server.client("ssm")


@pytest.fixture
def store(aws_server):
    return open_on(make_backend(aws_server, SystemsManagerParameterStoreBackend), URI)


def remove(store):
    store.remove(store.read(), permanently=True)
    store.remove_record()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("of", [NAME, RECORD])
def test_a_lost_answer_is_reported_and_the_next_try_succeeds(aws_server, store, own, when, of):
    issue(store)
    aws_server.drop("DeleteParameter", when=when, skip=0 if of == NAME else 1)
    with because("no_answer", SecretStoreUnavailableError):
        remove(store)
    remove(store)
    assert own.describe_parameters()["Parameters"] == []
    issue(store, "pk-live-another-one-0123456789")


def test_botos_own_retry_of_a_deletion_succeeds(aws_server, own, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    store = open_on(make_backend(aws_server, SystemsManagerParameterStoreBackend), URI)
    issue(store)
    aws_server.drop("DeleteParameter", when="after")
    remove(store)
    assert actions(aws_server).count("DeleteParameter") == 3
    assert own.describe_parameters()["Parameters"] == []


def test_a_parameter_in_clear_is_removed_and_one_that_is_not_a_record_stays(store, own):
    own.put_parameter(Name=NAME, Value=KEY, Type="String")
    store.remove(store.read(), permanently=True)
    assert store.read().version == "absent"
    own.put_parameter(Name=RECORD, Value="a note", Type="String")
    with because("no_record"):
        store.remove_record()
    assert own.get_parameter(Name=RECORD)["Parameter"]["Value"] == "a note"
