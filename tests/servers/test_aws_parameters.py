"""Is the server's Parameter Store as strict as AWS's where moto is not?"""

from __future__ import annotations

import pytest

from tests.servers.aws_expect import refused


@pytest.fixture
def client(aws_server):
    return aws_server.client("ssm", aws_server.user())


def put(client, name="/a", value="one", kind="SecureString", **more):
    return client.put_parameter(Name=name, Value=value, Type=kind, **more)


def test_creating_is_atomic_and_versions_count_from_1_after_a_deletion(client):
    assert put(client)["Version"] == 1
    with refused("ParameterAlreadyExists"):
        put(client, value="two")
    assert put(client, value="two", Overwrite=True)["Version"] == 2
    assert client.get_parameter(Name="/a:1", WithDecryption=True)["Parameter"]["Value"] == "one"
    with refused("ParameterVersionNotFound"):
        client.get_parameter(Name="/a:3")
    client.delete_parameter(Name="/a")
    assert put(client)["Version"] == 1


def test_a_parameter_keeps_its_type(client):
    put(client)
    with refused("HierarchyTypeMismatchException"):
        put(client, kind="String", Overwrite=True)
    client.put_parameter(Name="/a", Value="two", Overwrite=True)
    assert client.get_parameter(Name="/a")["Parameter"]["Type"] == "SecureString"


@pytest.mark.parametrize(
    ("tier", "most", "stored"),
    [(None, 4096, "Standard"), ("Standard", 4096, "Standard"), ("Advanced", 8192, "Advanced")],
)
def test_a_value_fits_its_tier(client, tier, most, stored):
    named = {} if tier is None else {"Tier": tier}
    assert put(client, value="x" * most, **named)["Tier"] == stored
    for value in ("x" * (most + 1), "\u00e9" * (most // 2 + 1)):
        with refused("ValidationException", f"{stored} tier parameters support a maximum parameter value of {most}"):
            put(client, value=value, Overwrite=True, **named)


def test_the_tier_fits_the_value_where_aws_chooses(client):
    assert put(client, Tier="Intelligent-Tiering")["Tier"] == "Standard"
    assert put(client, value="x" * 4097, Tier="Intelligent-Tiering", Overwrite=True)["Tier"] == "Advanced"
    assert put(client, Tier="Intelligent-Tiering", Overwrite=True)["Tier"] == "Advanced"


@pytest.mark.parametrize("named", [{}, {"Tier": "Standard"}])
def test_an_advanced_parameter_does_not_become_standard(client, named):
    put(client, Tier="Advanced")
    with refused("ValidationException", "You can't downgrade a parameter from the advanced-parameter tier"):
        put(client, value="two", Overwrite=True, **named)
    assert put(client, value="two", Overwrite=True, Tier="Advanced")["Tier"] == "Advanced"


def test_a_write_that_does_not_name_the_key_falls_back_to_awss_own(aws_server, client):
    key = aws_server.key("alias/team")

    def key_of_history():
        return [version["KeyId"] for version in client.get_parameter_history(Name="/a")["Parameters"]]

    put(client, KeyId="alias/team")
    put(client, KeyId=key, Overwrite=True)
    put(client, Overwrite=True)
    assert key_of_history() == ["alias/team", key, "alias/aws/ssm"]
    with refused("InvalidKeyId"):
        put(client, KeyId="alias/none", Overwrite=True)


def test_what_is_not_decrypted_is_not_readable(client):
    put(client, value="hunter22")
    assert "hunter22" not in str(client.get_parameter(Name="/a"))
    assert "hunter22" not in str(client.get_parameters(Names=["/a"]))
    assert "hunter22" not in str(client.get_parameter_history(Name="/a"))
    assert client.get_parameter(Name="/a", WithDecryption=True)["Parameter"]["Value"] == "hunter22"


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("/a b", "ValidationException", "Parameter name: can't be prefixed with"),
        ("/a//b", "ValidationException", "Parameter name: can't be prefixed with"),
        ("/a/", "ValidationException", "Parameter name: can't be prefixed with"),
        ("/a:b", "ValidationException", "Parameter name: can't be prefixed with"),
        ("a/b", "ValidationException", "Parameter name must be a fully qualified name."),
        ("/aws/b", "AccessDeniedException", "No access to reserved parameter name"),
        ("ssm-b", "ValidationException", "can't be prefixed with"),
        ("/x" * 16, "HierarchyLevelLimitExceededException", "15 levels"),
        ("/" + "x" * 967, "ValidationException", "1011"),
    ],
)
def test_a_name_that_a_parameter_cannot_have_is_refused(client, name, code, message):
    with refused(code, message):
        put(client, name)


@pytest.mark.parametrize("name", ["a", "/a", "/x" * 15, "/" + "x" * 966, "/A.b_c-1/D"])
def test_a_name_that_a_parameter_can_have_is_taken(client, name):
    put(client, name)
    assert client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "one"


@pytest.mark.parametrize("name", ["/a b", "a/b", "/a{b}"])
def test_what_cannot_be_a_name_is_not_looked_for(client, name):
    with refused("ValidationException"):
        client.get_parameter(Name=name)
    with refused("ParameterNotFound"):
        client.get_parameter(Name="/none")


@pytest.mark.parametrize("value", ["{{ssm:/b}}", "{{b}}"])
def test_a_value_is_not_a_reference(client, value):
    with refused("ValidationException"):
        put(client, value=value)


def test_tags_have_the_limits_of_tags(client):
    put(client, Tags=[{"Key": f"t{number}", "Value": ""} for number in range(50)])
    with refused("ValidationException"):
        client.add_tags_to_resource(ResourceType="Parameter", ResourceId="/a", Tags=[{"Key": "a", "Value": "{}"}])
    with refused("TooManyTagsError"):
        put(client, "/b", Tags=[{"Key": f"t{number}", "Value": ""} for number in range(51)])


def test_all_of_a_value_matches_the_allowed_pattern_also_that_of_an_earlier_version(client):
    with refused("ParameterPatternMismatchException"):
        put(client, value="10,000", AllowedPattern=r"\d{1,4}")
    put(client, value="100", AllowedPattern=r"\d{1,4}")
    with refused("ParameterPatternMismatchException", r"cannot be validated against allowedPattern: \d{1,4}"):
        put(client, value="10,000", Overwrite=True)
    assert put(client, value="1000", Overwrite=True)["Version"] == 2
    with refused("ParameterPatternMismatchException"):
        put(client, value="10000", Overwrite=True)
    assert put(client, value="a", Overwrite=True, AllowedPattern="[a-z]")["Version"] == 3


def test_a_parameter_is_deleted_once_with_its_history(client):
    put(client)
    put(client, value="two", Overwrite=True)
    client.delete_parameter(Name="/a")
    for name in ("/a", "/a:1"):
        with refused("ParameterNotFound"):
            client.get_parameter(Name=name)
    with refused("ParameterNotFound"):
        client.delete_parameter(Name="/a")
