"""Is the server's Secrets Manager as strict as AWS's where moto is not?"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.servers.aws_expect import refused


@pytest.fixture
def client(aws_server):
    return aws_server.client("secretsmanager", aws_server.user())


def token():
    return str(uuid.uuid4())


def stages(client):
    return {version: set(held) for version, held in client.describe_secret(SecretId="a")["VersionIdsToStages"].items()}


def test_a_secret_without_a_value_has_none_to_read(client):
    with refused("ResourceNotFoundException", "can't find the specified secret."):
        client.get_secret_value(SecretId="a")
    client.create_secret(Name="a", Tags=[{"Key": "record", "Value": "x"}])
    with refused("ResourceNotFoundException", "secret value for staging label: AWSCURRENT"):
        client.get_secret_value(SecretId="a")
    described = client.describe_secret(SecretId="a")
    assert described["Tags"] == [{"Key": "record", "Value": "x"}]
    assert "VersionIdsToStages" not in described


def test_the_first_version_is_current_whatever_it_is_put_as(client):
    client.create_secret(Name="a")
    first, second = token(), token()
    put = client.put_secret_value(SecretId="a", SecretString="1", VersionStages=["Pending"], ClientRequestToken=first)
    assert set(put["VersionStages"]) == {"Pending", "AWSCURRENT"}
    put = client.put_secret_value(SecretId="a", SecretString="2", VersionStages=["Pending"], ClientRequestToken=second)
    assert put["VersionStages"] == ["Pending"]
    assert stages(client) == {first: {"AWSCURRENT"}, second: {"Pending"}}
    assert client.get_secret_value(SecretId="a")["SecretString"] == "1"


def test_a_token_stands_for_one_value(client):
    client.create_secret(Name="a", SecretString="0")
    version = token()
    put = client.put_secret_value(SecretId="a", SecretString="1", ClientRequestToken=version)
    client.put_secret_value(SecretId="a", SecretString="2")
    again = client.put_secret_value(SecretId="a", SecretString="1", ClientRequestToken=version)
    assert (put["VersionStages"], again["VersionStages"]) == (["AWSCURRENT"], ["AWSPREVIOUS"])
    assert client.get_secret_value(SecretId="a")["SecretString"] == "2"
    with refused("ResourceExistsException", f"You can't use ClientRequestToken {version}"):
        client.put_secret_value(SecretId="a", SecretString="3", ClientRequestToken=version)


def test_an_update_that_was_done_before_is_not_done_again(client):
    version = token()
    client.create_secret(Name="a", SecretString="1", ClientRequestToken=version)
    client.update_secret(SecretId="a", SecretString="2")
    assert client.get_secret_value(SecretId="a")["SecretString"] == "2"
    client.update_secret(SecretId="a", SecretString="1", ClientRequestToken=version)
    assert client.get_secret_value(SecretId="a")["SecretString"] == "2"


@pytest.mark.parametrize("stage", ["Pending", "AWSPENDING"])
def test_no_staging_label_lets_a_token_be_used_for_another_value(client, stage):
    client.create_secret(Name="a", SecretString="0")
    version = token()
    client.put_secret_value(SecretId="a", SecretString="1", ClientRequestToken=version, VersionStages=[stage])
    with refused("ResourceExistsException"):
        client.put_secret_value(SecretId="a", SecretString="2", ClientRequestToken=version, VersionStages=[stage])


def test_creating_twice_is_refused_unless_it_is_the_same_request(client):
    version = token()
    client.create_secret(Name="a", SecretString="1", ClientRequestToken=version)
    assert client.create_secret(Name="a", SecretString="1", ClientRequestToken=version)["VersionId"] == version
    with refused("ResourceExistsException", "in use for a version"):
        client.create_secret(Name="a", SecretString="2", ClientRequestToken=version)
    with refused("ResourceExistsException", "The operation failed because the secret a already exists."):
        client.create_secret(Name="a", SecretString="1")


def test_a_move_changes_what_is_read_and_the_loser_becomes_previous(client):
    first, second, third = token(), token(), token()
    client.create_secret(Name="a", SecretString="1", ClientRequestToken=first)
    client.put_secret_value(SecretId="a", SecretString="2", ClientRequestToken=second, VersionStages=["Pending"])
    move = {"SecretId": "a", "VersionStage": "AWSCURRENT"}
    client.update_secret_version_stage(**move, MoveToVersionId=second, RemoveFromVersionId=first)
    assert client.get_secret_value(SecretId="a")["SecretString"] == "2"
    assert stages(client) == {first: {"AWSPREVIOUS"}, second: {"AWSCURRENT", "Pending"}}

    client.put_secret_value(SecretId="a", SecretString="3", ClientRequestToken=third)
    assert stages(client) == {second: {"AWSPREVIOUS", "Pending"}, third: {"AWSCURRENT"}}
    assert client.get_secret_value(SecretId="a", VersionId=first)["SecretString"] == "1"


@pytest.mark.parametrize("source", ["bogus", "other", None])
@pytest.mark.parametrize("target", ["other", "bogus"])
def test_a_move_that_is_refused_changes_nothing(client, source, target):
    versions = {"current": token(), "other": token(), "bogus": token(), None: None}
    client.create_secret(Name="a", SecretString="1", ClientRequestToken=versions["current"])
    client.put_secret_value(
        SecretId="a", SecretString="2", ClientRequestToken=versions["other"], VersionStages=["Pending"]
    )
    before = stages(client)
    move = {"MoveToVersionId": versions[target], "RemoveFromVersionId": versions[source]}
    with refused("InvalidParameterException"):
        client.update_secret_version_stage(
            SecretId="a", VersionStage="AWSCURRENT", **{name: version for name, version in move.items() if version}
        )
    with refused("InvalidParameterException"):
        client.update_secret_version_stage(
            SecretId="a",
            VersionStage="AWSCURRENT",
            MoveToVersionId=versions["bogus"],
            RemoveFromVersionId=versions["current"],
        )
    assert stages(client) == before
    assert client.get_secret_value(SecretId="a")["SecretString"] == "1"


def test_the_current_label_can_be_moved_but_not_removed(client):
    version = client.create_secret(Name="a", SecretString="1")["VersionId"]
    with refused("InvalidParameterException", "You can only move staging label AWSCURRENT"):
        client.update_secret_version_stage(SecretId="a", VersionStage="AWSCURRENT", RemoveFromVersionId=version)


def test_a_stage_and_a_version_that_are_not_one_are_told_apart(client):
    version = client.create_secret(Name="a", SecretString="1")["VersionId"]
    with refused("ResourceNotFoundException", "secret value for staging label: Pending"):
        client.get_secret_value(SecretId="a", VersionStage="Pending")
    with refused("ResourceNotFoundException", "secret value for VersionId: "):
        client.get_secret_value(SecretId="a", VersionId=token())
    with refused("InvalidRequestException", "not associated to the provided VersionId"):
        client.get_secret_value(SecretId="a", VersionId=version, VersionStage="AWSPREVIOUS")


def test_a_secret_scheduled_for_deletion_can_only_be_described(client):
    version = client.create_secret(Name="a", SecretString="1")["VersionId"]
    client.delete_secret(SecretId="a")
    acts: dict[str, dict[str, Any]] = {
        "get_secret_value": {},
        "put_secret_value": {"SecretString": "2"},
        "update_secret": {"SecretString": "2"},
        "tag_resource": {"Tags": [{"Key": "a", "Value": "b"}]},
        "untag_resource": {"TagKeys": ["a"]},
        "update_secret_version_stage": {"VersionStage": "X", "MoveToVersionId": version},
    }
    for act, parameters in acts.items():
        with refused("InvalidRequestException", "because it was marked for deletion"):
            getattr(client, act)(SecretId="a", **parameters)
    with refused("InvalidRequestException", "already scheduled for deletion"):
        client.create_secret(Name="a")
    assert client.describe_secret(SecretId="a")["DeletedDate"]
    client.restore_secret(SecretId="a")
    assert client.get_secret_value(SecretId="a")["SecretString"] == "1"


@pytest.mark.parametrize("value", ["x" * 65_537, "\u00e9" * 32_769])
def test_a_value_has_at_most_65536_bytes(client, value):
    client.create_secret(Name="a", SecretString=value[:1] * 32_768)
    with refused("ValidationException", "less than or equal to 65536"):
        client.put_secret_value(SecretId="a", SecretString=value)
    with refused("ValidationException"):
        client.create_secret(Name="b", SecretString=value)


@pytest.mark.parametrize("name", ["a b", "a:b", "a{b}", "\u00e9", "x" * 513])
def test_a_name_has_only_characters_that_a_secret_may_have(client, name):
    with refused("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters"):
        client.create_secret(Name=name)


@pytest.mark.parametrize(
    ("key", "value"), [("a", '{"b": 1}'), ("a", "x" * 257), ("k" * 129, "b"), ("a,b", "c"), ("a", "b;c")]
)
def test_a_tag_has_only_what_a_tag_may_have(client, key, value):
    client.create_secret(Name="a", Tags=[{"Key": "Team 1_.:/=+-@", "Value": "x" * 256}])
    with refused("ValidationException"):
        client.tag_resource(SecretId="a", Tags=[{"Key": key, "Value": value}])
    with refused("ValidationException"):
        client.create_secret(Name="b", Tags=[{"Key": key, "Value": value}])


def test_a_secret_has_at_most_50_tags_and_none_of_awss_own(client):
    client.create_secret(Name="a", Tags=[{"Key": f"t{number}", "Value": ""} for number in range(49)])
    client.tag_resource(SecretId="a", Tags=[{"Key": "last", "Value": "1"}])
    client.tag_resource(SecretId="a", Tags=[{"Key": "last", "Value": "2"}])
    with refused("InvalidParameterException"):
        client.tag_resource(SecretId="a", Tags=[{"Key": "more", "Value": ""}])
    with refused("InvalidParameterException"):
        client.tag_resource(SecretId="a", Tags=[{"Key": "aws:x", "Value": ""}])


def test_a_deletion_can_be_repeated_only_when_it_is_forced(client):
    client.create_secret(Name="a", SecretString="1")
    for days in (1, 6, 31):
        with refused("InvalidParameterException", "must be between 7 and 30 days"):
            client.delete_secret(SecretId="a", RecoveryWindowInDays=days)
    assert client.get_secret_value(SecretId="a")["SecretString"] == "1"
    client.delete_secret(SecretId="a")
    with refused("InvalidRequestException", "currently marked deleted"):
        client.delete_secret(SecretId="a")
    for _ in range(2):
        client.delete_secret(SecretId="a", ForceDeleteWithoutRecovery=True)
    with refused("ResourceNotFoundException"):
        client.delete_secret(SecretId="a")
    with refused("ResourceNotFoundException"):
        client.describe_secret(SecretId="a")


def test_a_forced_deletion_can_take_its_time_and_keeps_the_name_until_then(aws_server, client):
    aws_server.delete_slowly()
    client.create_secret(Name="a", SecretString="1")
    client.create_secret(Name="b", SecretString="1")
    for _ in range(2):
        client.delete_secret(SecretId="a", ForceDeleteWithoutRecovery=True)
    client.delete_secret(SecretId="b")
    assert client.describe_secret(SecretId="a")["DeletedDate"]
    with refused("InvalidRequestException", "marked for deletion"):
        client.get_secret_value(SecretId="a")
    with refused("InvalidRequestException", "because it was deleted"):
        client.create_secret(Name="a")
    aws_server.finish_deletions()
    client.create_secret(Name="a")
    assert client.describe_secret(SecretId="b")["DeletedDate"]


def test_a_tag_that_is_not_there_can_be_taken_off(client):
    client.create_secret(Name="a", Tags=[{"Key": "kept", "Value": "1"}])
    client.untag_resource(SecretId="a", TagKeys=["other"])
    assert client.describe_secret(SecretId="a")["Tags"] == [{"Key": "kept", "Value": "1"}]
    with refused("ResourceNotFoundException"):
        client.untag_resource(SecretId="b", TagKeys=["other"])
