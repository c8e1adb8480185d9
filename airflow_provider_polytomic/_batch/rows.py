"""Rows of a list of targets, from a list, JSON Lines or CSV; what they say is not checked yet."""

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

    # Numbered lines of text to rows.
    _Parser = Callable[[Iterable[tuple[int, str]]], Iterator["Row"]]

__all__ = ["MAX_LINE", "Row", "Source", "rows_of"]

MAX_LINE = 64 * 1024  # bytes: several times what the longest ids and destination take
_CHUNK = 64 * 1024
_REQUIRED = ("org_id", "user_id", "destination")
_FIELDS = (*_REQUIRED, "standby_user_id")
_BOM = b"\xef\xbb\xbf"
_PLAIN_NAME = re.compile(r"[A-Za-z_ -]{1,40}")


class Row(NamedTuple):
    """One row as it stands, or what is wrong with it.

    :param number: of its line in the file or of its item in the list, from 1.
    :param fields: with nothing but the names of a target; the values are of any type.
    """

    number: int
    fields: Mapping[str, Any]
    problem: str | None = None


class _UnreadableError(Exception):
    """The file is none that has lines of text; the arguments are the line's number and what is wrong."""


@dataclass(frozen=True)
class Source:
    """Where the rows come from.

    :param unit: what a row is called: ``line`` or ``item``.
    :param file: None where the rows are a list.
    :param rows: read as they are asked for; to be closed.
    """

    unit: str
    file: RemoteFile | None
    rows: Iterator[Row]

    def where(self, number: int) -> str:
        """Name a row."""
        return f"{self.unit} {number}" if self.file is None else f"{self.unit} {number} of {self.file}"


def rows_of(targets: object) -> Source:
    """Return the rows of what a DAG gives as ``targets``; a file is opened when the first row is asked for.

    :param targets: a list of mappings, its JSON as a text, or the address of a JSON Lines or CSV file.
    :raises PolytomicConfigurationError: if it is none of these.
    """
    if isinstance(targets, str):
        text = targets.strip()
        if text.startswith("["):
            return Source("item", None, _items(_list_of(text)))
        return _rows_of_file(RemoteFile("targets", text))
    # Not list: XComs of mapped tasks are Airflow's own sequences.
    if isinstance(targets, Sequence) and not isinstance(targets, bytes | bytearray | memoryview):
        return Source("item", None, _items(targets))
    raise PolytomicConfigurationError(
        f"targets must be a list of mappings or the address of a file, not a {type(targets).__name__}.",
        fields=["targets"],
    )


def _lines(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Split a stream at line feeds, holding no more of it than a chunk and the longest line.

    :param read: returns at most so many bytes, none at the end.
    """
    rest = b""
    while chunk := read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > MAX_LINE:
            break
    if rest:
        yield rest


def _rows_of_file(file: RemoteFile) -> Source:
    parse = _PARSERS.get(file.text.lower().rpartition(".")[2])
    if parse is None:
        raise PolytomicConfigurationError(
            f"The file {file} (targets) has none of the suffixes that tell what it holds.",
            "JSON Lines (one object a line, not one list) is .jsonl, CSV with a header is .csv.",
            reason="unknown_suffix",
            fields=["targets"],
        )
    return Source("line", file, _rows(file, parse))


def _rows(file: RemoteFile, parse: _Parser) -> Iterator[Row]:
    with file.open("rb") as stream, file.explained("rb"):
        try:
            yield from parse(_texts(stream.read))
        except _UnreadableError as error:
            yield Row(error.args[0], {}, error.args[1])


def _texts(read: Callable[[int], bytes]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(_lines(read), start=1):
        if len(line) > MAX_LINE:
            raise _UnreadableError(
                number,
                f"is longer than {MAX_LINE:,} bytes, so this is no list of targets; no line after it was read",
            )
        try:
            text = line.removeprefix(_BOM if number == 1 else b"").decode().strip()
        except UnicodeDecodeError:
            problem = "is not UTF-8; no line after it was read"
        else:
            if text:
                yield number, text
            continue
        raise _UnreadableError(number, problem)


def _json_rows(texts: Iterable[tuple[int, str]]) -> Iterator[Row]:
    for number, text in texts:
        try:
            yield _checked(number, _parsed(text))
        except ValueError as error:
            yield Row(number, {}, f"cannot be read: {error}")


def _csv_rows(texts: Iterable[tuple[int, str]]) -> Iterator[Row]:
    columns: list[str] | None = None
    for number, text in texts:
        cells = _cells(text)
        if cells is None:
            yield Row(number, {}, "is no CSV: a quote is not closed, or something stands behind one that is")
        elif columns is None:
            columns = cells
            problem = "names a column twice" if len(set(columns)) < len(columns) else _problem_of_names(columns)
            if problem:
                yield Row(number, {}, f"is no header (org_id,user_id,destination[,standby_user_id]): it {problem}")
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
        yield _checked(number, item)


def _checked(number: int, item: object) -> Row:
    if not isinstance(item, Mapping):
        return Row(number, {}, f"is no object with {', '.join(_REQUIRED)}, but a {type(item).__name__}")
    problem = _problem_of_names([str(name) for name in item])
    return Row(number, {} if problem else item, problem)


def _problem_of_names(names: Sequence[str]) -> str | None:
    if missing := [name for name in _REQUIRED if name not in names]:
        return f"lacks {' and '.join(missing)}"
    unknown = [name for name in names if name not in _FIELDS]
    return f"has the unknown field {_shown(unknown[0])}" if unknown else None


def _shown(name: str) -> str:
    # Where a header is missing, the "names" are values; a key has digits.
    return repr(name) if _PLAIN_NAME.fullmatch(name) else f"of {len(name)} characters, which is not shown"


def _list_of(text: str) -> list[Any]:
    try:
        found = _parsed(text)
    except ValueError as error:
        problem = str(error)
    else:
        if isinstance(found, list):
            return found
        problem = "no list"
    raise PolytomicConfigurationError(
        f"targets begins with [ and so must be a list in JSON, but cannot be read: {problem}.",
        (
            "A template turns a list into Python's notation: write {{ ... | tojson }}, or pass the output of the "
            "task itself."
        ),
        reason="not_a_json_list",
        fields=["targets"],
    )


def _parsed(text: str) -> Any:
    """Parse JSON.

    :raises ValueError: with words that quote nothing of it.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        problem = f"no JSON ({error.msg} at character {error.pos + 1})"
    except _TwiceError:
        problem = "an object names a field twice"
    except (ValueError, RecursionError):
        problem = "a number too long, or objects too deep"
    raise ValueError(problem)


class _TwiceError(ValueError):
    """An object names a field twice, of which JSON's parser would take the last without a word."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


def _cells(text: str) -> list[str] | None:
    # Each line on its own: no value has a line break, and a quote left open would swallow the lines that follow.
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True, skipinitialspace=True))]
    except csv.Error:
        return None
