"""Report of a rotation: a line for each target in a file, and a bounded summary. Neither contains a key."""

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
_MAX_LENGTH = 800  # characters of a string in it, enough for an error with its advice
_MAX_MESSAGE = 2000  # characters in the file
_SUFFIX = ".jsonl"
_MAX_BEGIN = 64  # bytes that are read to recognise a report
_BEGIN = re.compile(rb'\{"status": "(rotated|kept|failed|not_started|due)", "org_id": ')


@dataclass(frozen=True)
class Outcome:
    """Result of one target.

    :param status: ``due`` means that only a check was made, and a key would be issued.
    :param reference: for ``rotated`` and ``kept``.
    :param error: for ``failed``: name of the exception's class.
    :param message: text of the exception, or why a target is due or was not started.
    :param seconds: duration.
    """

    batch_target: BatchTarget
    status: Status
    reference: KeyReference | None = None
    error: str | None = None
    message: str | None = None
    seconds: float = 0.0

    @classmethod
    def from_error(cls, batch_target: BatchTarget, error: BaseException, seconds: float) -> Outcome:
        """Return the outcome of a target that raised an exception.

        The text of this package's errors is kept, since it contains no key; the text of any other is not.
        """
        message = "An unexpected error. Its text is not shown, because it could contain a key."
        if isinstance(error, PolytomicError):
            message = " ".join([str(error), *getattr(error, "__notes__", ())])
        return cls(batch_target, "failed", error=type(error).__name__, message=message, seconds=seconds)

    def to_json(self, server: str) -> dict[str, Any]:
        """Return the outcome as a JSON object, one line of the report; unknown values are omitted.

        :param server: base URL of the Polytomic API.
        """
        row, destination, reference = self.batch_target, str(self.batch_target.destination), self.reference
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
            "reference": (
                {**reference.to_json(destination, server=server), **reference.details()} if reference else None
            ),
        }
        return _without_none(line)


class Report:
    """Report that counts outcomes and writes each one to a file. One thread uses it, as a context manager.

    ``__enter__`` empties the file, so that no key is issued if the file cannot be written, and so that the file
    describes the last try. If it cannot be written later, the rotation continues; a warning and the summary say so.

    :param report_path: address of the file, whose name ends in ``.jsonl``; None for no file. Each of several shards
        has its own file, such as ``report.shard-0-of-8.jsonl``, because a file in an object store has one writer.
    :param server: base URL of the Polytomic API.
    :param targets: number of targets in this shard.
    :param shard: this shard, from 0.
    :param shards: number of shards.
    :param targets_file: the file that contains the targets, which must not be overwritten.
    :param clock: returns seconds; never decreases.
    :raises PolytomicConfigurationError: if the address is invalid, has another suffix, or is the file that contains
        the targets.
    """

    def __init__(
        self,
        report_path: str | None,
        *,
        server: str,
        targets: int,
        shard: int = 0,
        shards: int = 1,
        targets_file: RemoteFile | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._file_address = _parse_address(report_path, shard, shards) if report_path else None
        if self._file_address and targets_file and self._file_address.is_same_file(targets_file):
            raise PolytomicConfigurationError(
                f"report_path is the file that contains the targets, {targets_file}; the report would overwrite it.",
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
        """Empty the file, which proves that it can be written.

        :raises PolytomicConfigurationError: if it cannot be written, or contains anything other than a report.
        :raises SecretStoreUnavailableError: if it cannot be written now.
        """
        if self._file_address:
            _refuse_other_content(self._file_address)
            # Closed at once, because an object store rejects a file only when it is closed.
            with self._file_address.open("wb"):
                pass
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    @property
    def counts(self) -> dict[Status, int]:
        """Number of targets by status."""
        return dict(self._counts)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome, and write it to the file."""
        line = json.dumps(outcome.to_json(self._server)).encode() + b"\n"
        self._counts[outcome.status] += 1
        if outcome.status == "failed" and len(self._failures) < _MAX_FAILURES:
            self._failures.append(_failure(outcome))
        if self._file_address and not self._closed and not self._file_error:
            self._write(self._file_address, line)

    def stop(self, reason: str) -> None:
        """Record why no more targets are started; the first reason is kept."""
        self._stopped = self._stopped or one_line(reason, _MAX_LENGTH)

    def close(self) -> None:
        """Close the file. Later outcomes are only counted. Until then, an object store may not show the file."""
        self._closed = True
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except Exception as error:  # noqa: BLE001 (each file system raises its own classes)
                self._give_up(error)

    def summary(self) -> dict[str, Any]:
        """Return the summary as a JSON object; after :meth:`close` it includes errors of the file."""
        seconds = max(self._clock() - self._began, 0.0)
        finished_counts = {status: self._counts[status] for status in ("rotated", "kept", "due", "failed")}
        finished = sum(finished_counts.values())
        summary = {
            "targets": self._targets,
            **finished_counts,
            # Not taken from the counts: a task that is stopped does not add them.
            "not_started": max(self._targets - finished, 0),
            "seconds": round(seconds, 3),
            "per_second": round(finished / seconds, 3) if seconds else 0.0,
            "stopped": self._stopped,
            "failures": [dict(failure) for failure in self._failures],
            "report_path": str(self._file_address) if self._file_address else None,
            "report_error": self._file_error,
            "shard": self._shard,
            "shards": self._shards,
        }
        return _without_none(summary)

    def _write(self, address: RemoteFile, line: bytes) -> None:
        try:
            if self._file is None:
                _refuse_other_content(address)  # again: another process may have created it since
                self._file = address.open_raw("wb")
            self._file.write(line)
            # Complete lines where the file system can flush; others write whole blocks only.
            self._file.flush()
        except Exception as error:  # noqa: BLE001 (each file system raises its own classes)
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        if self._file_error:
            return
        # Only the class: the text of a store's error may quote a connection.
        self._file_error = type(error).__name__
        log.warning(
            "%s: the report is incomplete, because it can no longer be written (%s).\n"
            "The rotation continues; the records of the keys contain the same facts.",
            self._file_address,
            self._file_error,
        )


def _parse_address(report_path: str, shard: int, shards: int) -> RemoteFile:
    """Return the address of a shard's file, which cannot be code or settings, whoever filled in the form of the DAG.

    :raises PolytomicConfigurationError: if the address is invalid, or its name is hidden or does not end in ``.jsonl``.
    """
    whole = RemoteFile("report_path", report_path)
    address = whole.for_shard(shard, shards)
    if not all(name.endswith(_SUFFIX) and not name.startswith(".") for name in whole.names | address.names):
        raise PolytomicConfigurationError(
            f"The name of the file {whole} (report_path) does not end in {_SUFFIX}, or begins with a dot, or is a "
            "link to such a file. No file was written, and no request was sent.",
            f"Use a name such as report{_SUFFIX}.",
            reason="not_a_report_name",
            fields=["report_path"],
        )
    return address


def _refuse_other_content(address: RemoteFile) -> None:
    """Refuse to empty a file that is not a report: a mistyped address may be a file of connections, or a DAG.

    :raises PolytomicConfigurationError: if the file has other content, or cannot be read.
    :raises SecretStoreUnavailableError: if it cannot be read now.
    """
    with address.translate_errors("rb"):
        try:
            with address.open_raw("rb") as file:
                begin = file.read(_MAX_BEGIN)
        except FileNotFoundError:
            return
    if begin and not _BEGIN.match(begin):
        raise PolytomicConfigurationError(
            f"The file {address} (report_path) is not a report of this operator, and would be overwritten.",
            "Use another path, or delete that file.",
            reason="not_a_report",
            fields=["report_path"],
        )


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _failure(outcome: Outcome) -> dict[str, Any]:
    row = outcome.batch_target
    return {
        "org_id": row.target.org_id,
        "user_id": row.target.user_id,
        "destination": one_line(str(row.destination), _MAX_LENGTH),
        "error": outcome.error,
        "message": one_line(outcome.message or "", _MAX_LENGTH),
    }
