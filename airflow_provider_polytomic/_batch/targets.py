"""The targets of a fleet: every row is checked, in this shard and outside it, before any request is sent."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._batch.rows import rows_of
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators._fields import whole_number
from airflow_provider_polytomic.secret_stores.destination import Destination

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_polytomic._batch.files import RemoteFile
    from airflow_provider_polytomic._batch.rows import Row, Source

__all__ = ["BatchTarget", "TargetList", "parse_shard", "read_targets", "shard_of"]

_MAX_SHOWN = 10  # problems


@dataclass(frozen=True, slots=True)
class BatchTarget:
    """One row: whose key goes where.

    :param standby: the user of the same organization who takes turns with the target; None where none does.
    :param number: of the row in its source, from 1.
    """

    target: Target
    standby: Target | None
    destination: Destination
    number: int
    source: Source

    @property
    def where(self) -> str:
        """The row's place, for messages: ``line 17 of s3://...``, ``item 3``."""
        return self.source.where(self.number)

    def __str__(self) -> str:
        """Name the row as the messages do."""
        return f"{self.target}, destination {self.destination} ({self.where})"


@dataclass(frozen=True)
class TargetList:
    """The targets of one shard, in their order.

    :param total: how many all shards have.
    :param file: the file that the rows came from; None where they were given as a list.
    """

    targets: Sequence[BatchTarget]
    total: int
    shard: int
    shards: int
    file: RemoteFile | None

    def __len__(self) -> int:
        """Return how many targets this shard has."""
        return len(self.targets)

    def __iter__(self) -> Iterator[BatchTarget]:
        """Iterate over this shard's targets."""
        return iter(self.targets)


def read_targets(
    targets: Sequence[Mapping[str, object]] | str, *, shard: object = None, shards: object = None, conn_id: str
) -> TargetList:
    """Read all targets, check every one, and return those of one shard.

    :param targets: a list of ``{"org_id", "user_id", "destination"[, "standby_user_id"]}``, its JSON as a string, or
        the address of a JSON Lines (``.jsonl``) or CSV (``.csv``) file.
    :param shard: which part of them, from 0, the default; a number or its digits.
    :param shards: in how many parts they are split, by a hash of organization and user: the same in every
        process; by default 1.
    :param conn_id: the connection whose key issues; it is no destination.
    :raises PolytomicConfigurationError: if anything is wrong with any target of any shard, or two of them are about one
        user or one place; the first ten are named.
    :raises SecretStoreUnavailableError: if the file cannot be read now.
    """
    number, count = parse_shard(shard, shards)
    source = rows_of(targets)
    check = _Check(conn_id, source.unit)
    found = [
        BatchTarget(target, standby, destination, row.number, source)
        for row in source.rows
        if (parsed := check(row)) is not None
        for target, standby, destination in [parsed]
        if shard_of(target, count) == number
    ]
    check.finish(source.file)
    return TargetList(found, check.total, number, count, source.file)


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
        raise PolytomicConfigurationError(
            f"shard must be from 0 to shards - 1, not {number} of {count} shards.", fields=["shard", "shards"]
        )
    return number, count


def _whole(name: str, value: object) -> int:
    number = whole_number(value)
    if number is None:
        raise PolytomicConfigurationError(
            f"{name} must be a whole number, not {value!r:.80}.",
            "Airflow makes a text of a bare range: write .expand(shard=list(range(8))).",
            fields=[name],
        )
    return number


_Parsed = tuple[Target, Target | None, Destination]


class _Check:
    """Checks one row after the other, and remembers who and what was named before.

    :param conn_id: the connection whose key issues.
    :param unit: what a row is called.
    """

    def __init__(self, conn_id: str, unit: str) -> None:
        self.total = 0
        self._conn_id, self._unit = conn_id, unit
        self._first: dict[object, int] = {}
        self._count = 0
        self._problems: list[str] = []
        self._advice = ""

    def __call__(self, row: Row) -> _Parsed | None:
        """Return what the row says; None if it is invalid, of which :meth:`finish` tells."""
        try:
            parsed = self._parse(row)
        except PolytomicConfigurationError as error:
            self._count += 1
            if len(self._problems) < _MAX_SHOWN:
                self._problems.append(f"{self._unit} {row.number}: {error.problem.removesuffix('.')}.")
                self._advice = error.advice or self._advice
            return None
        self.total += 1
        return parsed

    def finish(self, file: RemoteFile | None) -> None:
        """Refuse the fleet if any row was invalid, or there was none.

        :raises PolytomicConfigurationError: which names the first ten.
        """
        where = file or "the list"
        if self._problems:
            listed = "\n- ".join([f"{self._count:,} of the targets in {where} are invalid:", *self._problems])
            left = self._count - len(self._problems)
            more = f"\n- and {left:,} more." if left else ""
            advice = f"Correct them. {self._advice}".rstrip()
            raise PolytomicConfigurationError(f"{listed}{more}", advice, fields=["targets"])
        if not self.total:
            raise PolytomicConfigurationError(
                f"There is no target in {where} (targets).",
                "Where a fleet can be empty, skip the task.",
                reason="no_targets",
                fields=["targets"],
            )

    def _parse(self, row: Row) -> _Parsed:
        if row.problem is not None:
            raise PolytomicConfigurationError(row.problem)
        fields = row.fields
        target = Target.parse(fields["org_id"], fields["user_id"])
        # CSV has no other way to leave it out than an empty cell.
        given = fields.get("standby_user_id")
        standby = None if given is None or given == "" else Target.parse_standby(target.org_id, target.user_id, given)
        destination = self._parse_destination(fields["destination"])
        self._refuse_second(row.number, target, standby, destination)
        return target, standby, destination

    def _parse_destination(self, text: Any) -> Destination:
        if isinstance(text, str) and "://" not in text:
            # Destination.parse would show it, and in a shifted column it may be anything.
            raise PolytomicConfigurationError(f"destination is no URI (a text of {len(text)} characters)")
        destination = Destination.parse(text)
        if destination.is_connection(self._conn_id):
            raise PolytomicConfigurationError(
                f"{destination} is the connection whose key issues keys (polytomic_conn_id), which would be locked out"
            )
        return destination

    def _refuse_second(self, number: int, target: Target, standby: Target | None, place: Destination) -> None:
        for user, name in ((target, str(target)), (standby, f"{standby} (standby)")):
            if user and (first := self._first.setdefault(user, number)) != number:
                raise PolytomicConfigurationError(
                    f"{name} is in {self._unit} {first} already, and each user has one key"
                )
        # As readers read it: by whose connection it is written is no difference within Airflow, and a secret outside
        # has one record for all of its fields.
        outside = () if place.scheme == "airflow" else (place.scheme, place.conn_id, place.authority)
        first = self._first.setdefault((place.kind, place.name, *outside), number)
        if first != number:
            raise PolytomicConfigurationError(f"{place} is where the key of {self._unit} {first} goes already")
