"""The fake Vault answers as a real one, injects faults, and rejects what it does not model.

Each conversation runs against the fake and, if one is on PATH, a real Vault or OpenBao.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import hvac
import pytest
import requests
from hvac.adapters import RawAdapter

NEVER = 2**31 - 1
NOTHING: dict[str, Any] = {"errors": []}
DENIED = {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
BAD_TOKEN = {"errors": ["permission denied"]}
MISMATCH = {"errors": ["check-and-set parameter did not match the current version"]}
REQUIRED = {"errors": ["check-and-set parameter required for this call"]}
NO_FIELDS = {"errors": ["missing data fields"]}
NO_DATA = {"errors": ["no data provided"]}
NO_ROUTE = {"errors": ['no handler for route "NOWHERE/a". route entry not found.']}
_ADVICE = "please ensure client's policies grant access to path"
NOT_SEEN = {"errors": [f'preflight capability check returned 403, {_ADVICE} "KV2/data/connections/a/"']}

Step = tuple[Any, ...]


def put(data: Any, cas: Any = None) -> dict[str, Any]:
    """Return the body of a write to version 2."""
    return {"data": data} if cas is None else {"data": data, "options": {"cas": cas}}


def stored(number: int, data: Any = None, **metadata: Any) -> dict[str, Any]:
    """Return the answer to a read of version 2."""
    return {"data": {"data": data, "metadata": {"version": number, **metadata}}}


# A step is a request with its body, and the status and the least content of the answer; or "as" with the policy of
# the sender of the next requests. KV1, KV2 and CAS are mounts of versions 1 and 2, the last of which requires
# check-and-set; nothing is mounted at NOWHERE.
CONVERSATIONS: dict[str, list[Step]] = {
    "1: a secret is read, replaced, listed and deleted": [
        ("POST KV1/a/b", {"x": "1", "y": 2}, 204),
        ("GET KV1/a/b", None, 200, {"data": {"x": "1", "y": 2}, "lease_duration": 2764800}),
        ("PUT KV1/a/b", {"z": None}, 204),
        ("GET KV1/a/b", None, 200, {"data": {"z": None}}),
        ("LIST KV1", None, 200, {"data": {"keys": ["a/"]}}),
        ("LIST KV1/a", None, 200, {"data": {"keys": ["b"]}}),
        ("DELETE KV1/a/b", None, 204),
        ("DELETE KV1/a/b", None, 204),
        ("GET KV1/a/b", None, 404, NOTHING),
        ("LIST KV1", None, 404, NOTHING),
    ],
    "1: a write without fields is refused": [("POST KV1/a", None, 400, NO_FIELDS), ("POST KV1/a", {}, 400, NO_FIELDS)],
    "1: a write meant for version 2 is stored as it came": [
        ("POST KV1/data/a", put({"x": "1"}, NEVER), 204),
        ("GET KV1/data/a", None, 200, {"data": put({"x": "1"}, NEVER)}),
    ],
    "where nothing is mounted there is no handler": [
        ("GET NOWHERE/a", None, 404, NO_ROUTE),
        ("POST NOWHERE/a", {"x": "1"}, 404, NO_ROUTE),
        ("DELETE NOWHERE/a", None, 404, NO_ROUTE),
        ("FROBNICATE NOWHERE/a", None, 405, NOTHING),
        ("GET sys/internal/ui/mounts/NOWHERE/a", None, 403),
    ],
    "2: a secret is read as it was written, by version": [
        ("POST KV2/data/a/b", put({"text": "ä", "nested": {"x": [True, None]}}, 0), 200, {"data": {"version": 1}}),
        ("PUT KV2/data/a/b", put({"x": "2"}, 1), 200, {"data": {"version": 2, "destroyed": False}}),
        ("GET KV2/data/a/b", None, 200, stored(2, {"x": "2"}, deletion_time="", destroyed=False)),
        ("GET KV2/data/a/b?version=1", None, 200, stored(1, {"text": "ä", "nested": {"x": [True, None]}})),
        ("GET KV2/data/a/b?version=7", None, 404, NOTHING),
        ("LIST KV2/metadata", None, 200, {"data": {"keys": ["a/"]}}),
        ("LIST KV2/metadata/a", None, 200, {"data": {"keys": ["b"]}}),
    ],
    "2: what is absent is 404 without a word": [
        ("GET KV2/data/a", None, 404, NOTHING),
        ("GET KV2/metadata/a", None, 404, NOTHING),
        ("LIST KV2/metadata/a", None, 404, NOTHING),
    ],
    "2: check-and-set takes the current version only": [
        ("POST KV2/data/a", put({}, 1), 400, MISMATCH),
        ("POST KV2/data/a", put({}, NEVER), 400, MISMATCH),
        ("GET KV2/data/a", None, 404, NOTHING),
        ("POST KV2/data/a", {"data": {"n": 1}, "options": {"cas": None}}, 200, {"data": {"version": 1}}),
        ("POST KV2/data/a", {"data": {"n": 2}, "options": None}, 200, {"data": {"version": 2}}),
        ("POST KV2/data/a", {"data": {}, "options": {"cas": None}}, 400, MISMATCH),
        *[("POST KV2/data/a", put({}, cas), 400, MISMATCH) for cas in (0, 1, 3, -1)],
        ("POST KV2/data/a", put({}, "one"), 400, {"errors": ["error parsing check-and-set parameter"]}),
        ("GET KV2/data/a", None, 200, stored(2, {"n": 2})),
        ("POST KV2/data/a", put({"n": 3}, "2"), 200, {"data": {"version": 3}}),
    ],
    "2: a mount can require check-and-set": [
        ("POST CAS/data/a", put({"x": 1}), 400, REQUIRED),
        ("POST CAS/data/a", {"data": {"x": 1}, "options": {}}, 400, REQUIRED),
        ("POST CAS/data/a", put({"x": 1}, 0), 200),
    ],
    "2: a secret that is gone is 404 with its version, which check-and-set takes": [
        ("POST KV2/data/a", put({"n": 1}), 200),
        ("POST KV2/data/a", put({"n": 2}), 200),
        ("DELETE KV2/data/a", None, 204),
        ("GET KV2/data/a", None, 404, stored(2, destroyed=False)),
        ("GET KV2/data/a?version=1", None, 200, stored(1, {"n": 1})),
        ("POST KV2/data/a", put({"n": 3}, 0), 400, MISMATCH),
        ("POST KV2/data/a", put({"n": 3}, 2), 200, {"data": {"version": 3}}),
        ("PUT KV2/destroy/a", {"versions": [3]}, 204),
        ("GET KV2/data/a", None, 404, stored(3, destroyed=True, deletion_time="")),
        ("POST KV2/data/a", put({"n": 4}, 3), 200, {"data": {"version": 4}}),
    ],
    "2: what is deleted can be brought back, what is destroyed cannot": [
        *[("POST KV2/data/a", put({"n": number}), 200) for number in (1, 2, 3)],
        ("POST KV2/delete/a", {"versions": [1, 2, NEVER]}, 204),
        ("GET KV2/data/a?version=1", None, 404),
        ("GET KV2/data/a", None, 200, stored(3, {"n": 3})),
        ("POST KV2/destroy/a", {"versions": [2]}, 204),
        ("POST KV2/undelete/a", {"versions": [1, 2]}, 204),
        ("GET KV2/data/a?version=1", None, 200, stored(1, {"n": 1})),
        ("GET KV2/data/a?version=2", None, 404),
        ("GET KV2/metadata/a", None, 200, {"data": {"current_version": 3, "versions": {"2": {"destroyed": True}}}}),
    ],
    "2: acting on what is absent makes nothing": [
        ("DELETE KV2/data/a", None, 204),
        *[(f"POST KV2/{act}/a", {"versions": [1]}, 204) for act in ("delete", "undelete", "destroy")],
        *[(f"POST KV2/{act}/a", {}, 400) for act in ("delete", "undelete", "destroy")],
        ("GET KV2/metadata/a", None, 404, NOTHING),
    ],
    "2: a deletion of the metadata removes every version": [
        ("POST KV2/data/a", put({"n": 1}), 200),
        ("DELETE KV2/metadata/a", None, 204),
        ("GET KV2/metadata/a", None, 404, NOTHING),
        ("POST KV2/data/a", put({}, 0), 200, {"data": {"version": 1}}),
    ],
    "2: a write that makes no sense is refused": [
        *[("POST KV2/data/a", body, 400, NO_DATA) for body in (None, {}, {"x": "1"}, {"options": {"cas": 0}})],
        ("POST KV2/data/a", {"data": "text"}, 400),
        ("POST KV2/data/a", [1], 400),
        ("POST KV2/data/a", put({}) | {"conn_uri": "x"}, 200,
         {"warnings": ["Endpoint ignored these unrecognized parameters: [conn_uri]"]}),
    ],
    "2: a path as version 1 has it is 404 without an error": [
        *[(f"GET KV2{path}", None, 404, {"data": None}) for path in ("/a", "/connections/a", "/data")],
        *[(f"POST KV2{path}", {"x": "1"}, 404, {"data": None}) for path in ("/a", "/connections/a", "/data")],
        *[(f"DELETE KV2{path}", None, 404, {"data": None}) for path in ("/a", "/connections/a", "/data")],
    ],
    "a write to version 2 needs create until there is metadata, then update": [
        ("as", "KV2/data/*: update"),
        ("POST KV2/data/a", put({}, NEVER), 403, DENIED),
        ("as", "KV2/data/*: create"),
        ("POST KV2/data/a", put({}, NEVER), 400, MISMATCH),
        ("POST KV2/data/a", put({}), 200),
        ("POST KV2/data/a", put({}), 403, DENIED),
        ("as", "KV2/data/*: update, delete"),
        ("DELETE KV2/data/a", None, 204),
        ("POST KV2/data/a", put({}), 200),
    ],
    "a write to version 1 needs create until there is a secret, then update": [
        ("as", "KV1/*: update"),
        ("POST KV1/a", {"x": "1"}, 403, DENIED),
        ("as", "KV1/*: create"),
        ("POST KV1/a", {"x": "1"}, 204),
        ("POST KV1/a", {"x": "1"}, 403, DENIED),
    ],
    "acting on versions needs update there": [
        ("as", "KV2/delete/*: create, delete"),
        ("POST KV2/delete/a", {"versions": [1]}, 403, DENIED),
        ("as", "KV2/delete/*: update"),
        ("POST KV2/delete/a", {"versions": [1]}, 204),
    ],
    "what is not allowed is denied before it is missed": [("as", "KV2/*: read"), ("GET NOWHERE/a", None, 403, DENIED)],
    "capabilities are listed by path, even of a secret that does not exist": [
        ("as", "KV1/*: create, update; KV1/no: deny; KV2/data/*: read"),
        ("POST sys/capabilities-self", {"paths": ["KV1/a", "KV1/no", "KV2/data/a", "NOWHERE/a"]}, 200,
         {"data": {"KV1/a": ["create", "update"], "KV1/no": ["deny"], "KV2/data/a": ["read"], "NOWHERE/a": ["deny"]}}),
        ("POST sys/capabilities-self", {}, 400, {"errors": ["paths must be supplied"]}),
        ("GET auth/token/lookup-self", None, 200),
    ],
    "root may do everything": [("POST sys/capabilities-self", {"paths": ["NOWHERE/a"]}, 200, {"NOWHERE/a": ["root"]})],
    "without the default policy a token may not look itself up": [
        ("as", "KV2/data/*: read", {"no_default": True}),
        ("GET auth/token/lookup-self", None, 403, DENIED),
        ("POST sys/capabilities-self", {"paths": ["KV2/data/a"]}, 403, DENIED),
        ("as", "sys/capabilities-self: update", {"no_default": True}),
        ("POST sys/capabilities-self", {"paths": ["KV2/data/a"]}, 200, {"data": {"KV2/data/a": ["deny"]}}),
    ],
    # The most specific line decides, whichever way.
    **{f"{lines}; of {path}": [("POST KV1/" + path, {"x": "1"}, 204), ("as", lines), ("GET KV1/" + path, None, status)]
        for lines, path, status in [
            ("KV1/c/a: read", "c/a", 200),
            ("KV1/c/a: read", "c/a/b", 403),
            ("KV1/c/a: read", "c/ab", 403),
            ("KV1/c/*: read", "c/a/b", 200),
            ("KV1/c/a*: read", "c/ab", 200),
            ("KV1/c/*/b: read", "c/a/b", 403),
            ("KV1/c/*: read; KV1/c/a: deny", "c/a", 403),
            ("KV1/c/*: deny; KV1/c/a: read", "c/a", 200),
            ("KV1/c/*: read; KV1/c/a: update", "c/a", 403),
            ("KV1/c/*: deny; KV1/c/a*: read", "c/ab", 200),
            ("KV1/c/*: read; KV1/c/a*: update", "c/ab", 403),
            ("KV1/c/a: read, deny", "c/a", 403),
        ]},
    "a mount shows its version to a token with any right in it": [
        step
        for line, status, answer in [
            ("KV2/data/connections/*: read", 200, {"data": {"path": "KV2/", "options": {"version": "2"}}}),
            ("KV2/data/connections/a: create", 200, {"data": {"type": "kv"}}),
            ("KV2/*: list", 200, {}),
            ("*: read", 200, {}),
            ("KV2: read", 200, {}),
            ("KV2/data/*: deny", 403, NOT_SEEN),
            ("KV1/*: read", 403, NOT_SEEN),
        ]
        for step in [("as", line), ("GET sys/internal/ui/mounts/KV2/data/connections/a", None, status, answer)]
    ],
}  # fmt: skip


def contains(answer: Any, least: Any) -> bool:
    """Whether an answer has at least this content."""
    if isinstance(least, dict):
        return isinstance(answer, dict) and all(
            name in answer and contains(answer[name], least[name]) for name in least
        )
    return bool(answer == least)


class Caller:
    """A minimal client with one token."""

    def __init__(self, server: Any, token: str | None = None, namespace: str | None = None) -> None:
        token = server.root_token if token is None else token
        self.adapter = hvac.Client(url=server.url, token=token, namespace=namespace, adapter=RawAdapter).adapter

    def ask(self, request: str, body: Any = None) -> tuple[int, Any]:
        method, _, path = request.partition(" ")
        path, _, query = path.partition("?")
        params = dict(each.split("=") for each in query.split("&") if each)
        response = self.adapter.request(method, f"/v1/{path}", json=body, params=params, raise_exception=False)
        return response.status_code, response.json() if response.content else {}


def new_token(server: Any, lines: str, **options: Any) -> str:
    """Return a token with a policy of these lines."""
    text = ""
    for line in lines.split("; "):
        path, _, capabilities = line.partition(": ")
        text += f'path "{path}" {{ capabilities = {json.dumps(capabilities.split(", "))} }}\n'
    server.policy(name := f"p{uuid.uuid4().hex}", text)
    return str(server.token([name], **options))


@pytest.mark.parametrize("steps", CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_the_fake_and_a_real_vault_answer_alike(vault_server, vault_name, steps):
    names = {"KV1": f"{vault_name}-1", "KV2": f"{vault_name}-2", "CAS": f"{vault_name}-3", "NOWHERE": f"{vault_name}-4"}
    text = json.dumps(steps)
    for word, name in names.items():
        text = text.replace(word, name)
    vault_server.mount(names["KV1"], 1)
    vault_server.mount(names["KV2"], 2)
    vault_server.mount(names["CAS"], 2, cas_required=True)
    caller = Caller(vault_server)
    for step in json.loads(text):
        if step[0] == "as":
            caller = Caller(vault_server, new_token(vault_server, step[1], **(step[2] if len(step) > 2 else {})))
            continue
        request, body, status, *least = step
        answer = caller.ask(request, body)
        assert answer[0] == status, (request, answer)
        assert contains(answer[1], least[0] if least else {}), (request, answer)


@pytest.mark.parametrize("token", ["", "s.unknown", "revoked"])
def test_an_invalid_token_gets_another_message(vault_server, vault_name, token):
    if token == "revoked":
        vault_server.revoke(token := new_token(vault_server, "*: read"))
    caller = Caller(vault_server, token)
    for path in ("secret/data/a", f"{vault_name}/a", "auth/token/lookup-self", "sys/internal/ui/mounts/secret"):
        assert caller.ask(f"GET {path}") == (403, BAD_TOKEN)


def test_a_policy_that_is_changed_binds_the_tokens_that_have_it(vault_server, vault_name):
    vault_server.policy(vault_name, 'path "elsewhere/*" { capabilities = ["read"] }')
    caller = Caller(vault_server, vault_server.token([vault_name]))
    assert caller.ask(f"GET secret/data/{vault_name}")[0] == 403
    vault_server.policy(vault_name, '# now\npath "secret/data/*" { capabilities = ["read"] }')
    assert caller.ask(f"GET secret/data/{vault_name}")[0] == 404
    for text in ("", "nonsense", 'path "a" { capabilities = ["reed"] }'):
        with pytest.raises(ValueError, match="polic"):
            vault_server.policy(vault_name, text)


@pytest.mark.parametrize("version", [1, 2])
def test_a_mount_may_be_nested_and_none_may_be_in_another(vault_server, vault_name, version):
    vault_server.mount(f"{vault_name}/kv", version)
    vault_server.mount(f"{vault_name}/kv2", 2)
    for taken in (vault_name, f"{vault_name}/kv", f"{vault_name}/kv/inner"):
        with pytest.raises(ValueError, match="path is already in use at"):
            vault_server.mount(taken, 2)
    _, found = Caller(vault_server).ask(f"GET sys/internal/ui/mounts/{vault_name}/kv/data/a")
    assert contains(found, {"data": {"path": f"{vault_name}/kv/", "options": {"version": str(version)}}})


def test_a_mount_is_in_one_namespace(vault_server, vault_name):
    try:
        vault_server.namespace(vault_name)
    except ValueError as error:
        if "unsupported path" not in str(error):
            raise
        pytest.skip(f"{vault_server.version} has no namespaces: those of HashiCorp are in its Enterprise edition")
    vault_server.mount("kv", 2, namespace=vault_name)
    inside, outside = Caller(vault_server, namespace=vault_name), Caller(vault_server)
    assert inside.ask("POST kv/data/a", put({"of": vault_name}))[0] == 200
    for caller, path in ((inside, "kv/data/a"), (outside, f"{vault_name}/kv/data/a")):
        assert contains(caller.ask(f"GET {path}")[1], stored(1, {"of": vault_name}))
    assert contains(inside.ask("GET sys/internal/ui/mounts/kv/data/a")[1], {"data": {"options": {"version": "2"}}})
    assert inside.ask("GET secret/data/a")[0] == outside.ask("GET kv/data/a")[0] == 404
    nowhere = Caller(vault_server, namespace=f"{vault_name}-nowhere").ask("GET kv/data/a")
    assert nowhere == (404, {"errors": ["namespace not found"]})


def test_a_user_logs_in_and_again_after_the_token_is_revoked(vault_server, vault_name):
    vault_server.policy(vault_name, 'path "secret/data/*" { capabilities = ["create", "update"] }')
    vault_server.userpass(vault_name, "pass word", [vault_name])
    client = hvac.Client(url=vault_server.url)
    for cas in (0, 1):
        auth = client.auth.userpass.login(vault_name, "pass word")["auth"]
        assert auth["token_policies"] == ["default", vault_name]
        client.secrets.kv.v2.create_or_update_secret(vault_name, {"x": "1"}, cas=cas)
        vault_server.revoke(auth["client_token"])
        with pytest.raises(hvac.exceptions.Forbidden):
            client.secrets.kv.v2.create_or_update_secret(vault_name, {"x": "2"}, cas=cas + 1)
    wrong = (400, {"errors": ["invalid username or password"]})
    caller = Caller(vault_server, "")
    assert caller.ask(f"POST auth/userpass/login/{vault_name}", {"password": "wrong"}) == wrong
    assert caller.ask(f"POST auth/userpass/login/{vault_name}-no", {"password": "pass word"}) == wrong


def test_the_next_requests_that_match_are_answered_with_a_status(vault_fake):
    caller = Caller(vault_fake)
    vault_fake.fail("POST", "secret/data/*", status=503, times=2)
    asked = ("GET secret/data/a/b", None), *[("POST secret/data/a/b", put({}))] * 3, ("GET secret/data/a/b", None)
    assert [caller.ask(*each)[0] for each in asked] == [404, 503, 503, 200, 200]


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("status", [None, 500])
def test_a_failed_request_may_have_been_applied_and_is_recorded(vault_fake, status, applied):
    caller = Caller(vault_fake)
    vault_fake.fail("POST", applied=applied, status=status, drop=status is None)
    if status is None:
        with pytest.raises(requests.ConnectionError):
            caller.ask("POST secret/data/a", put({"x": "hidden"}))
    else:
        assert caller.ask("POST secret/data/a", put({"x": "hidden"}))[0] == status
    assert caller.ask("GET secret/data/a")[0] == (200 if applied else 404)
    first = vault_fake.requests[0]
    assert (first.method, first.path, first.status) == ("POST", "secret/data/a", status)
    assert first.body == put({"x": "hidden"})
    assert "hidden" not in repr(first)


def test_the_fake_rejects_what_it_does_not_model(vault_fake):
    caller = Caller(vault_fake)
    for request in ("GET sys/policies/acl/default", "POST auth/token/renew-self", "GET secret/data/a?list=true"):
        assert caller.ask(request)[0] == 501
    assert caller.ask("PATCH secret/data/a", {})[0] == caller.ask("POST secret/metadata/a", {})[0] == 405
    for text in ('path "a/+/b" { capabilities = ["read"] }', '{"path": {}}'):
        with pytest.raises(ValueError, match="not known here"):
            vault_fake.policy("p", text)
