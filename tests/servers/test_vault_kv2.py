"""Do the fake and a real Vault agree on KV version 2? Versions, check-and-set, deleted and destroyed secrets."""

from __future__ import annotations

import hvac
import pytest

from tests.servers.vault_caller import Caller

MISMATCH = "check-and-set parameter did not match the current version"
REQUIRED = "check-and-set parameter required for this call"


@pytest.fixture
def root(vault_server):
    return Caller(vault_server)


@pytest.fixture
def mount(vault_server, vault_name):
    vault_server.mount(vault_name, 2)
    return vault_name


def test_a_secret_is_read_as_it_was_written(root, mount):
    written = root.put(f"{mount}/data/a/b", {"text": "ä", "number": 1, "nested": {"x": [True, None]}})
    assert (written.status, written.data["version"]) == (200, 1)
    assert set(written.data) == {"created_time", "custom_metadata", "deletion_time", "destroyed", "version"}
    read = root.read(f"{mount}/data/a/b")
    assert read.data["data"] == {"text": "ä", "number": 1, "nested": {"x": [True, None]}}
    assert read.data["metadata"] == written.data


def test_hvac_reads_writes_and_replaces(vault_server, mount):
    kv = hvac.Client(url=vault_server.url, token=vault_server.root_token).secrets.kv.v2
    kv.create_or_update_secret("a", {"x": "1", "y": "1"}, cas=0, mount_point=mount)
    kv.create_or_update_secret("a", {"x": "2"}, cas=1, mount_point=mount)
    read = kv.read_secret_version("a", mount_point=mount, raise_on_deleted_version=True)
    assert read["data"]["data"] == {"x": "2"}
    assert kv.read_secret_version("a", 1, mount, raise_on_deleted_version=True)["data"]["data"] == {"x": "1", "y": "1"}


def test_what_is_absent_is_404_without_a_word(root, mount):
    for answer in (
        root.read(f"{mount}/data/a"),
        root.read(f"{mount}/metadata/a"),
        root.list(f"{mount}/metadata/a"),
    ):
        assert (answer.status, answer.document) == (404, {"errors": []})
    root.put(f"{mount}/data/a", {})
    assert root.read(f"{mount}/data/a", version=7).document == {"errors": []}


@pytest.mark.parametrize(
    ("held", "cas", "status"),
    [(0, 0, 200), (0, 1, 400), (0, 2**31 - 1, 400), (2, 2, 200), (2, 0, 400), (2, 1, 400), (2, 3, 400), (2, -1, 400),
     (2, "2", 200), (0, None, 200), (2, None, 400)],
)  # fmt: skip
def test_check_and_set_takes_the_current_version_only(root, mount, held, cas, status):
    for number in range(held):
        root.put(f"{mount}/data/a", {"number": number})
    answer = root.write(f"{mount}/data/a", {"data": {"mine": "1"}, "options": {"cas": cas}})
    assert answer.status == status
    if status == 400:
        assert answer.errors == [MISMATCH]
        assert (root.read(f"{mount}/data/a").data or {}).get("data") == ({"number": held - 1} if held else None)


def test_check_and_set_that_is_no_number_is_refused(root, mount):
    answer = root.write(f"{mount}/data/a", {"data": {}, "options": {"cas": "one"}})
    assert (answer.status, answer.errors) == (400, ["error parsing check-and-set parameter"])


@pytest.mark.parametrize("options", [None, {}, "absent"])
def test_a_mount_can_require_check_and_set(vault_server, root, vault_name, options):
    vault_server.mount(vault_name, 2, cas_required=True)
    body = {"data": {"x": 1}} | ({} if options == "absent" else {"options": options})
    answer = root.write(f"{vault_name}/data/a", body)
    assert (answer.status, answer.errors) == (400, [REQUIRED])
    assert root.put(f"{vault_name}/data/a", {"x": 1}, cas=0).status == 200


def test_a_secret_can_require_check_and_set(root, mount):
    assert root.write(f"{mount}/metadata/a", {"cas_required": True}).status == 204
    assert root.put(f"{mount}/data/a", {}).errors == [REQUIRED]
    assert root.put(f"{mount}/data/b", {}).status == 200


@pytest.mark.parametrize("gone", ["deleted", "destroyed", "both"])
def test_a_secret_that_is_gone_is_404_with_its_version_which_check_and_set_takes(root, mount, gone):
    root.put(f"{mount}/data/a", {"x": "1"})
    root.put(f"{mount}/data/a", {"x": "2"})
    if gone != "destroyed":
        assert root.delete(f"{mount}/data/a").status == 204
    if gone != "deleted":
        assert root.ask("put", f"{mount}/destroy/a", {"versions": [2]}).status == 204
    read = root.read(f"{mount}/data/a")
    assert (read.status, read.errors, read.data["data"]) == (404, [], None)
    assert read.data["metadata"]["version"] == 2
    assert bool(read.data["metadata"]["deletion_time"]) == (gone != "destroyed")
    assert read.data["metadata"]["destroyed"] == (gone != "deleted")
    assert root.read(f"{mount}/data/a", version=1).data["data"] == {"x": "1"}
    assert root.put(f"{mount}/data/a", {"x": "3"}, cas=0).errors == [MISMATCH]
    assert root.put(f"{mount}/data/a", {"x": "3"}, cas=2).data["version"] == 3


def test_hvac_carries_the_version_of_what_is_gone(vault_server, mount):
    kv = hvac.Client(url=vault_server.url, token=vault_server.root_token).secrets.kv.v2
    kv.create_or_update_secret("a", {"x": "1"}, mount_point=mount)
    kv.delete_latest_version_of_secret("a", mount_point=mount)
    with pytest.raises(hvac.exceptions.InvalidPath) as caught:
        kv.read_secret_version("a", mount_point=mount, raise_on_deleted_version=True)
    assert caught.value.json["data"]["metadata"]["version"] == 1


def test_what_is_deleted_can_be_brought_back_and_what_is_destroyed_cannot(root, mount):
    for _ in range(3):
        root.put(f"{mount}/data/a", {"x": "1"})
    assert root.write(f"{mount}/delete/a", {"versions": [1, 2, 99]}).status == 204
    assert root.write(f"{mount}/destroy/a", {"versions": [2]}).status == 204
    assert root.write(f"{mount}/undelete/a", {"versions": [1, 2]}).status == 204
    assert [root.read(f"{mount}/data/a", version=number).status for number in (1, 2, 3)] == [200, 404, 200]
    for action in ("delete", "undelete", "destroy"):
        refused = root.write(f"{mount}/{action}/a", {})
        assert (refused.status, refused.errors[0].lower()) == (400, "no version number provided")
        assert root.write(f"{mount}/{action}/absent", {"versions": [1]}).status == 204


def test_deleting_what_is_absent_makes_nothing(root, mount):
    assert root.delete(f"{mount}/data/a").status == 204
    assert root.write(f"{mount}/delete/a", {"versions": [1]}).status == 204
    assert root.read(f"{mount}/metadata/a").status == 404


def test_deleting_a_version_that_is_not_there_changes_nothing_of_the_others(root, mount):
    for number in (1, 2):
        root.put(f"{mount}/data/a", {"number": number})
    before = root.read(f"{mount}/metadata/a").data
    assert root.write(f"{mount}/delete/a", {"versions": [2**31 - 1]}).status == 204
    assert root.read(f"{mount}/metadata/a").data == before
    assert root.write(f"{mount}/delete/a", {"versions": [1]}).status == 204
    assert root.read(f"{mount}/data/a").data["data"] == {"number": 2}


@pytest.mark.parametrize(("of_secret", "kept"), [(0, 10), (2, 2)])
def test_only_so_many_versions_are_kept(root, mount, of_secret, kept):
    root.write(f"{mount}/metadata/a", {"max_versions": of_secret})
    for number in range(12):
        root.put(f"{mount}/data/a", {"number": number})
    metadata = root.read(f"{mount}/metadata/a").data
    assert sorted(map(int, metadata["versions"])) == list(range(13 - kept, 13))
    assert (metadata["current_version"], metadata["oldest_version"]) == (12, 13 - kept)
    assert root.read(f"{mount}/data/a", version=12 - kept).document == {"errors": []}


def test_metadata_alone_is_no_secret_and_its_deletion_removes_everything(root, mount):
    assert root.ask("put", f"{mount}/metadata/a", {"custom_metadata": {"owner": "ada"}}).status == 204
    assert root.read(f"{mount}/data/a").document == {"errors": []}
    assert root.put(f"{mount}/data/a", {"x": "1"}, cas=0).data["custom_metadata"] == {"owner": "ada"}
    assert root.write(f"{mount}/metadata/a", {}).status == 204
    assert root.read(f"{mount}/metadata/a").data["custom_metadata"] == {"owner": "ada"}
    assert root.delete(f"{mount}/metadata/a").status == 204
    assert root.read(f"{mount}/metadata/a").status == 404
    assert root.put(f"{mount}/data/a", {}, cas=0).data["version"] == 1


def test_metadata_lists_secrets_and_folders(root, mount):
    for path in ("a", "b/c", "b/d/e"):
        root.put(f"{mount}/data/{path}", {})
    root.delete(f"{mount}/data/a")
    assert root.list(f"{mount}/metadata").data == {"keys": ["a", "b/"]}
    assert root.list(f"{mount}/metadata/").data == {"keys": ["a", "b/"]}
    assert root.list(f"{mount}/metadata/b").data == {"keys": ["c", "d/"]}
    assert root.read(f"{mount}/metadata/b", list="true").data == {"keys": ["c", "d/"]}


@pytest.mark.parametrize("body", [None, {}, {"x": "1"}, {"options": {"cas": 0}}])
def test_a_write_without_data_is_refused(root, mount, body):
    answer = root.write(f"{mount}/data/a", body)
    assert (answer.status, answer.errors) == (400, ["no data provided"])


def test_data_that_is_no_object_is_refused_and_null_is_stored(root, mount):
    answer = root.write(f"{mount}/data/a", {"data": "text"})
    assert answer.status == 400
    assert answer.errors[0].startswith('error converting input for field "data"')
    assert root.write(f"{mount}/data/a", {"data": None}).status == 200
    read = root.read(f"{mount}/data/a")
    assert (read.status, read.data["data"] or {}) == (200, {})


def test_a_body_that_is_no_object_is_refused(root, mount):
    answer = root.write(f"{mount}/data/a", [1])
    assert answer.status == 400
    assert answer.errors[0].startswith("failed to decode JSON input")


def test_further_fields_are_ignored_with_a_warning(root, mount):
    answer = root.write(f"{mount}/data/a", {"data": {}, "conn_uri": "x"})
    assert (answer.status, answer.warning) == (200, "Endpoint ignored these unrecognized parameters: [conn_uri]")


@pytest.mark.parametrize("path", ["a", "connections/a", "", "data"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_a_path_as_version_1_has_it_is_404_with_a_warning(root, mount, method, path):
    answer = root.ask(method, f"{mount}/{path}".rstrip("/"), {"x": "1"} if method == "post" else None)
    assert (answer.status, answer.data, answer.errors) == (404, None, [])
    expected = (
        "Non-listing operations on the root of a K/V v2 mount" if path == "data" else "Invalid path for a version"
    )
    assert answer.warning.startswith(expected)
