"""Does the fake Vault fail as it is told, and say what it has received?"""

from __future__ import annotations

import hvac
import pytest
import requests

from tests.servers.vault_caller import Caller, policy_line


@pytest.fixture
def root(vault_fake):
    return Caller(vault_fake)


def told(requests_received):
    return [(each.method, each.path, each.status) for each in requests_received]


def test_the_next_requests_that_match_are_answered_with_a_status(vault_fake, root):
    vault_fake.fail("POST", "secret/data/*", status=503, times=2, skip=1)
    answers = [root.put("secret/data/a/b", {}).status for _ in range(4)]
    assert (answers, root.read("secret/data/a/b").data["metadata"]["version"]) == ([200, 503, 503, 200], 2)
    assert vault_fake.faults_left == 0


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("how", [{"drop": True}, {"status": 500}])
def test_what_fails_may_have_been_done(vault_fake, root, how, applied):
    vault_fake.fail("POST", applied=applied, **how)
    if "drop" in how:
        with pytest.raises(requests.ConnectionError):
            root.put("secret/data/a", {"x": "1"})
    else:
        assert root.put("secret/data/a", {"x": "1"}).status == 500
    assert root.read("secret/data/a").status == (200 if applied else 404)
    assert told(vault_fake.requests)[0] == ("POST", "secret/data/a", how.get("status"))


def test_a_delay_alone_changes_no_answer(vault_fake):
    vault_fake.fail(delay=5.0)
    impatient = hvac.Client(url=vault_fake.url, token=vault_fake.root_token, timeout=0.05)
    with pytest.raises(requests.Timeout):
        impatient.secrets.kv.v2.create_or_update_secret("a", {})


def test_a_fault_has_to_make_sense(vault_fake):
    for fault in ({"drop": True, "status": 500}, {"applied": True}):
        with pytest.raises(ValueError, match=r"fault|applied"):
            vault_fake.fail(**fault)


def test_requests_are_kept_with_their_bodies_and_the_names_of_their_tokens(vault_fake, root):
    vault_fake.namespace("eu")
    vault_fake.mount("kv", 1, namespace="eu")
    vault_fake.policy("writer", policy_line("kv/*", "create"), "eu")
    token = vault_fake.token(["writer"], namespace="eu")
    Caller(vault_fake, token, "eu").write("kv/a", {"password": "hidden"})
    Caller(vault_fake, token).write("eu/kv/a", {"x": "2"})
    Caller(vault_fake, "s.nobody").read("kv/a")
    Caller(vault_fake, "").read("sys/health")
    received = vault_fake.requests
    assert [(each.namespace, each.token) for each in received] == [
        ("eu/", "token-1"), ("eu/", "token-1"), ("", "unknown"), ("", "")
    ]  # fmt: skip
    assert told(received[:3]) == [("POST", "kv/a", 204), ("POST", "kv/a", 403), ("GET", "kv/a", 403)]
    assert received[0].body == {"password": "hidden"}
    assert "hidden" not in repr(received)
    assert token not in repr(received)
    vault_fake.forget()
    assert vault_fake.requests == []


def test_logins_are_counted(vault_fake):
    vault_fake.userpass("ada", "right", [])
    for password in ("right", "wrong", "right"):
        Caller(vault_fake, "").write("auth/userpass/login/ada", {"password": password})
    assert vault_fake.logins == 2


def test_sealed_it_answers_503_and_no_more(vault_fake, root):
    root.put("secret/data/a", {})
    vault_fake.seal()
    for answer in (root.read("secret/data/a"), Caller(vault_fake, "").read("sys/internal/ui/mounts/secret/a")):
        assert (answer.status, answer.errors) == (503, ["Vault is sealed"])
    assert root.read("sys/health").document["sealed"]
    with pytest.raises(hvac.exceptions.VaultDown):
        hvac.Client(url=vault_fake.url, token=vault_fake.root_token).secrets.kv.v1.read_secret("a")
    vault_fake.unseal()
    assert root.read("secret/data/a").status == 200


def test_what_the_fake_does_not_have_it_does_not_pretend(root):
    assert root.read("sys/policies/acl/default").status == 501
    assert root.ask("patch", "secret/data/a", {"data": {}}).status == 405
