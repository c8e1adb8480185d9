"""Does the server record, fail, and know its callers?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.servers.aws_expect import refused


def test_requests_of_users_are_recorded_with_what_became_of_them(aws_server):
    user = aws_server.user()
    client = aws_server.client("secretsmanager", user)
    client.create_secret(Name="a", SecretString="one")
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId="b")

    first, second = aws_server.requests
    assert (first.service, first.action, first.body["SecretString"]) == ("secretsmanager", "CreateSecret", "one")
    assert (first.status, first.error, first.access_key_id) == (200, None, user.access_key_id)
    assert (second.status, second.error) == (400, "ResourceNotFoundException")
    assert aws_server.counts() == {"CreateSecret": 1, "GetSecretValue": 1}


def test_what_the_test_does_itself_is_neither_recorded_nor_met_by_faults(aws_server):
    aws_server.fail("GetParameter", "ThrottlingException")
    own = aws_server.client("ssm")
    own.put_parameter(Name="/a", Value="one", Type="String")
    assert own.get_parameter(Name="/a")["Parameter"]["Value"] == "one"
    assert aws_server.requests == []

    with refused("ThrottlingException"):
        aws_server.client("ssm", aws_server.user()).get_parameter(Name="/a")


def test_nothing_is_left_after_a_reset(aws_server):
    user = aws_server.user()
    client = aws_server.client("secretsmanager", user)
    client.create_secret(Name="a", SecretString="one")
    aws_server.fail("GetSecretValue", "ThrottlingException")
    aws_server.reset()

    assert aws_server.requests == []
    with refused("UnrecognizedClientException"):
        client.get_secret_value(SecretId="a")
    with refused("ResourceNotFoundException"):
        aws_server.client("secretsmanager", aws_server.user()).get_secret_value(SecretId="a")


@pytest.mark.parametrize(
    ("code", "status"), [("ThrottlingException", 400), ("InternalServiceError", 500), ("EncryptionFailure", 400)]
)
def test_requests_for_one_action_fail_on_request(aws_server, code, status):
    client = aws_server.client("secretsmanager", aws_server.user())
    aws_server.fail("CreateSecret", code, times=2, skip=1)
    client.create_secret(Name="a")
    for name in ("b", "c"):
        with pytest.raises(ClientError) as error:
            client.create_secret(Name=name)
        assert error.value.response["Error"]["Code"] == code
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    client.create_secret(Name="d")
    held = aws_server.client("secretsmanager").list_secrets()["SecretList"]
    assert [secret["Name"] for secret in held] == ["a", "d"]


@pytest.mark.parametrize(("when", "took_effect"), [("before", False), ("after", True)])
def test_a_dropped_connection_says_nothing_of_the_effect(aws_server, when, took_effect):
    client = aws_server.client("ssm", aws_server.user())
    aws_server.drop("PutParameter", when=when)
    with pytest.raises(ConnectionClosedError):
        client.put_parameter(Name="/a", Value="one", Type="String")

    assert [request.status for request in aws_server.requests] == [None]
    found = aws_server.client("ssm").get_parameters(Names=["/a"])["Parameters"]
    assert bool(found) == took_effect


@pytest.mark.parametrize(("when", "took_effect"), [("before", False), ("after", True)])
def test_an_error_comes_before_or_after_the_effect(aws_server, when, took_effect):
    client = aws_server.client("ssm", aws_server.user())
    aws_server.fail("PutParameter", "InternalServerError", when=when)
    with pytest.raises(ClientError):
        client.put_parameter(Name="/a", Value="one", Type="String")
    assert bool(aws_server.client("ssm").get_parameters(Names=["/a"])["Parameters"]) == took_effect


def test_somebody_else_can_write_between_two_requests(aws_server):
    client = aws_server.client("ssm", aws_server.user())
    own = aws_server.client("ssm")
    aws_server.interpose("PutParameter", lambda: own.put_parameter(Name="/a", Value="theirs", Type="String"))
    with refused("ParameterAlreadyExists"):
        client.put_parameter(Name="/a", Value="mine", Type="String")


def test_of_many_who_create_at_once_one_does(aws_server):
    clients = [aws_server.client("ssm", aws_server.user()) for _ in range(8)]

    def create(number):
        try:
            return clients[number].put_parameter(Name="/a", Value=str(number), Type="String")["Version"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(len(clients)) as pool:
        outcomes = sorted(map(str, pool.map(create, range(len(clients)))))
    assert outcomes == ["1", *["ParameterAlreadyExists"] * 7]


def test_a_role_is_assumed_by_whom_its_policy_lets_and_then_has_its_own_rights(aws_server):
    role = aws_server.role("reader", [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}])
    stranger = aws_server.client("sts", aws_server.user([]))
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole on resource"):
        stranger.assume_role(RoleArn=role, RoleSessionName="airflow")

    caller = aws_server.user([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}])
    given = aws_server.client("sts", caller).assume_role(RoleArn=role, RoleSessionName="airflow")["Credentials"]
    import boto3

    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], aws_server.region)
    identity = session.client("sts", endpoint_url=aws_server.endpoint_url).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{aws_server.account}:assumed-role/reader/airflow"
    client = session.client("ssm", endpoint_url=aws_server.endpoint_url)
    with refused("ParameterNotFound"):
        client.get_parameter(Name="/a")
    with refused("AccessDeniedException", "assumed-role/reader/airflow is not authorized"):
        client.put_parameter(Name="/a", Value="one", Type="String")


def test_credentials_do_not_show_their_secret(aws_server):
    user = aws_server.user()
    assert user.secret_access_key not in repr(user)
