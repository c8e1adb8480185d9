"""What has become of each target? A line for each in a file, and a summary of all, bounded and without a key."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Self

from airflow_provider_polytomic._batch.files import RemoteFile
from airflow_provider_polytomic._support.text import one_line
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic._batch.targets import BatchTarget
    from airflow_provider_polytomic._issuance.reference import KeyReference

__all__ = ["Outcome", "Report", "Status"]

log = logging.getLogger(__name__)

Status = Literal["rotated", "kept", "failed", "not_started", "due"]

_MAX_FAILURES = 20  # in the summary, which goes to XCom
_MAX_LENGTH = 800  # characters of a text in it: what our errors say, their advice included
_MAX_MESSAGE = 2000  # characters in the file
_MAX_BEGIN = 64  # bytes, of which a report is known by the first
_BEGIN = re.compile(rb'\{"status": "(rotated|kept|failed|not_started|due)", "org_id": ')


@dataclass(frozen=True)
class Outcome:
    """What has become of one target.

    :param status: ``due``: only checked, and a key would be issued.
    :param reference: of ``rotated`` and ``kept``.
    :param error: of ``failed``: the name of the exception's class.
    :param message: what it says, or why a target is due or was not started.
    :param seconds: how long it took.
    """

    fleet_target: BatchTarget
    status: Status
    reference: KeyReference | None = None
    error: str | None = None
    message: str | None = None
    seconds: float = 0.0

    @classmethod
    def failed(cls, fleet_target: BatchTarget, error: BaseException, seconds: float) -> Outcome:
        """Return the outcome of a target that ended in an exception.

        The words of our own errors are kept, which hold no key; those of any other may hold anything.
        """
        message = "an unexpected error; its words are not shown, because they could hold a key"
        if isinstance(error, PolytomicError):
            message = " ".join([str(error), *getattr(error, "__notes__", ())])
        return cls(fleet_target, "failed", error=type(error).__name__, message=message, seconds=seconds)

    def to_json(self, server: str) -> dict[str, Any]:
        """Return the outcome as JSON types, a line of the report; what is not known is left out.

        :param server: the base URL of the Polytomic API that was asked.
        """
        row, destination, found = self.fleet_target, str(self.fleet_target.destination), self.reference
        line = {
            "status": self.status,
            "org_id": row.target.org_id,
            "user_id": row.target.user_id,
            "standby_user_id": row.standby.user_id if row.standby else None,
            "destination": destination,
            "where": row.where,
            "error": self.error,
            "message": None if self.message is None else self.message[:_MAX_MESSAGE],
            "seconds": round(self.seconds, 4),
            "reference": {**found.to_json(destination, server=server), **found.details()} if found else None,
        }
        return _known(line)


class Report:
    """Counts outcomes, and writes each down as it comes. To be entered and left, and used by one thread.

    Entering it empties the file, so that nothing is issued where the report could not be written: the file is about the
    last try. Where it cannot be written later, nothing stops: a warning and the summary say so.

    :param report_path: the address of the file, or nothing; of several shards each has its own, such as
        ``report.shard-0-of-8.jsonl``, because a file in an object store has one writer.
    :param server: the base URL of the Polytomic API that is asked.
    :param targets: how many this shard has.
    :param shard: which one, from 0.
    :param shards: how many there are.
    :param apart_from: the file that the targets came from, which is not to be overwritten.
    :param clock: seconds that only grow.
    :raises PolytomicConfigurationError: if no file can be at the address, or it is the one that targets are read from.
    """

    def __init__(
        self,
        report_path: str | None,
        *,
        server: str,
        targets: int,
        shard: int = 0,
        shards: int = 1,
        apart_from: RemoteFile | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._address = RemoteFile("report_path", report_path).for_shard(shard, shards) if report_path else None
        if self._address and apart_from and self._address.is_same_file(apart_from):
            raise PolytomicConfigurationError(
                f"report_path is the file that holds the targets, {apart_from}; the report would overwrite it.",
                "Use another path.",
                reason="same_file",
                fields=["report_path"],
            )
        self._server = server
        self._targets, self._shard, self._shards = targets, shard, shards
        self._clock, self._began = clock, clock()
        self._counts: Counter[Status] = Counter()
        self._failures: list[dict[str, Any]] = []
        self._stopped: str | None = None
        self._file: Any = None
        self._closed = False
        self._file_error: str | None = None

    def __enter__(self) -> Self:
        """Make sure that the file can be written.

        :raises PolytomicConfigurationError: if it cannot, or something other than a report is there.
        :raises SecretStoreUnavailableError: if it cannot be now.
        """
        if self._address:
            _refuse_other(self._address)
            # Closed at once: object stores say no when a file is closed, and not before.
            with self._address.open("wb"):
                pass
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    @property
    def counts(self) -> dict[Status, int]:
        """How many targets came to which end so far."""
        return dict(self._counts)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome, and write it down."""
        line = json.dumps(outcome.to_json(self._server)).encode() + b"\n"
        self._counts[outcome.status] += 1
        if outcome.status == "failed" and len(self._failures) < _MAX_FAILURES:
            self._failures.append(_failure(outcome))
        if self._address and not self._closed and not self._file_error:
            self._write(self._address, line)

    def stop(self, reason: str) -> None:
        """Say why nothing new is started any more; the first reason stays."""
        self._stopped = self._stopped or one_line(reason, _MAX_LENGTH)

    def close(self) -> None:
        """Close the file; what is added afterwards is only counted. Before this, an object store may show nothing."""
        self._closed = True
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except Exception as error:  # noqa: BLE001 (each store's file system raises its own)
                self._give_up(error)

    def summary(self) -> dict[str, Any]:
        """Return what is known now, as JSON types; after :meth:`close`, of the file too."""
        seconds = max(self._clock() - self._began, 0.0)
        done = {status: self._counts[status] for status in ("rotated", "kept", "due", "failed")}
        finished = sum(done.values())
        summary = {
            "targets": self._targets,
            **done,
            # Not counted: whoever is killed does not get round to adding them.
            "not_started": max(self._targets - finished, 0),
            "seconds": round(seconds, 3),
            "per_second": round(finished / seconds, 3) if seconds else 0.0,
            "stopped": self._stopped,
            "failures": [dict(failure) for failure in self._failures],
            "report_path": str(self._address) if self._address else None,
            "report_error": self._file_error,
            "shard": self._shard,
            "shards": self._shards,
        }
        return _known(summary)

    def _write(self, address: RemoteFile, line: bytes) -> None:
        try:
            if self._file is None:
                _refuse_other(address)  # once more: a store may have made it since
                self._file = address.opened("wb")
            self._file.write(line)
            # To the last whole line, where the store can; others take no part that is smaller than a block.
            self._file.flush()
        except Exception as error:  # noqa: BLE001 (each store's file system raises its own)
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        if self._file_error:
            return
        # Only its name: a store's words may quote a connection.
        self._file_error = type(error).__name__
        log.warning(
            "The report %s is not complete: it cannot be written any more (%s). That stops nothing; the records beside "
            "the destinations tell the same.",
            self._address,
            self._file_error,
        )


def _refuse_other(address: RemoteFile) -> None:
    """Refuse to empty a file that is no report: a mistyped address may be that of connections, or of a DAG.

    :raises PolytomicConfigurationError: if something else is there, or what is there cannot be read.
    :raises SecretStoreUnavailableError: if it cannot be read now.
    """
    with address.explained("rb"):
        try:
            with address.opened("rb") as file:
                begin = file.read(_MAX_BEGIN)
        except FileNotFoundError:
            return
    if begin and not _BEGIN.match(begin):
        raise PolytomicConfigurationError(
            (
                f"There is something other than a report of this operator in {address} (report_path), and it would be "
                "overwritten."
            ),
            "Use another path, or remove that file.",
            reason="not_a_report",
            fields=["report_path"],
        )


def _known(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _failure(outcome: Outcome) -> dict[str, Any]:
    row = outcome.fleet_target
    return {
        "org_id": row.target.org_id,
        "user_id": row.target.user_id,
        "destination": one_line(str(row.destination), _MAX_LENGTH),
        "error": outcome.error,
        "message": one_line(outcome.message or "", _MAX_LENGTH),
    }
