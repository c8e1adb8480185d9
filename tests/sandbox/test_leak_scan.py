"""The leak scan finds a secret in every encoding, and does not show it."""

from __future__ import annotations

import base64
import json
import sqlite3
import zlib
from urllib.parse import quote

import pytest

from tools.airflow_sandbox.leak_scan import LeakScan, summary

SECRET = 'pk_9f/Q+z"7Lw\\c2Vd%Xn8tRbY4'

WRITTEN = {
    "plain": SECRET,
    "among other text": f"key={SECRET}&x=1",
    "its first piece": SECRET[:12],
    "a piece of its middle": SECRET[7:19],
    "its last piece": SECRET[-12:],
    "json": json.dumps({"password": SECRET}),
    "json in json": json.dumps(json.dumps({"password": SECRET[:3] + SECRET[15:]})),
    "url": quote(SECRET, safe=""),
    "repr": repr(SECRET),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 one byte in": base64.b64encode(b"x" + SECRET.encode() + b"tail").decode(),
    "base64 two bytes in": base64.b64encode(b"xy" + SECRET.encode() + b"tail").decode(),
    "base64 for URLs": base64.urlsafe_b64encode(b":" + SECRET.encode()).decode(),
    "Basic": "Basic " + base64.b64encode(f"8a1c:{SECRET}".encode()).decode(),
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN.keys())
def test_a_secret_is_found_and_not_shown_however_it_is_written(text):
    scan = LeakScan([SECRET])
    scan.text("log", f"first line\n{text}\n")

    assert [(found.place, found.line) for found in scan.findings] == [("log", 2)]
    again = LeakScan([SECRET])
    again.text("excerpt", summary(scan.findings))
    assert again.findings == []


@pytest.mark.parametrize("text", ["", "nothing here", SECRET[:11], SECRET[-11:], SECRET[::-1], "***"])
def test_other_text_is_no_finding(text):
    scan = LeakScan([SECRET])
    scan.text("log", text)
    assert scan.findings == []


def test_every_file_is_read_but_for_those_left_out(tmp_path):
    (tmp_path / "logs" / "deep").mkdir(parents=True)
    (tmp_path / "logs" / "deep" / "attempt=1.log").write_text(f"oops {SECRET}")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "connections.json").write_text(json.dumps({"acme": SECRET}))
    (tmp_path / "clean.log").write_text("fine")

    scan = LeakScan([SECRET])
    scan.folder(tmp_path, leave_out=[tmp_path / "secrets"])

    assert scan.files == 2
    assert [found.place for found in scan.findings] == [str(tmp_path.resolve() / "logs" / "deep" / "attempt=1.log")]


def test_every_row_of_every_table_is_read(tmp_path):
    path = tmp_path / "airflow.db"
    database = sqlite3.connect(path)
    database.execute("create table xcom (key text, value text)")
    database.execute("create table serialized_dag (data_compressed blob)")
    database.executemany("insert into xcom values (?, ?)", [("a", "1"), ("b", json.dumps(SECRET))])
    database.execute("insert into serialized_dag values (?)", (zlib.compress(SECRET.encode()),))
    database.commit()
    database.close()

    scan = LeakScan([SECRET])
    scan.database(path)

    assert scan.rows == 3
    assert {(found.place, found.line) for found in scan.findings} == {
        ("xcom.value", 2),
        ("serialized_dag.data_compressed", 1),
    }


def test_an_empty_secret_is_refused():
    with pytest.raises(ValueError, match="empty"):
        LeakScan(["", SECRET])
