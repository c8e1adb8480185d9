"""Invalid lists of targets: the error names the place of each mistake, and quotes nothing that may be a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from tests.unit.batch.target_rows import ISSUING, ORG, csv_of, json_lines, read, row, user, written

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "hunter2hunter2"
KEY = "8f1f2a9c-4f58-4d6e-9d5b-2f3f0a5a7e11"

ROWS = {
    "no organization": (row(2, org_id=...), "lacks org_id"),
    "nothing": ({}, "lacks org_id and user_id and destination"),
    "no UUID": (row(2, user_id=PASSWORD), "user_id must be a UUID"),
    "a number": (row(2, org_id=7), "org_id must be a UUID"),
    "null": (row(2, destination=None), "A destination is a string, not of type NoneType"),
    "unknown field": (row(2, standby="x"), "has the unknown field 'standby'"),
    "unknown field that may be a secret": (row(2, **{KEY: "x"}), "the unknown field of 36 characters, which is not"),
    "password for a destination": (
        row(2, destination=PASSWORD),
        "destination is not a URI (a string of 14 characters)",
    ),
    "password in a destination": (row(2, destination=f"vault://me:{PASSWORD}@secret/acme"), "a colon before its @"),
    "unknown scheme": (row(2, destination="ftp://c@host/acme"), "has the unknown scheme 'ftp'"),
    "issuing connection": (
        row(2, destination=f"airflow://connection/{ISSUING}"),
        "is the connection that issues the keys",
    ),
    "issuing connection by another writer": (
        row(2, destination=f"airflow://w@connection/{ISSUING}"),
        "is the connection that issues the keys",
    ),
    "standby is no UUID": (row(2, standby_user_id="None"), "standby_user_id must be a UUID"),
    "standby is the user": (row(2, standby_user_id=user(2).upper()), "standby_user_id equals user_id, but"),
    "list": ([1], "is not an object with org_id, user_id, destination, but a list"),
    "text": (PASSWORD, "is not an object with org_id, user_id, destination, but a str"),
    "null row": (None, "is not an object with org_id, user_id, destination, but a NoneType"),
    "same user": (row(2, user_id=user(1)), "is already in item 1, and each user has one key"),
    "same user as standby": (row(2, standby_user_id=user(1)), "(standby) is already in item 1"),
    "user who is a standby": (row(2, user_id=user(11)), "is already in item 1"),
    "same destination": (row(2, destination="airflow://connection/acme_1"), "is already the destination of item 1"),
    "same destination by another writer": (
        row(2, destination="airflow://w@connection/acme_%31"),
        "is already the destination of item 1",
    ),
}


def refused(targets: object, **options: object) -> str:
    with pytest.raises(PolytomicConfigurationError) as caught:
        read(targets, **options)
    assert "No request was sent." in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert KEY not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("case", ROWS)
def test_an_invalid_row_is_named(case: str) -> None:
    wrong, problem = ROWS[case]
    message = refused([row(1, standby_user_id=user(11)), wrong, row(3)])
    assert message.count("\n- ") == 1
    assert "\n- item 2: " in message
    assert problem in message
    assert message.count("No request was sent.") == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # A secret outside Airflow has one record for all of its fields.
        ("vault://c@secret/acme?field=a", "vault://c@secret/acme?field=b"),
        ("vault://c@secret/acme", "vault://c@secret/acme?field=api_key"),
        ("aws-secretsmanager://c@/acme", "aws-secretsmanager://c@/acme?field=a"),
        ("airflow://variable/a", "airflow://w@variable/a"),
    ],
)
def test_two_keys_in_one_place_are_refused(one: str, other: str) -> None:
    assert "is already the destination of" in refused([row(1, destination=one), row(2, destination=other)])


def test_places_that_differ_in_anything_else_are_two() -> None:
    uris = [
        "airflow://variable/a", "airflow://connection/a", "airflow://connection/A", "vault://c@secret/a",
        "vault://d@secret/a", "vault://c@other/a", "vault://c@secret/a/a", "aws-ssm://c@/a", "aws-secretsmanager://c@/a",
    ]  # fmt: skip
    assert len(read([row(number, destination=uri) for number, uri in enumerate(uris)])) == len(uris)


def test_a_second_one_is_found_in_another_shard() -> None:
    rows = [*(row(number) for number in range(50)), row(7, destination="airflow://variable/x")]
    assert {refused(rows, shard=shard, shards=8).count("item 51: ") for shard in range(8)} == {1}


def test_ten_problems_are_shown_and_all_are_counted() -> None:
    rows = [row(number, user_id="x") if number % 2 else row(number) for number in range(2400)]
    message = refused(rows)
    assert message.startswith("1,200 of the targets in the list are invalid:\n- item 2: ")
    assert [line.split(":")[0].split(".")[0] for line in message.splitlines()[1:12]] == [
        *(f"- item {2 * number}" for number in range(1, 11)),
        "- and 1,190 more",
    ]


def test_the_allowed_forms_of_destinations_are_listed_once() -> None:
    message = refused([row(number, destination=f"ftp://c@host/{number}") for number in range(5)])
    assert message.count("vault://<conn_id>@<mount>/<path>?field=api_key") == 1


FILES: dict[str, tuple[bytes | str, str]] = {
    "empty.jsonl": (b"", "There is no target in"),
    "blank.jsonl": (b"\n\r\n \n", "There is no target in"),
    "only-a-mark.jsonl": (b"\xef\xbb\xbf", "There is no target in"),
    "empty.csv": (b"", "There is no target in"),
    "only-a-header.csv": (csv_of([]), "There is no target in"),
    "no-json.jsonl": (b"{org_id: 1}\n", "line 1: is not valid JSON (Expecting property name"),
    "list.jsonl": (
        json.dumps([row(1), row(2)]),
        "line 1: is not an object with org_id, user_id, destination, but a list",
    ),
    "comment.jsonl": (b"# targets\n" + json_lines([row(1)]), "line 1: is not valid JSON"),
    "twice.jsonl": (json_lines([row(1)]).replace(b"{", b'{"org_id": 1, '), "has an object that names a field twice"),
    "deep.jsonl": (b"[" * 60_000, "line 1: has a number that is too long, or objects nested too deeply"),
    "long-number.jsonl": (b'{"org_id": ' + b"9" * 50_000 + b"}", "has a number that is too long, or objects"),
    "half-a-character.jsonl": (b'{"org_id": "\\ud800"}', "line 1: lacks user_id and destination"),
    "latin-1.jsonl": (json_lines([row(1)]) + b'{"org_id": "\xe4"}\n\n{', "line 2: is not UTF-8; no later line was"),
    "utf-16.csv": (csv_of([row(1)]).encode("utf-16"), "line 1: is not UTF-8"),
    "binary.jsonl": (bytes(range(256)) * 4096, "line 2: is not UTF-8"),
    "zeros.jsonl": (bytes(10_000_000), "line 1: is longer than 65,536 bytes, so the file is no list of targets"),
    "long-line.jsonl": (json_lines([row(1)]) + b'"' + b"x" * 70_000 + b'"\n{', "line 2: is longer than 65,536 bytes"),
    "no-header.csv": (
        f"{ORG},{user(1)},airflow://connection/a\n",
        "line 1: is not a header (org_id,user_id,destination",
    ),
    "semicolons.csv": (csv_of([row(1)]).replace(",", ";"), "it lacks org_id and user_id and destination"),
    "column-lacks.csv": (
        "user_id,destination\n",
        "line 1: is not a header (org_id,user_id,destination[,standby_user_id])",
    ),
    "column-twice.csv": ("org_id,user_id,destination,org_id\n", "it names a column twice"),
    "column-unknown.csv": (f"org_id,user_id,destination,{PASSWORD}\n", "it has the unknown field of 14 characters"),
    "cell-lacks.csv": (f"org_id,user_id,destination\n\n{ORG},{user(1)}\n", "line 3: has 2 cells, but the header has 3"),
    "cell-too-many.csv": (f"org_id,user_id,destination\n{ORG},{user(1)},x,{KEY}\n", "line 2: has 4 cells, but the"),
    "open-quote.csv": (
        f'org_id,user_id,destination\n{ORG},"{user(1)},x\n\n',
        "line 2: is not valid CSV: a quote is not closed",
    ),
    "behind-quote.csv": (f'org_id,user_id,destination\n{ORG},"{user(1)}"x,y\n', "line 2: is not valid CSV"),
    "zero.csv": (f"org_id,user_id,destination\n{ORG},{user(1)},airflow://variable/\0\n", "control characters"),
    "targets.json": (json.dumps([row(1)]), "has an unknown suffix"),
    "targets": (json_lines([row(1)]), "has an unknown suffix"),
}


@pytest.mark.parametrize("name", FILES)
def test_an_invalid_file_is_refused(tmp_path: Path, name: str) -> None:
    content, problem = FILES[name]
    address = written(tmp_path, name, content)
    message = refused(address)
    assert problem in message
    assert address in message


TARGETS: dict[str, tuple[object, str]] = {
    "nothing": (None, "not a NoneType"),
    "mapping": (row(1), "not a dict"),
    "bytes": (json_lines([row(1)]), "not a bytes"),
    "generator": ((row(number) for number in range(2)), "not a generator"),
    "empty list": ([], "There is no target in the list"),
    "empty JSON list": ("[]", "There is no target in the list"),
    "Python's notation": (str([row(1)]), "is not valid JSON (Expecting property name"),
    "a list cut off": (json.dumps([row(1)])[:-5], "begins with [ and must therefore be a JSON list"),
    "two lists": ("[] []", "is not valid JSON (Extra data"),
    "empty text": (" ", "does not begin with / or a scheme:// (a string of 0 characters)"),
    "secret": (PASSWORD, "does not begin with / or a scheme:// (a string of 14 characters)"),
    "relative path": ("targets.jsonl", "does not begin with /"),
    "relative path in a URI": ("file://targets.jsonl", "does not begin with /"),
    "password before the @": (f"s3://me:{PASSWORD}@bucket/targets.jsonl", "has a colon before the @"),
    "folder": ("s3://conn@bucket/targets/", "names no file"),
    "bucket": ("s3://bucket.jsonl", "names no file"),
    "control character": ("/data/targets\0.jsonl", "contains control characters"),
    "unknown scheme": ("nowhere://conn@bucket/targets.jsonl", "cannot be read (ValueError)"),
    "no URI after all": ("s3://[bucket/targets.jsonl", "cannot be read (ValueError)"),
    "signature": (f"nowhere://b/x?sig={PASSWORD}&.jsonl", "The file nowhere://b/x (targets) cannot be read"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_a_value_that_is_neither_a_list_nor_a_file_is_rejected(case: str) -> None:
    targets, problem = TARGETS[case]
    assert problem in refused(targets)
