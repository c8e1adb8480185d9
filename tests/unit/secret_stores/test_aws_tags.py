"""Records in the tags of a secret, beside tags of other owners and within AWS's quota."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend

from airflow_provider_polytomic._issuance.record import IssuanceRecord, Run
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.secret_stores.base import RECORD_FIELDS
from tests.unit.secret_stores.aws_fixtures import make_backend, open_on
from tests.unit.secret_stores.reasons import because

NAME = "airflow/variables/acme_api_key"
FULL = IssuanceRecord(
    state="done",
    issuance_id="5e47b5f4-40d0-460e-b318-0348cc5f6e8d",
    forced=True,
    idempotency_keys_used=0,
    opened_at=datetime(2026, 11, 22, tzinfo=UTC),
    previous_fingerprint="absent",
    target=Target.parse("5e47b5f4-40d0-460e-b318-0348cc5f6e8d", "073ae76b-3e6a-455d-a8e1-25800c183c16"),
    fingerprint="8929b40c4ea0c603",
    issued_at=datetime(2026, 11, 22, tzinfo=UTC),
    rejected_at=datetime(2026, 11, 22, tzinfo=UTC),
    run=Run("7a1b9b0e-3e6a-455d-a8e1-25800c183c16", datetime(2026, 11, 22, tzinfo=UTC)),
)
OPEN = replace(FULL, state="open", fingerprint=None, issued_at=None, rejected_at=None)


@pytest.fixture
def own(aws_server):
    return aws_server.client("secretsmanager")


@pytest.fixture
def store(aws_server):
    return open_on(make_backend(aws_server, SecretsManagerBackend), "airflow://variable/acme_api_key")


@pytest.fixture(autouse=True)
def _existing(own):
    own.create_secret(Name=NAME, SecretString="pk-live-the-old-one-that-is-there")


def tags(own):
    return {tag["Key"]: tag["Value"] for tag in own.describe_secret(SecretId=NAME)["Tags"]}


def test_a_record_is_kept_in_tags_and_leaves_the_tags_of_others_alone(store, own):
    own.tag_resource(SecretId=NAME, Tags=[{"Key": "team", "Value": "data"}, {"Key": "polytomic", "Value": "theirs"}])
    assert store.read_record() is None
    store.write_record({"state": "open", "rejected_at": "2026-11-22T10:00:00+00:00", "odd=name": 'a=3d "~" {ü}% é'})
    assert store.read_record()["odd=name"] == 'a=3d "~" {ü}% é'
    store.write_record({"state": "done"})
    assert store.read_record() == {"state": "done"}
    now = tags(own)
    assert (now["team"], now["polytomic"]) == ("data", "theirs")
    assert (now["polytomic-issuance"], now["polytomic-issuance:state"]) == ("state", "done")


def test_the_first_record_already_has_all_tags(store, own):
    assert set(FULL.to_mapping()) == set(RECORD_FIELDS)
    store.write_record(OPEN.to_mapping())
    assert len(tags(own)) == 15
    assert (tags(own)["polytomic-issuance:issued_at"], tags(own)["polytomic-issuance:rejected_at"]) == ("", "")
    assert store.read_record() == OPEN.to_mapping()
    store.write_record(FULL.to_mapping())
    assert len(tags(own)) == 15
    assert store.read_record() == FULL.to_mapping()
    store.write_record(OPEN.to_mapping())
    assert tags(own)["polytomic-issuance:rejected_at"] == ""
    assert store.read_record() == OPEN.to_mapping()


def test_a_record_leaves_35_of_50_tags_to_others_and_the_first_record_checks_it(store, own):
    own.tag_resource(SecretId=NAME, Tags=[{"Key": f"team{number}", "Value": "v"} for number in range(35)])
    store.write_record(OPEN.to_mapping())
    store.write_record(FULL.to_mapping())
    own.untag_resource(SecretId=NAME, TagKeys=[name for name in tags(own) if name.startswith("polytomic")])
    own.tag_resource(SecretId=NAME, Tags=[{"Key": "one more", "Value": "v"}])
    with because("no_room_for_tags"):
        store.write_record(OPEN.to_mapping())
    assert len(tags(own)) == 36


def test_a_tag_that_was_removed_is_a_missing_field(store, own):
    store.write_record({"state": "open", "idempotency_keys_used": "0"})
    own.untag_resource(SecretId=NAME, TagKeys=["polytomic-issuance:idempotency_keys_used"])
    assert store.read_record() == {"state": "open"}
