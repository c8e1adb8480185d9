"""The fake AWS is as strict as AWS's documentation, applies policies and injects faults."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter"
CURRENT = {"SecretId": "a", "VersionStage": "AWSCURRENT"}
NO_KMS = "Access to KMS is not allowed"
# With a secret "a" and a parameter "/a", each with a value.
Refused = dict[str, list[tuple[str, dict[str, Any]]]]
SECRETS_REFUSED: Refused = {
    "ValidationException": [
        *[("create_secret", {"Name": name}) for name in ("a b", "a:b", "a{b}", "\u00e9", "x" * 513)],
        *[("create_secret", {"Name": "b", "Tags": [{"Key": key, "Value": value}]})
          for key, value in [("a", '{"b": 1}'), ("a", "x" * 257), ("k" * 129, "b"), ("a,b", "c"), ("a", "b;c")]],
        ("create_secret", {"Name": "b", "SecretString": "x" * 65_537}),
        ("put_secret_value", {"SecretId": "a", "SecretString": "\u00e9" * 32_769}),
        ("put_secret_value", {"SecretId": "a", "SecretBinary": b"x" * 65_537}),
        ("tag_resource", {"SecretId": "a", "Tags": [{"Key": "b", "Value": "{}"}]}),
    ],
    "InvalidParameterException": [
        ("tag_resource", {"SecretId": "a", "Tags": [{"Key": "aws:x", "Value": ""}]}),
        ("tag_resource", {"SecretId": "a", "Tags": [{"Key": f"t{n}", "Value": ""} for n in range(51)]}),
        *[("delete_secret", {"SecretId": "a", "RecoveryWindowInDays": days}) for days in (1, 6, 31)],
    ],
    "ResourceNotFoundException": [
        ("untag_resource", {"SecretId": "b", "TagKeys": ["x"]}),
        ("get_secret_value", {"SecretId": "b"}),
        ("get_secret_value", {"SecretId": "a", "VersionStage": "Other"}),
        ("get_secret_value", {"SecretId": "a", "VersionId": "x" * 32}),
    ],
    "ResourceExistsException": [("create_secret", {"Name": "a", "SecretString": "1"})],
    "NotModelled": [("update_secret", {"SecretId": "a", "SecretString": "2"})],
}  # fmt: skip
# The settings of a new parameter, except for the given ones.
PUTS_REFUSED: dict[str, list[dict[str, Any]]] = {
    "ParameterAlreadyExists": [{"Name": "/a"}],
    "HierarchyTypeMismatchException": [{"Name": "/a", "Type": "String", "Overwrite": True}],
    "HierarchyLevelLimitExceededException": [{"Name": "/x" * 16}],
    "AccessDeniedException": [{"Name": "/aws/b"}],
    "InvalidKeyId": [{"KeyId": "alias/none"}],
    "ParameterPatternMismatchException": [{"AllowedPattern": r"\d{1,4}", "Value": "10,000"}],
    "ValidationException": [
        *[{"Name": name} for name in ("/a b", "/a//b", "/a/", "/a:b", "ssm-b", "a/b", "/" + "x" * 967)],
        *[{"Value": value} for value in ("{{ssm:/a}}", "{{a}}", "x" * 4097, "\u00e9" * 2049)],
        {"Value": "x" * 8193, "Tier": "Advanced"},
    ],
    "NotModelled": [{"Tags": [{"Key": "a", "Value": "b"}]}, {"Tier": "Intelligent-Tiering"}],
}
PARAMETERS_REFUSED: Refused = {
    "ValidationException": [("get_parameter", {"Name": name}) for name in ("/a b", "a/b", "/a{b}")],
    "ParameterNotFound": [("get_parameter", {"Name": "/none"}), ("delete_parameter", {"Name": "/none"})],
    "ParameterVersionNotFound": [("get_parameter", {"Name": "/a:3"})],
    "NotModelled": [("get_parameters", {"Names": ["/a"]})],
}


@contextmanager
def refused(code, message="", status=400):
    """Check that boto3 raises this code, with a message that contains this text."""
    with pytest.raises(ClientError) as error:
        yield
    said = error.value.response["Error"]
    assert (said["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert message in said["Message"]


def allow(action, resource="*"):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@pytest.fixture
def client(aws_server):
    return aws_server.client("secretsmanager", aws_server.user())


@pytest.fixture
def ssm(aws_server):
    return aws_server.client("ssm", aws_server.user())


def token():
    return str(uuid.uuid4())


def stages(client):
    return {version: set(held) for version, held in client.describe_secret(SecretId="a")["VersionIdsToStages"].items()}


def put_parameter(ssm, value="one", name="/a", **more):
    return ssm.put_parameter(Name=name, Value=value, **({"Type": "SecureString"} | more))


def test_the_fake_refuses_what_secrets_manager_refuses(client):
    client.create_secret(Name="a", SecretString="1")
    for code, calls in SECRETS_REFUSED.items():
        for act, parameters in calls:
            with refused(code):
                getattr(client, act)(**parameters)
    assert client.get_secret_value(SecretId="a")["SecretString"] == "1"
    assert len(client.list_secrets()["SecretList"]) == 1


def test_the_fake_refuses_what_parameter_store_refuses(ssm):
    put_parameter(ssm)
    new = {"Name": "/b", "Value": "one", "Type": "SecureString"}
    puts = {code: [("put_parameter", new | each) for each in cases] for code, cases in PUTS_REFUSED.items()}
    for code, calls in [*puts.items(), *PARAMETERS_REFUSED.items()]:
        for act, parameters in calls:
            with refused(code):
                getattr(ssm, act)(**parameters)
    assert ssm.get_parameter(Name="/a", WithDecryption=True)["Parameter"]["Value"] == "one"
    assert len(ssm.describe_parameters()["Parameters"]) == 1


def test_values_at_the_limits_are_accepted(client, ssm):
    client.create_secret(Name="x" * 512, SecretString="x" * 65_536)
    client.create_secret(Name="a", Tags=[{"Key": "Team 1_.:/=+-@", "Value": "x" * 256}])
    client.tag_resource(SecretId="a", Tags=[{"Key": f"t{number}", "Value": ""} for number in range(49)])
    client.untag_resource(SecretId="a", TagKeys=["other", "t1"])
    assert len(client.describe_secret(SecretId="a")["Tags"]) == 49
    for name in ("b", "/a", "/x" * 15, "/" + "x" * 966, "/A.b_c-1/D"):
        assert put_parameter(ssm, "x" * 4096, name)["Tier"] == "Standard"
        assert put_parameter(ssm, "x" * 8192, name, Overwrite=True, Tier="Advanced")["Tier"] == "Advanced"


def test_a_secret_without_a_value_has_none_to_read_and_its_first_version_is_current(client):
    client.create_secret(Name="a", Tags=[{"Key": "record", "Value": "x"}])
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId="a")
    assert "VersionIdsToStages" not in client.describe_secret(SecretId="a")
    first, second = token(), token()
    put = client.put_secret_value(SecretId="a", SecretString="1", VersionStages=["Pending"], ClientRequestToken=first)
    assert set(put["VersionStages"]) == {"Pending", "AWSCURRENT"}
    client.put_secret_value(SecretId="a", SecretString="2", VersionStages=["Pending"], ClientRequestToken=second)
    assert stages(client) == {first: {"AWSCURRENT"}, second: {"Pending"}}
    assert client.get_secret_value(SecretId="a")["SecretString"] == "1"


def test_a_token_stands_for_one_value(client):
    version = token()
    client.create_secret(Name="a", SecretString="1", ClientRequestToken=version)
    assert client.create_secret(Name="a", SecretString="1", ClientRequestToken=version)["VersionId"] == version
    client.put_secret_value(SecretId="a", SecretString="2")
    again = client.put_secret_value(SecretId="a", SecretString="1", ClientRequestToken=version)
    assert again["VersionStages"] == ["AWSPREVIOUS"]
    assert client.get_secret_value(SecretId="a")["SecretString"] == "2"
    with refused("ResourceExistsException"):
        client.put_secret_value(SecretId="a", SecretString="3", ClientRequestToken=version, VersionStages=["Pending"])
    with refused("InvalidRequestException"):
        client.get_secret_value(SecretId="a", VersionId=version, VersionStage="AWSCURRENT")


def test_a_move_changes_the_current_version_and_the_old_one_becomes_previous(client):
    first, second, third = token(), token(), token()
    client.create_secret(Name="a", SecretString="1", ClientRequestToken=first)
    client.put_secret_value(SecretId="a", SecretString="2", ClientRequestToken=second, VersionStages=["Pending"])
    client.update_secret_version_stage(**CURRENT, MoveToVersionId=second, RemoveFromVersionId=first)
    assert client.get_secret_value(SecretId="a")["SecretString"] == "2"
    assert stages(client) == {first: {"AWSPREVIOUS"}, second: {"AWSCURRENT", "Pending"}}
    client.put_secret_value(SecretId="a", SecretString="3", ClientRequestToken=third)
    assert stages(client) == {second: {"AWSPREVIOUS", "Pending"}, third: {"AWSCURRENT"}}
    assert client.get_secret_value(SecretId="a", VersionId=first)["SecretString"] == "1"


def test_a_move_that_is_refused_changes_nothing(client):
    current, other = token(), token()
    client.create_secret(Name="a", SecretString="1", ClientRequestToken=current)
    client.put_secret_value(SecretId="a", SecretString="2", ClientRequestToken=other, VersionStages=["Pending"])
    before = stages(client)
    for move in (
        {"MoveToVersionId": other, "RemoveFromVersionId": other},
        {"MoveToVersionId": other, "RemoveFromVersionId": token()},
        {"MoveToVersionId": other},
        {"MoveToVersionId": token(), "RemoveFromVersionId": current},
        {"RemoveFromVersionId": current},
    ):
        with refused("InvalidParameterException"):
            client.update_secret_version_stage(**CURRENT, **move)
    assert stages(client) == before
    assert client.get_secret_value(SecretId="a")["SecretString"] == "1"


def test_a_secret_scheduled_for_deletion_can_only_be_described_and_restored(client):
    version = client.create_secret(Name="a", SecretString="1")["VersionId"]
    client.delete_secret(SecretId="a")
    acts: dict[str, dict[str, Any]] = {
        "get_secret_value": {},
        "put_secret_value": {"SecretString": "2"},
        "tag_resource": {"Tags": [{"Key": "a", "Value": "b"}]},
        "untag_resource": {"TagKeys": ["a"]},
        "update_secret_version_stage": {"VersionStage": "X", "MoveToVersionId": version},
    }
    for act, parameters in acts.items():
        with refused("InvalidRequestException"):
            getattr(client, act)(SecretId="a", **parameters)
    with refused("InvalidRequestException"):
        client.create_secret(Name="a")
    with refused("InvalidRequestException"):
        client.delete_secret(SecretId="a")
    assert client.describe_secret(SecretId="a")["DeletedDate"]
    client.restore_secret(SecretId="a")
    assert client.get_secret_value(SecretId="a")["SecretString"] == "1"
    for _ in range(2):
        client.delete_secret(SecretId="a", ForceDeleteWithoutRecovery=True)
    with refused("ResourceNotFoundException"):
        client.describe_secret(SecretId="a")


def test_a_forced_deletion_can_be_delayed_and_keeps_the_name_until_then(aws_server, client):
    aws_server.delete_slowly()
    client.create_secret(Name="a", SecretString="1")
    for _ in range(2):
        client.delete_secret(SecretId="a", ForceDeleteWithoutRecovery=True)
    assert client.describe_secret(SecretId="a")["DeletedDate"]
    with refused("InvalidRequestException"):
        client.get_secret_value(SecretId="a")
    with refused("InvalidRequestException"):
        client.create_secret(Name="a")
    aws_server.finish_deletions()
    client.create_secret(Name="a")


def test_a_parameter_keeps_its_versions_until_it_is_deleted_its_tier_and_its_pattern_but_not_its_key(aws_server, ssm):
    key = aws_server.key("alias/team")
    put_parameter(ssm, "1", KeyId="alias/team", Tier="Advanced", AllowedPattern=r"\d{1,4}")
    with refused("ValidationException"):
        put_parameter(ssm, "2", Overwrite=True)
    with refused("ParameterPatternMismatchException"):
        put_parameter(ssm, "two", Overwrite=True, Tier="Advanced")
    put_parameter(ssm, "2", Overwrite=True, Tier="Advanced", KeyId=key)
    assert put_parameter(ssm, "3", Overwrite=True, Tier="Advanced")["Version"] == 3
    history = ssm.get_parameter_history(Name="/a")["Parameters"]
    assert [version["KeyId"] for version in history] == ["alias/team", key, "alias/aws/ssm"]
    assert ssm.get_parameter(Name="/a:1", WithDecryption=True)["Parameter"]["Value"] == "1"
    ssm.delete_parameter(Name="/a")
    with refused("ParameterNotFound"):
        ssm.get_parameter(Name="/a:1")
    assert put_parameter(ssm)["Version"] == 1


def test_a_value_that_is_not_decrypted_is_not_readable(ssm):
    put_parameter(ssm, "hunter22")
    assert "hunter22" not in f"{ssm.get_parameter(Name='/a')} {ssm.get_parameter_history(Name='/a')}"


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        (f"{SECRET}airflow/connections/*", True),
        (f"{SECRET}airflow/connections/acme-??????", True),
        (f"{SECRET}airflow/connections/acme", False),
        (f"{SECRET}AIRFLOW/connections/*", False),
        (["arn:aws:s3:::x", "*"], True),
    ],
)
def test_a_secret_is_judged_by_its_arn_with_the_suffix_whether_it_exists_or_not(aws_server, resource, allowed):
    client = aws_server.client("secretsmanager", aws_server.user([allow("secretsmanager:Get*", resource)]))
    for create in (
        lambda: None,
        lambda: aws_server.client("secretsmanager").create_secret(Name="airflow/connections/acme"),
    ):
        create()
        with refused("ResourceNotFoundException" if allowed else "AccessDeniedException"):
            client.get_secret_value(SecretId="airflow/connections/acme")


@pytest.mark.parametrize(
    ("name", "resource", "allowed"),
    [
        ("/airflow/connections/acme", f"{PARAMETER}/airflow/connections/*", True),
        ("/airflow/connections/acme:3", f"{PARAMETER}/airflow/connections/acme", True),
        ("/airflow/connections/acme", f"{PARAMETER}//airflow/connections/*", False),
        ("acme", f"{PARAMETER}/acme", True),
        ("/airflow/connections/acme", f"{PARAMETER}/airflow/variables/*", False),
        ("/no blanks", f"{PARAMETER}/*", False),
    ],
)
def test_a_parameter_is_judged_by_its_arn(aws_server, name, resource, allowed):
    ssm = aws_server.client("ssm", aws_server.user([allow("ssm:GetParameter", resource)]))
    with refused("ParameterNotFound" if allowed else "AccessDeniedException"):
        ssm.get_parameter(Name=name)


def test_refusals_have_awss_message_a_deny_wins_and_unmodelled_policies_are_rejected(aws_server):
    denied = {"Effect": "Deny", "Action": "secretsmanager:PutSecretValue", "Resource": "*"}
    for policy, why in (
        ([], "because no identity-based policy allows the secretsmanager:PutSecretValue action"),
        ([allow("*"), denied], "with an explicit deny in an identity-based policy"),
    ):
        user = aws_server.user(policy)
        words = f" is not authorized to perform: secretsmanager:PutSecretValue on resource: acme {why}"
        with refused("AccessDeniedException", words):
            aws_server.client("secretsmanager", user).put_secret_value(SecretId="acme", SecretString="x")
    with pytest.raises(ValueError, match="Condition"):
        aws_server.user([allow("*") | {"Condition": {}}])


def test_tags_at_creation_need_a_right_of_their_own(aws_server):
    client = aws_server.client("secretsmanager", aws_server.user([allow("secretsmanager:CreateSecret")]))
    with refused("AccessDeniedException", "secretsmanager:TagResource"):
        client.create_secret(Name="a", Tags=[{"Key": "a", "Value": "b"}])
    client.create_secret(Name="a")


@pytest.mark.parametrize("missing", ["kms:GenerateDataKey", "kms:Decrypt"])
def test_a_secret_under_a_customers_key_needs_the_key(aws_server, missing):
    key = aws_server.key("alias/team")
    own = aws_server.client("secretsmanager")
    own.create_secret(Name="old", SecretString="one", KmsKeyId="alias/team")
    rights = [allow(right, key) for right in ("kms:GenerateDataKey", "kms:Decrypt") if right != missing]
    client = aws_server.client("secretsmanager", aws_server.user([allow("secretsmanager:*"), *rights]))
    with refused("AccessDeniedException", NO_KMS):
        client.create_secret(Name="new", KmsKeyId=key)
    with refused("AccessDeniedException", NO_KMS):
        if missing == "kms:Decrypt":
            client.get_secret_value(SecretId="old")
        else:
            client.put_secret_value(SecretId="old", SecretString="two")
    assert own.get_secret_value(SecretId="old")["SecretString"] == "one"


@pytest.mark.parametrize(("tier", "needed"), [("Standard", "kms:Encrypt"), ("Advanced", "kms:GenerateDataKey")])
def test_a_parameter_under_a_customers_key_needs_the_key(aws_server, tier, needed):
    key = aws_server.key()
    ssm = aws_server.client("ssm", aws_server.user([allow("ssm:*"), allow("kms:DescribeKey", key)]))
    with refused("AccessDeniedException", f"not authorized to perform: {needed} on resource: {key}"):
        put_parameter(ssm, KeyId=key, Tier=tier)
    put_parameter(aws_server.client("ssm"), KeyId=key, Tier=tier)
    with refused("AccessDeniedException", "you are not allowed to access"):
        ssm.get_parameter(Name="/a", WithDecryption=True)
    assert ssm.get_parameter(Name="/a")["Parameter"]["Type"] == "SecureString"
    put_parameter(ssm, name="/b")
    assert ssm.get_parameter(Name="/b", WithDecryption=True)["Parameter"]["Value"] == "one"


def test_a_disabled_key_encrypts_and_decrypts_nothing(aws_server, client, ssm):
    key = aws_server.key()
    client.create_secret(Name="a", SecretString="one", KmsKeyId=key)
    put_parameter(ssm, KeyId=key)
    aws_server.disable_key(key)
    with refused("EncryptionFailure"):
        client.put_secret_value(SecretId="a", SecretString="two")
    with refused("DecryptionFailure"):
        client.get_secret_value(SecretId="a")
    with refused("InvalidKeyId"):
        put_parameter(ssm, KeyId=key, Overwrite=True)
    with refused("InvalidKeyId"):
        ssm.get_parameter(Name="/a", WithDecryption=True)


def test_a_role_can_be_assumed_with_the_right_and_its_policy_applies(aws_server):
    role = aws_server.role("writer", [allow("ssm:PutParameter")])
    with refused("AccessDenied", "sts:AssumeRole", status=403):
        aws_server.client("sts", aws_server.user([])).assume_role(RoleArn=role, RoleSessionName="session")
    sts = aws_server.client("sts", aws_server.user([allow("sts:AssumeRole", role)]))
    with refused("AccessDenied", status=403):
        sts.assume_role(RoleArn=f"{role}-no", RoleSessionName="session")
    key = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    assumed = type(aws_server.user())(key["AccessKeyId"], key["SecretAccessKey"])
    put_parameter(aws_server.client("ssm", assumed))
    with refused("AccessDeniedException", "assumed-role/writer/session"):
        aws_server.client("ssm", assumed).get_parameter(Name="/a")


def test_requests_of_users_are_recorded_and_meet_faults_and_those_of_the_test_do_not(aws_server, client):
    own = aws_server.client("secretsmanager")
    aws_server.fail("CreateSecret", "ThrottlingException", times=2, skip=1)
    aws_server.fail("GetSecretValue", "InternalServiceError")
    for name, error in (("a", None), ("b", "ThrottlingException"), ("c", "ThrottlingException"), ("d", None)):
        own.create_secret(Name=f"own-{name}")
        if error is None:
            client.create_secret(Name=name, SecretString="one")
        else:
            with refused(error, "injected"):
                client.create_secret(Name=name)
    with refused("InternalServiceError", status=500):
        client.get_secret_value(SecretId="a")
    first = aws_server.requests[0]
    assert (first.service, first.action, first.body["SecretString"]) == ("secretsmanager", "CreateSecret", "one")
    assert [(each.status, each.error) for each in aws_server.requests] == [
        (200, None), *[(400, "ThrottlingException")] * 2, (200, None), (500, "InternalServiceError")
    ]  # fmt: skip
    assert aws_server.counts() == {"CreateSecret": 4, "GetSecretValue": 1}
    aws_server.reset()
    assert aws_server.requests == own.list_secrets()["SecretList"] == []
    with refused("UnrecognizedClientException"):
        client.get_secret_value(SecretId="a")


@pytest.mark.parametrize(("when", "took_effect"), [("before", False), ("after", True)])
def test_a_dropped_connection_says_nothing_of_the_effect(aws_server, ssm, when, took_effect):
    aws_server.drop("PutParameter", when=when)
    with pytest.raises(ConnectionClosedError):
        put_parameter(ssm)
    assert [request.status for request in aws_server.requests] == [None]
    assert bool(aws_server.client("ssm").describe_parameters()["Parameters"]) is took_effect


@pytest.mark.parametrize(("when", "seen"), [("before", "two"), ("after", "one")])
def test_another_write_can_be_interposed(aws_server, ssm, when, seen):
    own = aws_server.client("ssm")
    put_parameter(own)
    aws_server.interpose("GetParameter", lambda: put_parameter(own, "two", Overwrite=True), when=when)
    assert ssm.get_parameter(Name="/a", WithDecryption=True)["Parameter"]["Value"] == seen
    assert own.get_parameter(Name="/a", WithDecryption=True)["Parameter"]["Value"] == "two"
