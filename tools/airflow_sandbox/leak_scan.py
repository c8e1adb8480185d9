"""Search files and a database for secrets, or parts of them, in every encoding."""

from __future__ import annotations

import base64
import contextlib
import json
import sqlite3
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

__all__ = ["PIECE", "Finding", "LeakScan", "summary"]

PIECE = 12
"""Number of characters of a secret in a row that count as a leak; fewer can be chance."""
EXCERPT = 300


@dataclass(frozen=True)
class Finding:
    """A line that contains a secret or a piece of one.

    :param place: the file, or ``table.column``.
    :param line: the line, counted from 1; for a table, the row.
    :param form: the encoding: ``plain``, ``json``, ``url`` or ``base64``.
    :param excerpt: the line, with the secret replaced by asterisks.
    """

    place: str
    line: int
    form: str
    excerpt: str


@dataclass
class LeakScan:
    """A search for secrets that counts what it has read: ``files``, ``size`` in bytes, ``rows``.

    :param secrets: the strings to find; a string that is shorter than a piece is searched for as a whole.
    :raises ValueError: if a secret is empty, because it would be found everywhere.
    """

    secrets: Collection[str] = field(repr=False)
    files: int = 0
    size: int = 0
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare the search."""
        if not all(self.secrets):
            raise ValueError("an empty secret cannot be searched for")
        self._needles: dict[bytes, str] = {}
        for secret in self.secrets:
            for form, text in _forms(secret):
                for start in range(max(1, len(text) - PIECE + 1)):
                    self._needles.setdefault(text[start : start + PIECE], form)
        self._lengths = {len(needle) for needle in self._needles}

    def folder(self, root: Path, *, leave_out: Collection[Path] = ()) -> None:
        """Scan every file below ``root``, including the bytes of database files and their journals.

        :param leave_out: files and folders that may contain the secret.
        """
        excluded = {path.resolve() for path in leave_out}
        for path in sorted(root.resolve().rglob("*")):
            if path.is_file() and not path.is_symlink() and not excluded & {path, *path.parents}:
                self.files += 1
                self.text(str(path), path.read_bytes())

    def database(self, path: Path) -> None:
        """Scan every value of every row of every table of a SQLite database, and unpack compressed values."""
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
            tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
            for table in tables:
                cursor = database.execute(f'select * from "{table}"')  # noqa: S608 - the name is from the database itself
                columns = [column[0] for column in cursor.description]
                for number, row in enumerate(cursor, start=1):
                    self.rows += 1
                    for column, value in zip(columns, row, strict=True):
                        self._search(f"{table}.{column}", _bytes(value), first_line=number, one_line=True)

    def text(self, place: str, content: str | bytes) -> None:
        """Scan one string or file; findings refer to it as ``place``."""
        data = _bytes(content)
        self.size += len(data)
        self._search(place, data)

    def _search(self, place: str, data: bytes, *, first_line: int = 1, one_line: bool = False) -> None:
        if not self._forms_in(data):
            return
        for number, line in enumerate([data] if one_line else data.split(b"\n"), start=first_line):
            if forms := self._forms_in(line):
                self.findings.append(Finding(place, number, "/".join(sorted(forms)), self._mask(line)))

    def _forms_in(self, data: bytes) -> set[str]:
        """Return the encodings in which secrets occur, in one pass for all secrets."""
        return {
            self._needles[piece]
            for length in self._lengths
            for start in range(len(data) - length + 1)
            if (piece := data[start : start + length]) in self._needles
        }

    def _mask(self, line: bytes) -> str:
        """Replace every piece by asterisks, overlapping pieces as one, so that no end of the secret stays visible."""
        masked = bytearray(line)
        for needle in self._needles:
            start = line.find(needle)
            while start >= 0:
                masked[start : start + len(needle)] = b"*" * len(needle)
                start = line.find(needle, start + 1)
        first = max(0, masked.find(b"*" * PIECE) - EXCERPT // 2)
        return masked[first : first + EXCERPT].decode(errors="replace")


def _forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield the secret in each encoding, without the ends that depend on the neighbouring characters."""
    yield "plain", secret.encode()
    yield "json", json.dumps(secret)[1:-1].encode()
    yield "url", quote(secret, safe="").encode()
    for shift in range(3):
        # Three bytes are four characters, so the encoding depends on the position of the secret modulo three.
        # Characters that also have bits of a neighbour are left out.
        encoded = base64.b64encode(b"\0" * shift + secret.encode())
        whole = encoded[-(-shift * 4 // 3) :].rstrip(b"=")
        inner = whole[:-1] if encoded.endswith(b"=") else whole
        yield "base64", inner
        yield "base64", inner.translate(bytes.maketrans(b"+/", b"-_"))


def _bytes(value: object) -> bytes:
    """Return a database value as bytes, unpacked if it is compressed, as DAGs can be."""
    if isinstance(value, bytes):
        with contextlib.suppress(zlib.error):
            return zlib.decompress(value)
        return value
    return str(value).encode()


def summary(findings: Iterable[Finding]) -> str:
    """Return the findings as lines."""
    return "\n".join(f"{finding.place}:{finding.line} ({finding.form}) {finding.excerpt}" for finding in findings)
