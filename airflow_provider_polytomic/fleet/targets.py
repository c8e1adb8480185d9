"""Whose keys, and where do they go? Every row is checked, in this shard and outside it, before anything is sent."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import IO, TYPE_CHECKING, NoReturn, Self

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, UnavailableError
from airflow_provider_polytomic.fleet.rows import Source, lines, source_of
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.targets import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_polytomic.fleet.rows import Row
    from airflow_provider_polytomic.fleet.storage import FileAddress

__all__ = ["Fleet", "FleetTarget", "open_fleet", "parse_shard", "shard_of"]

_MOST_SHOWN = 10  # problems
_DIGITS = 9


@dataclass(frozen=True)
class FleetTarget:
    """One row: whose key goes where.

    :param standby: the user of the same organization who takes turns with the target; None where none does.
    :param where: the row's place, for messages: ``line 17 of s3://...``, ``item 3``.
    """

    target: Target
    standby: Target | None
    destination: Destination
    where: str

    def __str__(self) -> str:
        """Name the row as the messages do."""
        return f"{self.target}, destination {self.destination} ({self.where})"


class Fleet:
    """The rows of one shard, in their order; to be closed. Made by :func:`open_fleet`.

    Iterable any number of times, from any thread. The rows are in a temporary file without a name, so that memory does
    not grow with them and nothing depends on where they were read from.

    :param source: where the rows came from.
    :param shard: which one, from 0.
    :param shards: how many there are.
    """

    def __init__(self, source: Source, *, shard: int, shards: int) -> None:
        self.shard, self.shards = shard, shards
        self.total = 0
        self._source, self._mine = source, 0
        self._file = _temporary_file()

    @property
    def file(self) -> FileAddress | None:
        """The file that the rows came from; None where they were given as a list."""
        return self._source.file

    def __len__(self) -> int:
        """How many rows this shard has."""
        return self._mine

    def __iter__(self) -> Iterator[FleetTarget]:
        """Read this shard's rows."""
        at = 0

        def read(size: int) -> bytes:
            # Not seek and read: each iteration has a place of its own.
            nonlocal at
            chunk = os.pread(self._file.fileno(), size, at)
            at += len(chunk)
            return chunk

        for line in lines(read):
            number, org_id, user_id, standby, destination = json.loads(line)
            yield FleetTarget(
                Target(org_id, user_id),
                None if standby is None else Target(org_id, standby),
                Destination.parse(destination),
                self._source.where(number),
            )

    def __enter__(self) -> Self:
        """Return the fleet itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget the rows."""
        self.close()

    def close(self) -> None:
        """Forget the rows."""
        self._file.close()

    def _add(self, number: int, found: FleetTarget) -> None:
        self.total += 1
        if shard_of(found.target, self.shards) != self.shard:
            return
        self._mine += 1
        target, standby = found.target, found.standby.user_id if found.standby else None
        row = [number, target.org_id, target.user_id, standby, str(found.destination)]
        self._file.write(json.dumps(row).encode() + b"\n")

    def _complete(self) -> None:
        self._file.flush()


class _Seen:
    """Which users and places were named before, and where.

    A digest of eight bytes stands for each, because memory is what a large fleet is short of. Of 300,000 of them two
    are the same by chance once in 400 million fleets, and then nothing is sent.
    """

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}

    def before(self, number: int, *what: str) -> int | None:
        """Return which row named this first; None where it is this one."""
        digest = blake2b("\0".join(what).encode(), digest_size=8).digest()
        first = self._first.setdefault(digest, number)
        return None if first == number else first


def open_fleet(
    targets: Sequence[Mapping[str, object]] | str, *, shard: object = None, shards: object = None, conn_id: str
) -> Fleet:
    """Read all targets once, check every one, and return those of one shard.

    :param targets: a list of ``{"org_id", "user_id", "destination"[, "standby_user_id"]}``, its JSON as a text, or the
        address of a JSON Lines (``.jsonl``, ``.ndjson``) or CSV (``.csv``) file, which may be packed (``.gz``).
    :param shard: which part of them, from 0, the default; a number or its digits.
    :param shards: in how many parts they are split, by a hash of organization and user: the same in every
        process; by default 1.
    :param conn_id: the connection whose key issues; it is no destination.
    :raises PolytomicConfigurationError: if anything is wrong with any target of any shard, or two of them are about one
        user or one place; the first ten are named. Nothing has been sent.
    :raises UnavailableError: if the file cannot be read now.
    """
    number, count = parse_shard(shard, shards)
    source = source_of(targets)
    fleet = Fleet(source, shard=number, shards=count)
    try:
        _fill(fleet, source, conn_id)
    except BaseException:
        fleet.close()
        raise
    return fleet


def shard_of(target: Target, shards: int) -> int:
    """Return which shard a target is in, from 0: not Python's ``hash``, which differs from process to process."""
    digest = sha256(f"{target.org_id}/{target.user_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % shards


def parse_shard(shard: object, shards: object) -> tuple[int, int]:
    """Read the two numbers, after rendering.

    :raises PolytomicConfigurationError: unless 0 <= shard < shards.
    """
    number = _whole("shard", 0 if shard is None else shard)
    count = _whole("shards", 1 if shards is None else shards)
    if number >= count:
        raise PolytomicConfigurationError(f"shard must be from 0 to shards - 1, not {number} of {count} shards.")
    return number, count


def _whole(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    text = value.strip() if isinstance(value, str) else ""
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return int(text)
    raise PolytomicConfigurationError(
        f"{name} must be a whole number, not {value!r:.80}.",
        "Airflow makes a text of a bare range: write .expand(shard=list(range(8))).",
    )


def _fill(fleet: Fleet, source: Source, conn_id: str) -> None:
    seen, count, advice = _Seen(), 0, ""
    problems: list[str] = []
    with closing(source.rows) as rows:  # type: ignore[type-var]  # a generator, which Iterator does not say
        for row in rows:
            try:
                found = _parsed(row, source.where(row.number), conn_id)
                _refuse_second(found, row.number, source.unit, seen)
            except PolytomicConfigurationError as error:
                count += 1
                if len(problems) < _MOST_SHOWN:
                    problems.append(f"{source.unit} {row.number}: {error.problem.removesuffix('.')}.")
                    advice = error.advice or advice
            else:
                fleet._add(row.number, found)  # noqa: SLF001 (the same module's)
    if problems:
        _refuse(source, problems, count, advice)
    if not fleet.total:
        raise PolytomicConfigurationError(
            f"There is no target in {source.file or 'the list'} (targets).",
            "Where a fleet can be empty, skip the task.",
        )
    fleet._complete()  # noqa: SLF001


def _parsed(row: Row, where: str, conn_id: str) -> FleetTarget:
    if row.problem is not None:
        raise PolytomicConfigurationError(row.problem)
    fields = row.fields
    target = Target.parse(fields["org_id"], fields["user_id"])
    # CSV has no other way to leave it out than an empty cell.
    given = fields.get("standby_user_id")
    standby = None if given is None or given == "" else Target.parse_standby(target.org_id, target.user_id, given)
    text = fields["destination"]
    if isinstance(text, str) and "://" not in text:
        # Destination.parse would show it, and in a shifted column it may be anything.
        raise PolytomicConfigurationError(f"destination is no URI (a text of {len(text)} characters)")
    destination = Destination.parse(text)
    if destination.is_connection(conn_id):
        raise PolytomicConfigurationError(
            f"{destination} is the connection whose key issues keys (polytomic_conn_id), which would be locked out"
        )
    return FleetTarget(target, standby, destination, where)


def _refuse_second(found: FleetTarget, number: int, unit: str, seen: _Seen) -> None:
    target, standby, place = found.target, found.standby, found.destination
    if first := seen.before(number, "user", target.org_id, target.user_id):
        raise PolytomicConfigurationError(f"{target} is in {unit} {first} already, and each user has one key")
    if standby and (first := seen.before(number, "user", standby.org_id, standby.user_id)):
        raise PolytomicConfigurationError(
            f"{standby} (standby) is in {unit} {first} already, and each user has one key"
        )
    # As readers read it: by whose connection it is written is no difference within Airflow, and a secret outside has
    # one record for all of its fields.
    outside = () if place.scheme == "airflow" else (place.conn_id or "", place.authority)
    if first := seen.before(number, "place", place.scheme, place.kind, *outside, place.name):
        raise PolytomicConfigurationError(f"{place} is where the key of {unit} {first} goes already")


def _refuse(source: Source, problems: list[str], count: int, advice: str) -> NoReturn:
    more = f"\n- and {count - len(problems):,} more." if count > len(problems) else ""
    listed = "\n- ".join([f"{count:,} of the targets in {source.file or 'the list'} are invalid:", *problems])
    raise PolytomicConfigurationError(f"{listed}{more}", f"Correct them. {advice}".rstrip())


def _temporary_file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()  # closed by Fleet.close
    except OSError as error:
        kind = type(error).__name__
    raise UnavailableError(
        f"No temporary file can be made for the targets ({kind}). No request was sent. See whether this worker's "
        "temporary folder (TMPDIR) is there and has room."
    )
