"""Rows of a list of targets, read from a list, JSON Lines or CSV; the values are not checked here."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_polytomic._batch.files import RemoteFile
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    # Turns numbered lines into rows.
    _Parser = Callable[[Iterable[tuple[int, str]]], Iterator["Row"]]

__all__ = ["Row", "Source", "open_source"]

_MAX_LINE = 64 * 1024  # bytes; several times the length of the longest ids and destination
_CHUNK = 64 * 1024
_REQUIRED = ("org_id", "user_id", "destination")
_FIELDS = (*_REQUIRED, "standby_user_id")
_BOM = b"\xef\xbb\xbf"
_PLAIN_NAME = re.compile(r"[A-Za-z_ -]{1,40}")


class Row(NamedTuple):
    """One row, or the problem with it.

    :param number: position of its line in the file or of its item in the list, from 1.
    :param fields: the known fields of a target; the values can have any type.
    :param problem: what is wrong with the row, as a predicate.
    """

    number: int
    fields: Mapping[str, Any]
    problem: str | None = None


class _UnreadableError(Exception):
    """The file does not consist of lines of text; the arguments are the line's number and the problem."""


@dataclass(frozen=True)
class Source:
    """Source of the rows.

    :param unit: word for a row: ``line`` or ``item``.
    :param file: None if the rows are a list.
    :param rows: the rows, read one at a time.
    """

    unit: str
    file: RemoteFile | None
    rows: Iterator[Row]

    def where(self, number: int) -> str:
        """Return the position of a row, for messages."""
        return f"{self.unit} {number}" if self.file is None else f"{self.unit} {number} of {self.file}"


def open_source(targets: object) -> Source:
    """Return the source of the rows; a file is opened when the first row is read.

    :param targets: a list of mappings, its JSON as a string, or the address of a JSON Lines or CSV file.
    :raises PolytomicConfigurationError: if it is none of these.
    """
    if isinstance(targets, str):
        text = targets.strip()
        if text.startswith("["):
            return Source("item", None, _items(_parse_list(text)))
        return _open_file(RemoteFile("targets", text))
    # Any sequence, since the XComs of mapped tasks are a sequence of Airflow's own.
    if isinstance(targets, Sequence) and not isinstance(targets, bytes | bytearray | memoryview):
        return Source("item", None, _items(targets))
    raise PolytomicConfigurationError(
        f"targets must be a list of mappings or the address of a file, not a {type(targets).__name__}.",
        fields=["targets"],
    )


def _lines(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Split a stream at line feeds; no more than a chunk and the longest line are in memory.

    :param read: returns at most this number of bytes, and none at the end.
    """
    rest = b""
    while chunk := read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > _MAX_LINE:
            break
    if rest:
        yield rest


def _open_file(file: RemoteFile) -> Source:
    parse = _PARSERS.get(file.address.lower().rpartition(".")[2])
    if parse is None:
        raise PolytomicConfigurationError(
            f"The file {file} (targets) has an unknown suffix.",
            "Use .jsonl for JSON Lines (one object on each line, not one list), or .csv for CSV with a header.",
            reason="unknown_suffix",
            fields=["targets"],
        )
    return Source("line", file, _rows(file, parse))


def _rows(file: RemoteFile, parse: _Parser) -> Iterator[Row]:
    with file.open("rb") as stream, file.translate_errors("rb"):
        try:
            yield from parse(_decode_lines(stream.read))
        except _UnreadableError as error:
            yield Row(error.args[0], {}, error.args[1])


def _decode_lines(read: Callable[[int], bytes]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(_lines(read), start=1):
        if len(line) > _MAX_LINE:
            raise _UnreadableError(
                number,
                f"is longer than {_MAX_LINE:,} bytes, so the file is no list of targets; no later line was read",
            )
        try:
            text = line.removeprefix(_BOM if number == 1 else b"").decode().strip()
        except UnicodeDecodeError:
            problem = "is not UTF-8; no later line was read"
        else:
            if text:
                yield number, text
            continue
        raise _UnreadableError(number, problem)


def _json_rows(lines: Iterable[tuple[int, str]]) -> Iterator[Row]:
    for number, text in lines:
        try:
            yield _check(number, _parse_json(text))
        except ValueError as error:
            yield Row(number, {}, str(error))


def _csv_rows(lines: Iterable[tuple[int, str]]) -> Iterator[Row]:
    columns: list[str] | None = None
    for number, text in lines:
        cells = _parse_cells(text)
        if cells is None:
            yield Row(number, {}, "is not valid CSV: a quote is not closed, or text follows a closing quote")
        elif columns is None:
            columns = cells
            problem = "names a column twice" if len(set(columns)) < len(columns) else _find_name_problem(columns)
            if problem:
                yield Row(number, {}, f"is not a header (org_id,user_id,destination[,standby_user_id]): it {problem}")
                return
        elif len(cells) != len(columns):
            yield Row(number, {}, f"has {len(cells)} cells, but the header has {len(columns)}")
        else:
            yield Row(number, dict(zip(columns, cells, strict=True)))


_PARSERS: Mapping[str, _Parser] = {
    "jsonl": _json_rows,
    "csv": _csv_rows,
}


def _items(items: Iterable[object]) -> Iterator[Row]:
    for number, item in enumerate(items, start=1):
        yield _check(number, item)


def _check(number: int, item: object) -> Row:
    if not isinstance(item, Mapping):
        return Row(number, {}, f"is not an object with {', '.join(_REQUIRED)}, but a {type(item).__name__}")
    problem = _find_name_problem([str(name) for name in item])
    return Row(number, {} if problem else item, problem)


def _find_name_problem(names: Sequence[str]) -> str | None:
    if missing := [name for name in _REQUIRED if name not in names]:
        return f"lacks {' and '.join(missing)}"
    unknown = [name for name in names if name not in _FIELDS]
    return f"has the unknown field {_quote_name(unknown[0])}" if unknown else None


def _quote_name(name: str) -> str:
    # Without a header, the names are values, and a value with digits can be a key.
    return repr(name) if _PLAIN_NAME.fullmatch(name) else f"of {len(name)} characters, which is not shown"


def _parse_list(text: str) -> list[Any]:
    try:
        value = _parse_json(text)
    except ValueError as error:
        problem = str(error)
    else:
        if isinstance(value, list):
            return value
        problem = "is not a list"
    raise PolytomicConfigurationError(
        f"targets begins with [ and must therefore be a JSON list, but it {problem}.",
        (
            "A template turns a list into Python's notation: write {{ ... | tojson }}, or pass the output of the "
            "task itself."
        ),
        reason="not_a_json_list",
        fields=["targets"],
    )


def _parse_json(text: str) -> Any:
    """Parse JSON.

    :raises ValueError: with the problem as a predicate that quotes no value.
    """
    try:
        return json.loads(text, object_pairs_hook=_to_object)
    except json.JSONDecodeError as error:
        problem = f"is not valid JSON ({error.msg} at character {error.pos + 1})"
    except _DuplicateFieldError:
        problem = "has an object that names a field twice"
    except (ValueError, RecursionError):
        problem = "has a number that is too long, or objects nested too deeply"
    raise ValueError(problem)


class _DuplicateFieldError(ValueError):
    """An object names a field twice; JSON's parser would silently use the last value."""


def _to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _DuplicateFieldError
    return fields


def _parse_cells(text: str) -> list[str] | None:
    # Each line separately: no value has a line break, and an unclosed quote would consume the lines after it.
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True, skipinitialspace=True))]
    except csv.Error:
        return None
