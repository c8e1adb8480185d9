"""Do the fake and a real Vault agree on who may do what? Policies, capabilities, and what a token sees of mounts."""

from __future__ import annotations

import json

import pytest

from tests.servers.vault_caller import Caller, policy_line

DENIED = (403, ["1 error occurred:\n\t* permission denied\n\n"])
BAD_TOKEN = (403, ["permission denied"])
MISMATCH = "check-and-set parameter did not match the current version"
NEVER = 2**31 - 1


@pytest.fixture
def root(vault_server):
    return Caller(vault_server)


@pytest.fixture
def mounts(vault_server, vault_name):
    """A mount of each version: ``<mounts>-1`` and ``<mounts>-2``."""
    vault_server.mount(f"{vault_name}-1", 1)
    vault_server.mount(f"{vault_name}-2", 2)
    return vault_name


@pytest.fixture
def caller(vault_server, vault_name):
    """Make a caller who has the lines given as policies, one policy a text."""

    def make(*policies, **options):
        names = [f"{vault_name}-{number}" for number, _ in enumerate(policies)]
        for name, text in zip(names, policies, strict=True):
            vault_server.policy(name, text)
        return Caller(vault_server, vault_server.token(names, **options))

    return make


def outcome(answer):
    return answer.status, answer.errors


@pytest.mark.parametrize(
    ("state", "needed"),
    [("absent", "create"), ("there", "update"), ("deleted", "update"), ("destroyed", "update"), ("settings", "update")],
)
def test_a_write_to_version_2_needs_create_until_there_is_metadata(root, mounts, caller, state, needed):
    path = f"{mounts}-2/data/a"
    if state == "settings":
        root.write(f"{mounts}-2/metadata/a", {"max_versions": 3})
    elif state != "absent":
        root.put(path, {})
    if state == "deleted":
        root.delete(path)
    if state == "destroyed":
        root.write(f"{mounts}-2/destroy/a", {"versions": [1]})
    for capability in ("create", "update"):
        answer = caller(policy_line(f"{mounts}-2/data/*", capability)).put(path, {}, cas=NEVER)
        assert outcome(answer) == ((400, [MISMATCH]) if capability == needed else DENIED)


@pytest.mark.parametrize(("there", "needed"), [(False, "create"), (True, "update")])
def test_a_write_to_version_1_needs_create_until_there_is_a_secret(root, mounts, caller, there, needed):
    if there:
        root.write(f"{mounts}-1/a", {"x": "1"})
    other = {"create": "update", "update": "create"}[needed]
    assert outcome(caller(policy_line(f"{mounts}-1/*", other)).write(f"{mounts}-1/a", {"x": "2"})) == DENIED
    assert caller(policy_line(f"{mounts}-1/*", needed)).write(f"{mounts}-1/a", {"x": "2"}).status == 204


@pytest.mark.parametrize(
    ("capability", "allowed"),
    [("read", {"get"}), ("list", {"list"}), ("delete", {"delete"}), ("update", {"post", "put"}), ("create", set()),
     ("sudo", set())],
)  # fmt: skip
def test_a_capability_allows_its_method_and_no_other(root, mounts, caller, capability, allowed):
    root.write(f"{mounts}-1/a/b", {"x": "1"})
    who = caller(policy_line(f"{mounts}-1/*", capability))
    for method in ("get", "list", "post", "put", "delete"):
        answer = who.ask(method, f"{mounts}-1/a" + ("" if method == "list" else "/b"), {"x": "1"})
        assert (outcome(answer) != DENIED) == (method in allowed), method


@pytest.mark.parametrize("action", ["delete", "undelete", "destroy"])
def test_acting_on_versions_needs_update_there(root, mounts, caller, action):
    for capability, expected in (("create", 403), ("update", 204)):
        who = caller(policy_line(f"{mounts}-2/{action}/*", capability))
        assert who.write(f"{mounts}-2/{action}/a", {"versions": [1]}).status == expected


@pytest.mark.parametrize(
    "row",
    [
        ({"c/a": "read"}, "c/a", True),
        ({"c/a": "read"}, "c/a/b", False),
        ({"c/a": "read"}, "c/ab", False),
        ({"c/": "read"}, "c/a", False),
        ({"c/*": "read"}, "c/a/b", True),
        ({"c/a*": "read"}, "c/ab", True),
        ({"c/+": "read"}, "c/a", True),
        ({"c/+": "read"}, "c/a/b", False),
        ({"c/+/b": "read"}, "c/a/b", True),
        ({"c/+/b*": "read"}, "c/a/bc/d", True),
        ({"c/+/b*": "read"}, "c/a/cb", False),
        ({"+/a": "read"}, "c/a", True),
        ({"c/a+": "read"}, "c/ab", False),
        ({"c/*/b": "read"}, "c/a/b", False),
        # The most specific wins, whichever way it decides.
        ({"c/*": "read", "c/a": "deny"}, "c/a", False),
        ({"c/*": "deny", "c/a": "read"}, "c/a", True),
        ({"c/*": "read", "c/a": "update"}, "c/a", False),
        ({"c/*": "deny", "c/a*": "read"}, "c/ab", True),
        ({"c/*": "read", "c/a*": "update"}, "c/ab", False),
        ({"c/+": "deny", "c/a*": "read"}, "c/ab", True),
        ({"c/+": "read", "c/a*": "update"}, "c/ab", False),
        ({"c/+": "read", "c/*": "deny"}, "c/a", True),
        ({"c/+": "update", "c/*": "read"}, "c/a", False),
        ({"c/a/+/d": "deny", "c/+/b/d": "read"}, "c/a/b/d", False),
        ({"c/+/+": "deny", "c/+/b": "read"}, "c/a/b", True),
        ({"c/+/b*": "deny", "c/+/bc*": "read"}, "c/a/bcd", True),
        ({"c/+/b": "read", "c/+/b*": "deny"}, "c/a/b", True),
        ({"/c/a": "read"}, "c/a", True),
    ],
)
def test_the_most_specific_line_decides(root, mounts, caller, row):
    lines, path, allowed = row
    root.write(f"{mounts}-1/{path}", {"x": "1"})
    text = "".join(
        policy_line(f"/{mounts}-1{line}" if line.startswith("/") else f"{mounts}-1/{line}", capability)
        for line, capability in lines.items()
    )
    assert caller(text).read(f"{mounts}-1/{path}").status == (200 if allowed else 403)


def test_policies_add_up_and_a_denial_in_one_of_them_ends_it(root, mounts, caller):
    root.write(f"{mounts}-1/a", {"x": "1"})
    read, update, deny = (policy_line(f"{mounts}-1/a", capability) for capability in ("read", "update", "deny"))
    both = caller(read, update)
    assert (both.read(f"{mounts}-1/a").status, both.write(f"{mounts}-1/a", {"x": "2"}).status) == (200, 204)
    assert outcome(caller(read, deny).read(f"{mounts}-1/a")) == DENIED
    assert outcome(caller(policy_line(f"{mounts}-1/a", "read", "deny")).read(f"{mounts}-1/a")) == DENIED


@pytest.mark.parametrize(
    "row",
    [("c", "c", True), ("c/", "c", True), ("c/*", "c", True), ("c/a", "c", False), ("c/+", "c/a", True)],
)
def test_listing_a_folder_needs_a_line_with_or_without_its_slash(root, mounts, caller, row):
    line, path, allowed = row
    root.write(f"{mounts}-1/c/a/b", {"x": "1"})
    assert caller(policy_line(f"{mounts}-1/{line}", "list")).list(f"{mounts}-1/{path}").status == (
        200 if allowed else 403
    )


def test_a_policy_that_is_changed_binds_the_tokens_that_have_it(vault_server, root, mounts, vault_name, caller):
    root.write(f"{mounts}-1/a", {"x": "1"})
    who = caller(policy_line("elsewhere/*", "read"))
    assert who.read(f"{mounts}-1/a").status == 403
    vault_server.policy(f"{vault_name}-0", json.dumps({"path": {f"{mounts}-1/a": {"capabilities": ["read"]}}}))
    assert who.read(f"{mounts}-1/a").status == 200


@pytest.mark.parametrize(
    "text", ["", "nonsense", 'path "a" { capabilities = ["reed"] }', 'path "a/+*" { capabilities = ["read"] }']
)
def test_what_is_no_policy_is_refused(vault_server, vault_name, text):
    with pytest.raises(ValueError, match="polic"):
        vault_server.policy(vault_name, text)


def test_comments_in_a_policy_mean_nothing(root, mounts, caller):
    root.write(f"{mounts}-1/a", {"x": "1"})
    text = f'# read\n// only\n{policy_line(f"{mounts}-1/*", "read").strip()} # path "b"\n\n'
    assert caller(text).read(f"{mounts}-1/a").status == 200


@pytest.mark.parametrize(
    "path", ["{}-2/data/a", "{}-nowhere/a", "auth/token/lookup-self", "sys/internal/ui/mounts/{}-2"]
)
@pytest.mark.parametrize("token", ["", "s.unknown", "revoked"])
def test_a_token_that_is_not_accepted_is_told_so_in_other_words(vault_server, mounts, caller, token, path):
    if token == "revoked":
        token = caller(policy_line("*", "read")).token
        vault_server.revoke(token)
    assert outcome(Caller(vault_server, token).read(path.format(mounts))) == BAD_TOKEN


def test_a_mount_that_is_not_there_is_denied_before_it_is_missed(mounts, caller):
    assert outcome(caller(policy_line(f"{mounts}-2/*", "read")).read(f"{mounts}-nowhere/a")) == DENIED


@pytest.mark.parametrize("no_default", [False, True])
def test_without_the_default_policy_a_token_may_not_look_at_itself(mounts, caller, no_default):
    who = caller(policy_line(f"{mounts}-2/data/*", "read", "create"), no_default=no_default)
    looked = who.read("auth/token/lookup-self")
    asked = who.write("sys/capabilities-self", {"paths": [f"{mounts}-2/data/a"]})
    renewed = who.write("auth/token/renew-self", {})
    if no_default:
        assert outcome(looked) == outcome(asked) == outcome(renewed) == DENIED
    else:
        assert (looked.data["id"], "default" in looked.data["policies"]) == (who.token, True)
        assert asked.data[f"{mounts}-2/data/a"] == ["create", "read"]
        assert renewed.document["auth"]["client_token"] == who.token
    assert who.client.is_authenticated() != no_default


def test_a_line_of_its_own_opens_what_the_default_policy_would(mounts, caller):
    who = caller(policy_line("sys/capabilities-self", "update"), no_default=True)
    assert who.write("sys/capabilities-self", {"path": "sys/capabilities-self"}).data["capabilities"] == ["update"]


def test_capabilities_are_told_by_path_whether_or_not_there_is_anything(root, mounts, caller):
    root.write(f"{mounts}-1/a", {"x": "1"})
    who = caller(policy_line(f"{mounts}-1/*", "create", "update") + policy_line(f"{mounts}-1/no", "deny"))
    paths = [f"{mounts}-1/a", f"{mounts}-1/b", f"{mounts}-1/no", f"{mounts}-2/data/a", "nowhere"]
    answer = who.write("sys/capabilities-self", {"paths": paths})
    expected = [["create", "update"], ["create", "update"], ["deny"], ["deny"], ["deny"]]
    assert answer.data == dict(zip(paths, expected, strict=True))
    assert {path: answer.document[path] for path in paths} == answer.data
    assert root.write("sys/capabilities-self", {"paths": paths}).data == {path: ["root"] for path in paths}
    assert outcome(who.write("sys/capabilities-self", {})) == (400, ["paths must be supplied"])


@pytest.mark.parametrize(
    "row",
    [
        ("{}-2/data/connections/*", "read", True),
        ("{}-2/data/connections/a", "create", True),
        ("{}-2/*", "list", True),
        ("{}-2/+/connections/*", "update", True),
        ("+/data/*", "read", True),
        ("+/+", "read", True),
        ("*", "read", True),
        ("{}*", "read", True),
        ("{}-2/data/*", "deny", False),
        ("{}-1/*", "read", False),
        ("{}-2", "read", True),
        ("elsewhere/*", "read", False),
    ],
)
@pytest.mark.parametrize("no_default", [False, True])
def test_a_mount_shows_its_version_to_whoever_may_do_anything_in_it(mounts, caller, row, no_default):
    line, capability, seen = row
    who = caller(policy_line(line.format(mounts), capability), no_default=no_default)
    answer = who.read(f"sys/internal/ui/mounts/{mounts}-2/data/connections/a")
    if seen:
        assert (answer.status, answer.data["options"]["version"], answer.data["path"]) == (200, "2", f"{mounts}-2/")
    else:
        advice = "please ensure client's policies grant access to path"
        reason = f'preflight capability check returned 403, {advice} "{mounts}-2/data/connections/a/"'
        assert outcome(answer) == (403, [reason])


def test_a_mount_that_is_not_there_looks_like_one_that_is_denied(root, vault_name):
    answer = root.read(f"sys/internal/ui/mounts/{vault_name}/a")
    assert answer.status == 403
    assert answer.errors[0].startswith("preflight capability check returned 403")


def test_a_token_can_end_itself(mounts, caller):
    who = caller(policy_line(f"{mounts}-2/data/*", "read"))
    assert who.write("auth/token/revoke-self").status == 204
    assert outcome(who.read(f"{mounts}-2/data/a")) == BAD_TOKEN


@pytest.mark.parametrize("no_default", [False, True])
def test_a_mount_shows_its_version_to_whoever_is_denied_all_of_it_and_has_no_default_policy(mounts, caller, no_default):
    who = caller(policy_line(f"{mounts}-2/*", "deny"), no_default=no_default)
    assert who.read(f"sys/internal/ui/mounts/{mounts}-2/a").status == (200 if no_default else 403)
