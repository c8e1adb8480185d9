"""File of the report, and rotations whose report cannot be written."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]  # has no types

from airflow_provider_polytomic._batch.report import Outcome, Report
from airflow_provider_polytomic._batch.targets import read_targets
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, SecretStoreUnavailableError
from tests.unit.batch.target_rows import ISSUING, json_lines, read, row, written

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "hunter2hunter2"
SERVER = "https://app.polytomic.com"


def outcome(number: int = 1) -> Outcome:
    return Outcome(read([row(number)])[0], "rotated")


def test_a_report_is_written_to_an_object_store(bucket) -> None:
    address, files = bucket
    with Report(f"{address}/reports/today.jsonl", server=SERVER, targets=2) as report:
        report.add(outcome(1))
        report.add(outcome(2))
    content = files.cat_file(f"/{address.rpartition('@')[2]}/reports/today.jsonl")
    assert len([json.loads(line) for line in content.splitlines()]) == 2
    assert report.summary()["report_path"] == f"{address}/reports/today.jsonl"


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("report.jsonl", "report.shard-3-of-8.jsonl"),
        ("a.b/report.2026.jsonl", "a.b/report.2026.shard-3-of-8.jsonl"),
        ("a.b/a.shard-0-of-2.jsonl", "a.b/a.shard-0-of-2.shard-3-of-8.jsonl"),
    ],
)
def test_each_of_several_shards_has_a_file_of_its_own(tmp_path: Path, name: str, own: str) -> None:
    (tmp_path / "a.b").mkdir()
    with Report(str(tmp_path / name), server=SERVER, targets=1, shard=3, shards=8) as report:
        report.add(outcome())
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] == [own]
    assert report.summary()["report_path"] == str(tmp_path / own)


@pytest.mark.parametrize(
    ("report_path", "problem"),
    [
        ("report.jsonl", "report_path does not begin with / or a scheme://"),
        (f"s3://me:{PASSWORD}@bucket/report.jsonl", "report_path has a colon before the @"),
        ("s3://conn@bucket/", "report_path names no file"),
        (7, "report_path must be the address of a file, not of type int"),
    ],
)
def test_an_invalid_address_is_rejected(report_path, problem: str) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        Report(report_path, server=SERVER, targets=1)
    assert problem in str(caught.value)
    assert PASSWORD not in str(caught.value)


NAMES = [
    "report", "report.json", "report.csv", "dag.py", "dag.jsonl.py", ".profile", ".hidden.jsonl", ".jsonl", "..jsonl",
    "report.JSONL", "report.jsonl?x", "report.jsonl#x", "report.jsonl ", "jsonl",
]  # fmt: skip


@pytest.mark.parametrize("shards", [1, 8])
@pytest.mark.parametrize("form", ["{folder}/{name}", "file://{folder}/{name}", "s3://conn@bucket/{name}"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_could_be_code_or_settings_is_not_created(tmp_path: Path, name: str, form: str, shards) -> None:
    """A DAG that is imported and a shell's login file are new or empty before an attacker fills them."""
    with pytest.raises(PolytomicConfigurationError, check=lambda error: error.reason == "not_a_report_name") as caught:
        Report(form.format(folder=tmp_path, name=name), server=SERVER, targets=1, shards=shards)
    assert "Use a name such as report.jsonl." in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("own", "shards"), [("report.jsonl", 1), ("report.shard-0-of-8.jsonl", 8)])
@pytest.mark.parametrize("name", ["dag.py", ".profile", ".hidden.jsonl"])
def test_a_link_to_such_a_file_is_not_followed(tmp_path: Path, name: str, own: str, shards: int) -> None:
    (tmp_path / own).symlink_to(tmp_path / name)
    with pytest.raises(PolytomicConfigurationError, check=lambda error: error.reason == "not_a_report_name"):
        Report(f"file://conn@{tmp_path}/report.jsonl", server=SERVER, targets=1, shards=shards)
    (tmp_path / "latest.jsonl").symlink_to(tmp_path / "today.jsonl")
    with Report(f"{tmp_path}/latest.jsonl", server=SERVER, targets=1):
        assert (tmp_path / "today.jsonl").exists()


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_fifo_is_refused_and_never_opened(tmp_path: Path, form: str) -> None:
    os.mkfifo(tmp_path / "report.jsonl")
    with pytest.raises(PolytomicConfigurationError, check=lambda error: error.reason == "not_a_file"):
        Report(form.format(tmp_path / "report.jsonl"), server=SERVER, targets=1).__enter__()
    with pytest.raises(PolytomicConfigurationError, check=lambda error: error.reason == "not_a_file"):
        read_targets(form.format(tmp_path / "report.jsonl"), conn_id=ISSUING)


@pytest.mark.parametrize(
    ("form", "folder"), [("{}", ""), ("file://{}", "../{name}/"), ("local://{}", ""), ("file://conn@{}", "link/")]
)
def test_the_file_of_the_targets_is_not_overwritten(tmp_path: Path, form: str, folder: str) -> None:
    written(tmp_path, "targets.jsonl", json_lines([row(1)]))
    (tmp_path / "link").symlink_to(tmp_path)
    report_path = form.format(f"{tmp_path}/{folder.format(name=tmp_path.name)}targets.jsonl")
    targets = read_targets(f"{tmp_path}/targets.jsonl", conn_id=ISSUING)
    with pytest.raises(PolytomicConfigurationError, check=lambda error: error.reason == "same_file"):
        Report(report_path, server=SERVER, targets=1, targets_file=targets.file)
    Report(f"{report_path}2.jsonl", server=SERVER, targets=1, targets_file=targets.file)


def test_the_object_of_the_targets_is_not_overwritten_by_any_connection(bucket) -> None:
    address, files = bucket
    name = address.rpartition("@")[2]
    files.pipe(f"/{name}/targets.jsonl", json_lines([row(1)]))
    targets = read_targets(f"{address}/targets.jsonl", conn_id=ISSUING)
    for same in (f"{address}/targets.jsonl", f"s3://{name}/targets.jsonl", f"S3://other@{name}/targets.jsonl"):
        with pytest.raises(PolytomicConfigurationError, check=lambda error: error.reason == "same_file"):
            Report(same, server=SERVER, targets=1, targets_file=targets.file)


@pytest.mark.parametrize(("place", "done"), [("no/such/folder/report.jsonl", "written"), ("folder.jsonl", "read")])
def test_a_file_that_cannot_be_written_is_found_out_at_the_start(tmp_path: Path, place: str, done: str) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(PolytomicConfigurationError, check=lambda error: f"cannot be {done}" in error.problem):
        Report(str(tmp_path / place), server=SERVER, targets=1).__enter__()


def test_a_file_that_another_process_creates_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    file, content = tmp_path / "targets.jsonl", '{"acme": {"conn_type": "polytomic"}}'
    with Report(str(file), server=SERVER, targets=1) as report:
        file.write_text(content)
        report.add(Outcome(read([row(1)])[0], "rotated"))
    assert file.read_text() == content
    assert report.summary()["report_error"] == "PolytomicConfigurationError"


@pytest.mark.parametrize("content", ['{"acme": {"conn_type": "postgres"}}', "org_id,user_id,destination\n", "\x00"])
def test_what_is_no_report_is_not_overwritten(tmp_path: Path, content: str) -> None:
    file = tmp_path / "targets.jsonl"
    file.write_text(content)
    with pytest.raises(PolytomicConfigurationError, check=lambda error: error.reason == "not_a_report"):
        Report(str(file), server=SERVER, targets=1).__enter__()
    assert file.read_text() == content


@pytest.mark.parametrize("lines", [0, 1])
def test_an_earlier_report_is_overwritten(tmp_path: Path, lines: int) -> None:
    for count in (lines, 2):
        with Report(f"{tmp_path}/report.jsonl", server=SERVER, targets=2) as report:
            for number in range(count):
                report.add(outcome(number + 1))
    assert len((tmp_path / "report.jsonl").read_text().splitlines()) == 2


class FailingObject:
    """An object that is written when it is closed, as in S3."""

    def __init__(self, store: FailingStore, number: int) -> None:
        self.store, self.number, self.content = store, number, b""

    def write(self, content: bytes) -> None:
        self.store.fail_in("write", self.number)
        self.content += content

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.store.closed.append(self.number)
        self.store.fail_in("close", self.number)


class FailingStore(MemoryFileSystem):
    """An object store that fails at one step of one file; the first file is the empty one at the start."""

    def __init__(self, step: str, number: int, error: Exception) -> None:
        super().__init__(skip_instance_cache=True)
        self.step, self.number, self.error = step, number, error
        self.opened = 0
        self.closed: list[int] = []

    def open(self, _path: str, mode: str = "rb", **_kwargs: object) -> FailingObject:
        if mode == "rb":
            raise FileNotFoundError
        self.opened += 1
        self.fail_in("open", self.opened)
        return FailingObject(self, self.opened)

    def fail_in(self, step: str, number: int) -> None:
        if (step, number) == (self.step, self.number):
            raise self.error


def failing(attach, step: str, number: int, error: Exception) -> tuple[str, FailingStore]:
    store, name = FailingStore(step, number, error), f"conn-{uuid4()}"
    attach("s3", name, fs=store)
    return f"s3://{name}@bucket/report.jsonl", store


@pytest.mark.parametrize("step", ["open", "close"])
@pytest.mark.parametrize(
    ("error", "kind"),
    [(PermissionError(PASSWORD), PolytomicConfigurationError), (OSError(PASSWORD), SecretStoreUnavailableError)],
)
def test_an_object_that_cannot_be_written_is_found_out_at_the_start(attach, step, error, kind) -> None:
    address, _ = failing(attach, step, 1, error)
    with pytest.raises(kind, check=lambda error: error.reason == "file_out_of_reach") as caught:
        Report(address, server=SERVER, targets=1).__enter__()
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("step", ["open", "write", "close"])
def test_a_file_that_fails_later_stops_nothing_and_is_reported_once(attach, step: str, caplog) -> None:
    address, store = failing(attach, step, 2, RuntimeError(PASSWORD))
    with caplog.at_level(logging.WARNING), Report(address, server=SERVER, targets=3) as report:
        for number in range(3):
            report.add(outcome(number))
    summary = report.summary()
    assert (summary["rotated"], summary["not_started"], summary["report_error"]) == (3, 0, "RuntimeError")
    warnings = [record.getMessage() for record in caplog.records if "is incomplete" in record.getMessage()]
    assert len(warnings) == 1
    assert warnings[0].startswith(
        f"{address}: the report is incomplete, because it can no longer be written (RuntimeError)"
    )
    assert PASSWORD not in caplog.text
    assert store.opened == 2
    assert store.closed == ([1] if step == "open" else [1, 2])
