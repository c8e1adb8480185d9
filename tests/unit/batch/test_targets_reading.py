"""Every valid form of a list of targets."""

from __future__ import annotations

import json
from collections import UserDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.secret_stores.destination import Destination
from tests.unit.batch.target_rows import ORG, csv_of, json_lines, numbers, read, row, user, written

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [row(1), row(2, standby_user_id=user(22)), row(3, destination="vault://hv@secret/acme/3")]


class Lazy(Sequence[Any]):
    """A sequence that is no list, of mappings that are no dict, like the XComs of a mapped task."""

    def __getitem__(self, at):
        return UserDict(ROWS[at])

    def __len__(self) -> int:
        return len(ROWS)


def spaced(text: str) -> str:
    return text.replace(",", " , ")


FILES: dict[str, bytes | str] = {
    "plain.jsonl": json_lines(ROWS),
    "SHOUTED.JSONL": json_lines(ROWS),
    "bom.jsonl": b"\xef\xbb\xbf" + json_lines(ROWS),
    "crlf.jsonl": json_lines(ROWS).replace(b"\n", b"\r\n"),
    "blank-lines.jsonl": b"\n  \n" + json_lines(ROWS).replace(b"\n", b"\n\r\n\t\n"),
    "no-last-line-end.jsonl": json_lines(ROWS).rstrip(),
    "plain.csv": csv_of(ROWS),
    "bom.csv": "\ufeff" + csv_of(ROWS),
    "crlf.csv": csv_of(ROWS).replace("\n", "\r\n"),
    "blank-lines.csv": "\n" + csv_of(ROWS).replace("\n", "\n\n"),
    "quoted.csv": "".join(f'"{line.replace(",", chr(34) + "," + chr(34))}"\n' for line in csv_of(ROWS).splitlines()),
    "spaced.csv": spaced(csv_of(ROWS)),
    "columns-in-another-order.csv": "".join(
        ",".join(reversed(line.split(","))) + "\n" for line in csv_of(ROWS).splitlines()
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read(tmp_path: Path, name: str) -> None:
    found = read(written(tmp_path, name, FILES[name]))
    assert [each.target for each in found] == [Target(ORG, user(number)) for number in (1, 2, 3)]
    assert [each.standby for each in found] == [None, Target(ORG, user(22)), None]
    assert [each.destination for each in found] == [Destination.parse(each["destination"]) for each in ROWS]


LISTS = {
    "list": ROWS,
    "tuple": tuple(ROWS),
    "sequence of mappings": Lazy(),
    "JSON": json.dumps(ROWS),
    "JSON that a template rendered between line breaks": f"\n  {json.dumps(ROWS, indent=2)}\n",
    "standby that is null": [{"standby_user_id": None, **each} for each in ROWS],
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read(name: str) -> None:
    found = read(LISTS[name])
    assert numbers(found) == [1, 2, 3]
    assert [each.where for each in found] == ["item 1", "item 2", "item 3"]
    assert found[1].standby == Target(ORG, user(22))


def test_a_quoted_cell_may_hold_a_comma(tmp_path: Path) -> None:
    content = f'org_id,user_id,destination\n{ORG},{user(1)},"airflow://variable/a, ""b"""\n'
    assert read(written(tmp_path, "quoted.csv", content))[0].destination.name == 'a, "b"'


@pytest.mark.parametrize("form", ["{}", "file://{}", "file://conn@{}"])
def test_a_file_is_reached_by_path_and_by_uri_and_its_lines_are_named(tmp_path: Path, form: str) -> None:
    address = form.format(written(tmp_path, "targets.jsonl", b"\n" + json_lines(ROWS)))
    assert [each.where for each in read(address)] == [f"line {number} of {address}" for number in (2, 3, 4)]


@pytest.mark.parametrize("name", ["targets.jsonl", "a folder/of ä.csv"])
def test_a_file_is_read_from_an_object_store_by_its_connection(bucket, name: str) -> None:
    address, files = bucket
    place = f"/{address.rpartition('@')[2]}/{name}"
    content = csv_of(ROWS).encode() if name.endswith("csv") else json_lines(ROWS)
    files.pipe(place, content)
    found = read(f" {address}/{name}\n")
    assert numbers(found) == [1, 2, 3]
    assert found[0].where.endswith(f" of {address}/{name}")


def test_ids_are_made_canonical() -> None:
    org = "ABCDEF00-0000-0000-0000-00000000000A"
    found = read([row(1, org_id=org, user_id=org, standby_user_id=org.replace("A", "B"))])[0]
    assert found.target == Target(org.lower(), org.lower())
    assert found.standby == Target(org.lower(), org.replace("A", "B").lower())
