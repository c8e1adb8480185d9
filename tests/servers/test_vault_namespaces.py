"""Do the fake and a real Vault agree on namespaces, and on logins?"""

from __future__ import annotations

import hvac
import pytest

from tests.servers.vault_caller import Caller, policy_line

DENIED = (403, ["1 error occurred:\n\t* permission denied\n\n"])


@pytest.fixture
def inside(vault_server, vault_name):
    """A namespace with another in it, and a mount ``kv`` with a secret ``a`` in each."""
    try:
        vault_server.namespace(vault_name)
    except ValueError as error:
        if "unsupported path" not in str(error):
            raise
        pytest.skip(f"{vault_server.version} has no namespaces: those of HashiCorp are in its Enterprise edition")
    vault_server.namespace(f"{vault_name}/deep")
    for name in (vault_name, f"{vault_name}/deep"):
        vault_server.mount("kv", 2, namespace=name)
        assert Caller(vault_server, namespace=name).put("kv/data/a", {"of": name}).status == 200
    return vault_name


def outcome(answer):
    return answer.status, answer.errors


@pytest.mark.parametrize(
    ("header", "path"),
    [("{}", "kv/data/a"), ("{}/", "kv/data/a"), ("/{}", "kv/data/a"), (None, "{}/kv/data/a")],
)
def test_a_namespace_is_named_by_header_or_path(vault_server, inside, header, path):
    who = Caller(vault_server, namespace=header and header.format(inside))
    assert who.read(path.format(inside)).data["data"] == {"of": inside}


@pytest.mark.parametrize(
    ("header", "path"), [("{}/deep", "kv/data/a"), ("{}", "deep/kv/data/a"), (None, "{}/deep/kv/data/a")]
)
def test_header_and_path_together_lead_into_namespaces_in_namespaces(vault_server, inside, header, path):
    who = Caller(vault_server, namespace=header and header.format(inside))
    assert who.read(path.format(inside)).data["data"] == {"of": f"{inside}/deep"}


def test_a_namespace_that_is_not_there_is_404(vault_server, inside):
    nowhere = f"{inside}/nowhere"
    answer = Caller(vault_server, namespace=nowhere).read("secret/data/a")
    assert outcome(answer) == (404, ["namespace not found"])
    with pytest.raises(ValueError, match="namespace"):
        vault_server.mount("kv", 2, namespace=nowhere)


def test_a_mount_is_in_one_namespace(vault_server, inside):
    assert Caller(vault_server, namespace=inside).read("secret/data/a").errors == [
        'no handler for route "secret/data/a". route entry not found.'
    ]


def test_a_token_of_a_namespace_is_good_for_nothing_outside(vault_server, inside):
    vault_server.policy("reader", policy_line("kv/*", "read"), inside)
    token = vault_server.token(["reader"], namespace=inside)
    assert Caller(vault_server, token, inside).read("kv/data/a").status == 200
    assert Caller(vault_server, token).read(f"{inside}/kv/data/a").status == 200
    assert outcome(Caller(vault_server, token, f"{inside}/deep").read("kv/data/a")) == DENIED
    assert outcome(Caller(vault_server, token).read("secret/data/a")) == DENIED
    # The token's own namespace counts for these, not the request's.
    for namespace in (inside, None):
        looked = Caller(vault_server, token, namespace).read("auth/token/lookup-self")
        assert looked.data["namespace_path"] == f"{inside}/"


def test_a_policy_reaches_into_namespaces_below_its_own_by_path(vault_server, inside, vault_name):
    vault_server.policy(vault_name, policy_line(f"{inside}/kv/data/*", "read"))
    token = vault_server.token([vault_name])
    who = Caller(vault_server, token, inside)
    assert who.read("kv/data/a").status == 200
    assert who.read("sys/internal/ui/mounts/kv/data/a").data["options"] == {"version": "2"}
    assert outcome(Caller(vault_server, token, f"{inside}/deep").read("kv/data/a")) == DENIED
    # The default policy is about the token's own namespace.
    assert outcome(who.write("sys/capabilities-self", {"paths": ["kv/data/a"]})) == DENIED
    asked = Caller(vault_server, token).write("sys/capabilities-self", {"path": f"{inside}/kv/data/a"})
    assert asked.data["capabilities"] == ["read"]


def test_the_mount_is_shown_in_its_namespace_only(vault_server, inside):
    vault_server.policy("reader", policy_line("kv/*", "read"), inside)
    token = vault_server.token(["reader"], no_default=True, namespace=inside)
    path = "sys/internal/ui/mounts/kv/data/a"
    assert Caller(vault_server, token, inside).read(path).data["options"] == {"version": "2"}
    answer = Caller(vault_server, token).read(path)
    assert answer.status == 403
    assert answer.errors[0].startswith("preflight capability check returned 403")


def test_health_needs_no_token_and_no_namespace(vault_server, inside):
    answer = Caller(vault_server, "").read("sys/health")
    assert (answer.status, answer.document["initialized"], answer.document["sealed"]) == (200, True, False)
    answer = Caller(vault_server, namespace=inside).read("sys/health")
    assert outcome(answer) == (400, ["operation unavailable in namespaces"])


def test_a_user_logs_in_and_again_after_the_token_is_revoked(vault_server, vault_name):
    vault_server.policy(vault_name, policy_line("secret/data/*", "create", "update", "read"))
    vault_server.userpass(vault_name, "pass word", [vault_name])
    client = hvac.Client(url=vault_server.url)
    first = client.auth.userpass.login(vault_name, "pass word")["auth"]
    assert first["token_policies"] == ["default", vault_name]
    client.secrets.kv.v2.create_or_update_secret(vault_name, {"x": "1"}, cas=0)
    vault_server.revoke(first["client_token"])
    with pytest.raises(hvac.exceptions.Forbidden):
        client.secrets.kv.v2.create_or_update_secret(vault_name, {"x": "2"}, cas=1)
    second = client.auth.userpass.login(vault_name, "pass word")["auth"]
    assert second["client_token"] != first["client_token"]
    client.secrets.kv.v2.create_or_update_secret(vault_name, {"x": "2"}, cas=1)


@pytest.mark.parametrize(
    ("user", "body", "expected"),
    [
        ("{}", {"password": "wrong"}, (400, ["invalid username or password"])),
        ("nobody", {"password": "right"}, (400, ["invalid username or password"])),
        ("{}", {}, (500, ["missing password"])),
    ],
)
def test_a_login_that_fails(vault_server, vault_name, user, body, expected):
    vault_server.userpass(vault_name, "right", [])
    answer = Caller(vault_server, "").write(f"auth/userpass/login/{user.format(vault_name)}", body)
    assert outcome(answer) == expected


def test_users_are_in_one_namespace(vault_server, inside):
    vault_server.userpass("ada", "right", ["reader"], namespace=inside)
    vault_server.policy("reader", policy_line("kv/*", "read"), inside)
    client = hvac.Client(url=vault_server.url, namespace=inside)
    client.auth.userpass.login("ada", "right")
    assert client.secrets.kv.v2.read_secret_version("a", mount_point="kv", raise_on_deleted_version=True)
    elsewhere = Caller(vault_server, "", f"{inside}/deep").write("auth/userpass/login/ada", {"password": "right"})
    assert outcome(elsewhere) == (403, ["permission denied"])
