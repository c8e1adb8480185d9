"""Do the fake and a real Vault agree on KV version 1, and on where mounts begin and end?"""

from __future__ import annotations

import hvac
import pytest

from tests.servers.vault_caller import Caller


@pytest.fixture
def root(vault_server):
    return Caller(vault_server)


@pytest.fixture
def mount(vault_server, vault_name):
    vault_server.mount(vault_name, 1)
    return vault_name


def test_a_secret_is_read_replaced_listed_and_deleted(root, mount):
    assert root.write(f"{mount}/a/b", {"x": "1", "y": 2}).status == 204
    read = root.read(f"{mount}/a/b")
    assert (read.status, read.data, read.document["lease_duration"]) == (200, {"x": "1", "y": 2}, 2764800)
    assert root.ask("put", f"{mount}/a/b", {"z": None}).status == 204
    assert root.read(f"{mount}/a/b").data == {"z": None}
    assert root.list(mount).data == {"keys": ["a/"]}
    assert root.list(f"{mount}/a").data == {"keys": ["b"]}
    assert [root.delete(f"{mount}/a/b").status for _ in range(2)] == [204, 204]
    assert root.read(f"{mount}/a/b").document == {"errors": []}
    assert root.list(mount).document == {"errors": []}
    assert root.read(f"{mount}/a/b").status == root.list(mount).status == 404


def test_hvac_reads_and_writes(vault_server, mount):
    kv = hvac.Client(url=vault_server.url, token=vault_server.root_token).secrets.kv.v1
    kv.create_or_update_secret("a", {"x": "1"}, mount_point=mount)
    kv.create_or_update_secret("a", {"x": "2"}, method="PUT", mount_point=mount)
    assert kv.read_secret("a", mount_point=mount)["data"] == {"x": "2"}


@pytest.mark.parametrize("body", [None, {}])
def test_a_write_without_fields_is_refused(root, mount, body):
    answer = root.write(f"{mount}/a", body)
    assert (answer.status, answer.errors) == (400, ["missing data fields"])


def test_a_write_meant_for_version_2_is_stored_as_it_came(vault_server, root, mount):
    kv = hvac.Client(url=vault_server.url, token=vault_server.root_token).secrets.kv.v2
    kv.create_or_update_secret("a", {"x": "1"}, cas=2**31 - 1, mount_point=mount)
    assert root.read(f"{mount}/data/a").data == {"data": {"x": "1"}, "options": {"cas": 2**31 - 1}}


@pytest.mark.parametrize("method", ["get", "post", "delete", "list"])
@pytest.mark.parametrize("path", ["data/a", "a"])
def test_where_nothing_is_mounted_there_is_no_handler(root, vault_name, method, path):
    path = f"{vault_name}/{path}" + ("/" if method == "list" else "")
    answer = root.ask(method, path, {"data": {}} if method == "post" else None)
    assert (answer.status, answer.errors) == (404, [f'no handler for route "{path}". route entry not found.'])


@pytest.mark.parametrize("version", [1, 2])
def test_a_mount_may_be_nested_and_none_may_be_in_another(vault_server, root, vault_name, version):
    vault_server.mount(f"{vault_name}/kv", version)
    vault_server.mount(f"{vault_name}/kv2", 2)
    for taken in (vault_name, f"{vault_name}/kv", f"{vault_name}/kv/inner"):
        with pytest.raises(ValueError, match="path is already in use at"):
            vault_server.mount(taken, 2)
    root.write(f"{vault_name}/kv/data/a", {"data": {"x": "1"}})
    assert root.read(f"{vault_name}/kv2/data/a").status == 404
    found = root.read(f"sys/internal/ui/mounts/{vault_name}/kv/data/a").data
    assert (found["path"], found["type"], found["options"]) == (f"{vault_name}/kv/", "kv", {"version": str(version)})


def test_methods_that_mean_nothing_are_405(root, mount):
    answer = root.ask("frobnicate", f"{mount}/a")
    assert (answer.status, answer.document) == (405, {"errors": []})
