"""Targets of a batch; the rows of all shards are checked before any request is sent."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._batch.rows import open_source
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.secret_stores.destination import Destination

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_polytomic._batch.files import RemoteFile
    from airflow_provider_polytomic._batch.rows import Row, Source

__all__ = ["BatchTarget", "TargetList", "read_targets", "shard_index"]

_MAX_SHOWN = 10  # problems


@dataclass(frozen=True, slots=True)
class BatchTarget:
    """One row: a user, and the destination of the user's key.

    :param standby: the standby user of the same organization; None if there is none.
    :param number: position of the row in its source, from 1.
    """

    target: Target
    standby: Target | None
    destination: Destination
    number: int
    source: Source

    @property
    def where(self) -> str:
        """Position of the row, for messages: ``line 17 of s3://...`` or ``item 3``."""
        return self.source.where(self.number)


@dataclass(frozen=True)
class TargetList:
    """Targets of one shard, in the order of their rows.

    :param total: number of targets of all shards.
    :param file: the file that contains the rows; None if they were passed as a list.
    """

    targets: Sequence[BatchTarget]
    total: int
    shard: int
    shards: int
    file: RemoteFile | None

    def __len__(self) -> int:
        """Return the number of targets in this shard."""
        return len(self.targets)

    def __iter__(self) -> Iterator[BatchTarget]:
        """Iterate over the targets of this shard."""
        return iter(self.targets)


def read_targets(
    targets: Sequence[Mapping[str, object]] | str, *, shard: int = 0, shards: int = 1, conn_id: str
) -> TargetList:
    """Read and check all targets, and return those of one shard.

    :param targets: a list of ``{"org_id", "user_id", "destination"[, "standby_user_id"]}``, its JSON as a string, or
        the address of a JSON Lines (``.jsonl``) or CSV (``.csv``) file.
    :param shard: the shard to return, from 0.
    :param shards: number of shards. A hash of organization and user selects the shard, so it is the same in every
        process.
    :param conn_id: the connection that issues the keys; it is rejected as a destination.
    :raises PolytomicConfigurationError: if a target of any shard is invalid, or two targets have the same user or
        destination; the message names the first ten.
    :raises SecretStoreUnavailableError: if the file cannot be read now.
    """
    source = open_source(targets)
    check = _DuplicateCheck(conn_id, source.unit)
    selected = [
        BatchTarget(target, standby, destination, row.number, source)
        for row in source.rows
        if (parsed := check(row)) is not None
        for target, standby, destination in [parsed]
        if shard_index(target, shards) == shard
    ]
    check.finish(source.file)
    return TargetList(selected, check.total, shard, shards, source.file)


def shard_index(target: Target, shards: int) -> int:
    """Return the shard of a target, from 0. Python's ``hash`` would differ from process to process."""
    digest = sha256(f"{target.org_id}/{target.user_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % shards


_Parsed = tuple[Target, Target | None, Destination]


class _DuplicateCheck:
    """Check of each row, which remembers the users and destinations of the rows before.

    :param conn_id: the connection that issues the keys.
    :param unit: word for a row.
    """

    def __init__(self, conn_id: str, unit: str) -> None:
        self.total = 0
        self._conn_id, self._unit = conn_id, unit
        self._first: dict[object, int] = {}
        self._count = 0
        self._problems: list[str] = []
        self._advice = ""

    def __call__(self, row: Row) -> _Parsed | None:
        """Return the parsed row, or None if it is invalid; :meth:`finish` reports the problem."""
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
        """Raise the error if a row was invalid or there was no row.

        :raises PolytomicConfigurationError: with the first ten problems.
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
                "If there can be no targets, skip the task.",
                reason="no_targets",
                fields=["targets"],
            )

    def _parse(self, row: Row) -> _Parsed:
        if row.problem is not None:
            raise PolytomicConfigurationError(row.problem)
        fields = row.fields
        target = Target.parse(fields["org_id"], fields["user_id"])
        # In CSV, an empty cell means that there is no standby user.
        standby_id = fields.get("standby_user_id")
        standby = None
        if standby_id is not None and standby_id != "":
            standby = Target.parse_standby(target.org_id, target.user_id, standby_id)
        destination = self._parse_destination(fields["destination"])
        self._refuse_duplicates(row.number, target, standby, destination)
        return target, standby, destination

    def _parse_destination(self, text: Any) -> Destination:
        if isinstance(text, str) and "://" not in text:
            # Destination.parse would show the value, and in a shifted column it can be anything.
            raise PolytomicConfigurationError(f"destination is not a URI (a string of {len(text)} characters)")
        destination = Destination.parse(text)
        if destination.is_connection(self._conn_id):
            raise PolytomicConfigurationError(
                f"{destination} is the connection that issues the keys (polytomic_conn_id), and would lose its own key"
            )
        return destination

    def _refuse_duplicates(self, number: int, target: Target, standby: Target | None, destination: Destination) -> None:
        for user, name in ((target, str(target)), (standby, f"{standby} (standby)")):
            if user and (first := self._first.setdefault(user, number)) != number:
                raise PolytomicConfigurationError(
                    f"{name} is already in {self._unit} {first}, and each user has one key"
                )
        # As consumers read it: in Airflow, the writing connection makes no difference; a secret outside Airflow has one
        # record for all of its fields.
        outside = (
            () if destination.scheme == "airflow" else (destination.scheme, destination.conn_id, destination.authority)
        )
        first = self._first.setdefault((destination.kind, destination.name, *outside), number)
        if first != number:
            raise PolytomicConfigurationError(f"{destination} is already the destination of {self._unit} {first}")
