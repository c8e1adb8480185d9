"""The secrets file: missing, empty, invalid, linked, read-only, or read by a subclass."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import store_on
from airflow_provider_polytomic.secret_stores.local.entries import build_conversion_command, parse_entries
from tests.unit.secret_stores.reasons import because

SERVER = "https://app.polytomic.com"
KEY = ApiKey("new-key")
CONNECTION = Destination.parse("airflow://connection/acme")
VARIABLE = Destination.parse("airflow://variable/acme_api_key")

OTHERS = {
    "uri": "postgres://u:p%40ss@db:5432/x?sslmode=require",
    "fields": {"conn_type": "http", "host": "h", "port": 80, "extra": {"a": [1, 2.5, None]}},
    "text extra": {"conn_type": "http", "extra": '{"a": 1}'},
    "extra_dejson": {"conn_type": "http", "extra_dejson": {"a": "ü"}},
    "one of a list": ["http://h"],
}


def open_at(file, destination=CONNECTION, backend=LocalFilesystemBackend):
    return store_on(backend(**{f"{destination.kind}s_file_path": str(file)}), destination, issuer=SERVER)


def write(store):
    stored = store.read()
    store.check_write(stored)
    return store.write(KEY, stored)


@pytest.mark.parametrize("suffix", ["json", "JSON"])
@pytest.mark.parametrize("content", [None, b"", b" \n"], ids=["missing", "empty", "blank"])
@pytest.mark.parametrize("destination", [CONNECTION, VARIABLE], ids=["connection", "variable"])
def test_a_missing_or_empty_file_is_started(tmp_path, suffix, content, destination):
    file = tmp_path / f"secrets.{suffix}"
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)
    store = open_at(file, destination)
    assert store.read().version == "absent"
    write(store)
    assert store.read_back().matches(KEY)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_other_entries_of_the_file_stay_in_their_form(tmp_path):
    file = tmp_path / "connections.json"
    file.write_text(json.dumps(OTHERS))
    write(open_at(file))
    after = json.loads(file.read_text())
    assert {name: after[name] for name in OTHERS} == OTHERS
    assert after["acme"] == {"conn_type": "polytomic", "host": SERVER, "password": "new-key"}
    backend = LocalFilesystemBackend(connections_file_path=str(file))
    by_uri, in_a_list = backend.get_connection("uri"), backend.get_connection("one of a list")
    assert by_uri is not None
    assert by_uri.password == "p@ss"
    assert in_a_list is not None
    assert in_a_list.host == "h"


@pytest.mark.parametrize(
    "entry",
    ["polytomic://:old@app.polytomic.com", ["polytomic://:old@app.polytomic.com"], []],
    ids=["uri", "list", "[]"],
)
def test_the_entry_is_read_in_any_form_and_becomes_fields(tmp_path, entry):
    file = tmp_path / "connections.json"
    file.write_text(json.dumps({"acme": entry}))
    store = open_at(file)
    stored = store.read()
    assert stored.is_recognised is bool(entry)
    store.write(KEY, stored)
    assert json.loads(file.read_text())["acme"]["password"] == "new-key"


UNUSABLE = {
    "not JSON": ("json", "{'acme': 1"),
    "no object": ("json", "[1]"),
    "given twice": ("json", '{"acme": "http://a", "acme": "http://b"}'),
    "other given twice": ("json", '{"x": "http://a", "x": "http://b"}'),
    "field given twice": ("json", '{"x": {"host": "a", "host": "s3cr3t"}}'),
    "list of two": ("json", '{"acme": ["http://a", "http://s3cr3t"]}'),
    "not YAML": ("yaml", "acme: [s3cr3t"),
    "YAML of objects": ("yaml", "acme: !!python/object/apply:os.system [s3cr3t]"),
    "not UTF-8": ("json", b'{"acme": "\xff"}'),
}


@pytest.mark.parametrize(("suffix", "content"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_could_not_be_written_back_whole_is_refused_and_unchanged(tmp_path, suffix, content):
    file = tmp_path / f"connections.{suffix}"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = file.read_bytes()
    with pytest.raises(SecretStoreConfigurationError) as caught:
        write(open_at(file))
    assert "s3cr3t" not in str(caught.value)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "illegal",
    [{"conn_type": "http", "passwd": "s3cr3t"}, 5, ["http://a", "http://b"], {"extra": "{}", "extra_dejson": {}}],
    ids=repr,
)
def test_an_invalid_entry_is_named_before_any_write(tmp_path, illegal):
    file = tmp_path / "connections.json"
    file.write_text(json.dumps({"fine": "http://a", "culprit": illegal}))
    before = file.read_bytes()
    store = open_at(file)
    with because("backend_cannot_read") as caught:
        store.check_write(store.read())
    assert "s3cr3t" not in str(caught.value)
    with because("backend_cannot_read"):
        store.write(KEY, store.read())
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if "new" in path.name] == []


YAML = """\
# owned by the data team
acme:
  conn_type: polytomic
  host: https://app.polytomic.com
  password: the-old-key
  description: 2026-11-29
"""
# Names in JSON are strings; these cannot be sorted.
KEYS_OF_YAML = """\
  extra_dejson:
    2024-01-01: x
    7: y
    text: z
"""


@pytest.mark.parametrize("suffix", ["yaml", "YML"])
@pytest.mark.parametrize("more", ["", KEYS_OF_YAML], ids=["plain", "keys that are not strings"])
def test_a_yaml_file_is_read_and_never_changed(tmp_path, suffix, more):
    file = tmp_path / f"connections.{suffix}"
    file.write_text(YAML + more)
    store = open_at(file)
    stored = store.read()
    if not more:  # Airflow itself reads only names that are strings
        assert stored.value.matches(store.read_back())
    assert (stored.value.reveal(), stored.is_recognised, store.read_record()) == ("the-old-key", True, None)
    for act in (
        lambda: store.check_write(stored),
        lambda: store.write(KEY, stored),
        lambda: store.write_record({"state": "open"}),
        lambda: store.remove(stored, permanently=True),
    ):
        with because("yaml_is_only_read"):
            act()
    assert file.read_text() == YAML + more
    assert {path.name for path in tmp_path.iterdir()} <= {file.name, f".{file.name}.polytomic-lock"}


def test_removal_from_a_yaml_file_without_the_entry_is_no_error(tmp_path):
    store = open_at(tmp_path / "connections.yaml")
    store.remove(store.read(), permanently=True)
    store.remove_record()


def test_the_command_in_the_error_converts_the_file_and_then_it_is_written(tmp_path):
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    file = folder / "connections.yaml"
    file.write_text(YAML + KEYS_OF_YAML)
    with pytest.raises(SecretStoreConfigurationError) as caught:
        write(open_at(file))
    assert build_conversion_command(file) in str(caught.value)
    convert = ["/bin/sh", "-c", build_conversion_command(file)]
    subprocess.run(convert, check=True, env={"PATH": str(Path(sys.executable).parent)})
    again = subprocess.run(convert, check=False, env={"PATH": str(Path(sys.executable).parent)})
    assert again.returncode, "no file is overwritten"
    assert stat.S_IMODE((folder / "connections.json").stat().st_mode) == 0o600
    store = open_at(folder / "connections.json")
    assert store.read().is_recognised
    write(store)
    found = LocalFilesystemBackend(connections_file_path=str(folder / "connections.json")).get_connection("acme")
    assert found is not None
    assert (found.password, found.description) == ("new-key", "2026-11-29")
    assert found.extra_dejson == {"2024-01-01": "x", "7": "y", "text": "z"}


@pytest.mark.parametrize(
    ("path", "reason"),
    [("a.env", "env_file"), ("a.toml", "unknown_suffix"), ("a", "unknown_suffix"), (None, "no_file")],
)
def test_a_form_that_cannot_be_written_back_is_refused(tmp_path, path, reason):
    backend = LocalFilesystemBackend(connections_file_path=path and str(tmp_path / path))
    with because(reason):
        store_on(backend, CONNECTION, issuer=SERVER)


def test_a_symbolic_link_survives_and_leads_to_one_file(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "connections.json"
    link.symlink_to(tmp_path / "real" / "secrets.json")
    write(open_at(link))
    assert link.is_symlink()
    assert open_at(tmp_path / "real" / "secrets.json").place == open_at(link).place
    open_at(link).write_record({"state": "done"})
    assert open_at(tmp_path / "real" / "secrets.json").read_record() == {"state": "done"}


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_stays(tmp_path, mode):
    file = tmp_path / "connections.json"
    file.write_text("{}")
    file.chmod(mode)
    write(open_at(file))
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays_where_root_writes(tmp_path):
    file = tmp_path / "connections.json"
    file.write_text("{}")
    os.chown(file, 1234, 2345)
    write(open_at(file))
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 2345)


def test_nothing_but_lock_and_record_is_left_beside_the_file(tmp_path):
    file = tmp_path / "connections.json"
    (tmp_path / ".connections.polytomic-new.json").write_text("left by a dead process")
    store = open_at(file)
    write(store)
    store.write_record({"state": "done"})
    left = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert left == {
        "connections.json": 0o600,
        ".connections.json.polytomic-lock": 0o600,
        "connections.json.polytomic-issuance": 0o700,
    }
    assert [path.name for path in (tmp_path / "connections.json.polytomic-issuance").iterdir()] == [
        "connection.acme.json"
    ]


@pytest.mark.parametrize("content", ["[1]", "{", '{"a": 1}'])
def test_a_record_that_cannot_be_read_is_reported(tmp_path, content):
    store = open_at(tmp_path / "connections.json")
    store.write_record({"state": "done"})
    (tmp_path / "connections.json.polytomic-issuance" / "connection.acme.json").write_text(content)
    with because("no_record"):
        store.read_record()


class PrefixingBackend(LocalFilesystemBackend):
    """A subclass that reads another name than the requested one."""

    def get_connection(self, conn_id, *args, **kwargs):
        return super().get_connection(f"prod_{conn_id}", *args, **kwargs)


def test_a_subclass_that_reads_elsewhere_is_detected_beforehand(tmp_path):
    store = open_at(tmp_path / "connections.json", backend=PrefixingBackend)
    with because("backend_looks_elsewhere"):
        store.check_write(store.read())


REPEATED = {
    "a name": "acme: a-key\n" * 30_000,
    "a merge": "base: &base {name: value}\nacme:\n" + "  <<: *base\n" * 30_000,
    "a list of merges": f"base: &base {{name: value}}\nacme: {{<<: [{', '.join(['*base'] * 30_000)}]}}\n",
}


@pytest.mark.parametrize("content", REPEATED.values(), ids=REPEATED)
def test_repeated_names_in_a_yaml_file_take_linear_time(content):
    # A comparison of each name with each other one takes many minutes.
    assert "acme" in parse_entries(Path("connections.yaml"), content.encode())
