"""Does the server allow what a policy allows, on the resource that AWS would judge, and nothing else?"""

from __future__ import annotations

import pytest

from tests.servers.aws_expect import refused

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter"


def allow(action, resource="*"):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        (f"{SECRET}airflow/connections/*", True),
        (f"{SECRET}airflow/connections/acme-??????", True),
        (f"{SECRET}airflow/connections/acme", False),
        (f"{SECRET}airflow/variables/*", False),
        (f"{SECRET}AIRFLOW/connections/*", False),
        (["arn:aws:s3:::x", "*"], True),
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_a_secret_is_judged_by_its_arn_with_the_suffix_whether_it_exists_or_not(aws_server, resource, allowed, exists):
    if exists:
        aws_server.client("secretsmanager").create_secret(Name="airflow/connections/acme")
    client = aws_server.client("secretsmanager", aws_server.user([allow("secretsmanager:Get*", resource)]))
    code = "ResourceNotFoundException" if allowed else "AccessDeniedException"
    with refused(code):
        client.get_secret_value(SecretId="airflow/connections/acme")


def test_the_refusal_is_worded_as_by_aws(aws_server):
    user = aws_server.user([])
    me = aws_server.client("sts", user).get_caller_identity()["Arn"]
    client = aws_server.client("secretsmanager", user)
    arn = aws_server.client("secretsmanager").create_secret(Name="acme")["ARN"]
    for named in ("acme", arn, "there-is-none"):
        with refused(
            "AccessDeniedException",
            f"User: {me} is not authorized to perform: secretsmanager:PutSecretValue on resource: {named} "
            "because no identity-based policy allows the secretsmanager:PutSecretValue action",
        ):
            client.put_secret_value(SecretId=named, SecretString="x")


def test_a_deny_wins(aws_server):
    policy = [allow("secretsmanager:*"), {"Effect": "Deny", "Action": "secretsmanager:CreateSecret", "Resource": "*"}]
    client = aws_server.client("secretsmanager", aws_server.user(policy))
    with refused("AccessDeniedException", "with an explicit deny in an identity-based policy"):
        client.create_secret(Name="a")
    with refused("ResourceNotFoundException"):
        client.describe_secret(SecretId="a")


def test_tags_at_creation_need_a_right_of_their_own(aws_server):
    tags = [{"Key": "a", "Value": "b"}]
    secrets = aws_server.client("secretsmanager", aws_server.user([allow("secretsmanager:CreateSecret")]))
    with refused("AccessDeniedException", "secretsmanager:TagResource"):
        secrets.create_secret(Name="a", Tags=tags)
    secrets.create_secret(Name="a")
    parameters = aws_server.client("ssm", aws_server.user([allow("ssm:PutParameter")]))
    with refused("AccessDeniedException", "ssm:AddTagsToResource"):
        parameters.put_parameter(Name="/a", Value="b", Type="String", Tags=tags)
    parameters.put_parameter(Name="/a", Value="b", Type="String")


@pytest.mark.parametrize(
    ("name", "resource", "allowed"),
    [
        ("/airflow/connections/acme", f"{PARAMETER}/airflow/connections/*", True),
        ("/airflow/connections/acme:3", f"{PARAMETER}/airflow/connections/acme", True),
        ("/airflow/connections/acme", f"{PARAMETER}//airflow/connections/*", False),
        ("/acme", f"{PARAMETER}/acme", True),
        ("acme", f"{PARAMETER}/acme", True),
        ("/airflow/connections/acme", f"{PARAMETER}/airflow/variables/*", False),
    ],
)
def test_a_parameter_is_judged_by_its_arn(aws_server, name, resource, allowed):
    client = aws_server.client("ssm", aws_server.user([allow("ssm:GetParameter", resource)]))
    with refused("ParameterNotFound" if allowed else "AccessDeniedException"):
        client.get_parameter(Name=name)


def test_an_illegal_name_is_judged_as_every_resource(aws_server):
    client = aws_server.client("ssm", aws_server.user([allow("ssm:GetParameter", f"{PARAMETER}/*")]))
    with refused("AccessDeniedException", "on resource: arn:aws:ssm:eu-west-1:123456789012:* because"):
        client.get_parameter(Name="/no blanks")


def test_describing_parameters_cannot_be_allowed_for_some(aws_server):
    with refused("AccessDeniedException", "on resource: arn:aws:ssm:eu-west-1:123456789012:* because"):
        aws_server.client("ssm", aws_server.user([allow("ssm:*", f"{PARAMETER}/*")])).describe_parameters()
    aws_server.client("ssm", aws_server.user([allow("ssm:DescribeParameters")])).describe_parameters()


def test_a_condition_is_not_judged_so_it_is_not_taken(aws_server):
    with pytest.raises(ValueError, match="Condition"):
        aws_server.user([allow("*") | {"Condition": {}}])


@pytest.mark.parametrize("missing", ["kms:GenerateDataKey", "kms:Decrypt"])
def test_a_secret_under_a_customers_key_needs_the_key(aws_server, missing):
    key = aws_server.key("alias/team")
    own = aws_server.client("secretsmanager")
    own.create_secret(Name="old", SecretString="one", KmsKeyId="alias/team")
    rights = [allow(right, key) for right in ("kms:GenerateDataKey", "kms:Decrypt") if right != missing]
    client = aws_server.client("secretsmanager", aws_server.user([allow("secretsmanager:*"), *rights]))

    with refused("AccessDeniedException", "Access to KMS is not allowed"):
        client.create_secret(Name="new", KmsKeyId=key)
    with refused("AccessDeniedException", "Access to KMS is not allowed"):
        if missing == "kms:Decrypt":
            client.get_secret_value(SecretId="old")
        else:
            client.put_secret_value(SecretId="old", SecretString="two")
    assert own.get_secret_value(SecretId="old")["SecretString"] == "one"


def test_a_disabled_key_encrypts_and_decrypts_nothing(aws_server):
    key = aws_server.key()
    client = aws_server.client("secretsmanager", aws_server.user())
    client.create_secret(Name="a", SecretString="one", KmsKeyId=key)
    parameters = aws_server.client("ssm", aws_server.user())
    parameters.put_parameter(Name="/a", Value="one", Type="SecureString", KeyId=key)
    aws_server.disable_key(key)

    with refused("EncryptionFailure"):
        client.put_secret_value(SecretId="a", SecretString="two")
    with refused("DecryptionFailure"):
        client.get_secret_value(SecretId="a")
    with refused("InvalidKeyId"):
        parameters.put_parameter(Name="/a", Value="two", Type="SecureString", KeyId=key, Overwrite=True)
    with refused("InvalidKeyId"):
        parameters.get_parameter(Name="/a", WithDecryption=True)


@pytest.mark.parametrize(("tier", "needed"), [("Standard", "kms:Encrypt"), ("Advanced", "kms:GenerateDataKey")])
def test_a_parameter_under_a_customers_key_needs_the_key(aws_server, tier, needed):
    key = aws_server.key()
    client = aws_server.client("ssm", aws_server.user([allow("ssm:*"), allow("kms:DescribeKey", key)]))
    with refused("AccessDeniedException", f"not authorized to perform: {needed} on resource: {key}"):
        client.put_parameter(Name="/a", Value="one", Type="SecureString", KeyId=key, Tier=tier)

    aws_server.client("ssm").put_parameter(Name="/a", Value="one", Type="SecureString", KeyId=key, Tier=tier)
    with refused("AccessDeniedException", "you are not allowed to access"):
        client.get_parameter(Name="/a", WithDecryption=True)
    assert client.get_parameter(Name="/a")["Parameter"]["Type"] == "SecureString"
    client.put_parameter(Name="/b", Value="one", Type="SecureString")
    assert client.get_parameter(Name="/b", WithDecryption=True)["Parameter"]["Value"] == "one"
