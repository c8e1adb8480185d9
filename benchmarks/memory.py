"""The memory of a batch, from its file of targets to its report, against servers that keep nothing.

Real servers would need hours for 100,000 keys. The file of targets, its checks, the threads, the issuances, the JSON of
the records and the report are real; only the servers are not.
"""

# ruff: noqa: ARG002 (the stubs have the parameters of the real methods)
from __future__ import annotations

import resource
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.models import Identity
from airflow_provider_polytomic.operators.batch import PolytomicBatchRotateApiKeysOperator
from airflow_provider_polytomic.secret_stores.base import StoredSecret
from benchmarks import child
from benchmarks.batch import rotate_batch, write_targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_polytomic.secret_stores.destination import Destination

__all__: list[str] = []

_PREFIX = "pk_play_"


class _Polytomic:
    """Stub of Polytomic, whose keys contain the ids of their user."""

    base_url = "https://app.polytomic.com"

    def close(self) -> None:
        return None

    def create_api_key(self, org_id: str, user_id: str, *, force: bool, idempotency_key: str) -> ApiKey:
        return ApiKey(f"{_PREFIX}{org_id}/{user_id}")

    def get_identity(self, api_key: ApiKey | None = None, *, retry_for: float | None = None) -> Identity:
        if api_key is None:
            return Identity(is_partner=True)
        org_id, _, user_id = api_key.reveal().removeprefix(_PREFIX).partition("/")
        return Identity(id=user_id, organization_id=org_id, is_user=True)

    def get_user(self, org_id: str, user_id: str) -> None:
        return None

    def is_own_key(self, api_key: ApiKey) -> bool:
        return False

    def server_time(self) -> datetime:
        return datetime.now(UTC)


class _Place:
    """Stub of a destination that is empty at first."""

    compare_and_set = True

    def __init__(self, destination: Destination) -> None:
        self.place = self.identity = str(destination)
        self._value: ApiKey | None = None
        self._record: Mapping[str, str] | None = None

    def read(self) -> StoredSecret:
        return StoredSecret(self._value, "v1" if self._value else "absent")

    def write(self, value: ApiKey, over: StoredSecret) -> str:
        self._value = value
        return "v1"

    def read_record(self) -> Mapping[str, str] | None:
        return self._record

    def write_record(self, record: Mapping[str, str]) -> None:
        self._record = record

    def check_write(self, over: StoredSecret) -> None:
        return None

    def read_back(self) -> ApiKey | None:
        return self._value

    def remove(self, over: StoredSecret, *, permanently: bool) -> None:
        self._value = None

    def remove_record(self) -> None:
        self._record = None


class _Stores:
    def open(self, destination: Destination, /) -> _Place:
        return _Place(destination)


class _Offline(PolytomicBatchRotateApiKeysOperator):
    """The batch operator with stubs of Polytomic and the stores."""

    def _make_hook(self, **options: Any) -> Any:
        super()._make_hook(**options).close()
        return _Polytomic()

    def _make_stores(self, _server: str) -> Any:
        return _Stores()


def _customers(count: int) -> Iterator[tuple[str, str]]:
    for _ in range(count):
        yield str(uuid.uuid4()), str(uuid.uuid4())


def _measure(count: int, workers: int) -> dict[str, Any]:
    done = 0

    def on_progress() -> None:
        nonlocal done
        done += 1
        if done % 500 == 0:
            child.progress(done, count)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "targets.jsonl")
        write_targets(file, _customers(count))
        started = time.monotonic()
        rotate_batch(_Offline, file, workers, on_progress)
        seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # in kilobytes on Linux
    return {"targets": count, "seconds": round(seconds, 2), "megabytes": round(peak, 1)}


if __name__ == "__main__":
    child.result(_measure(child.arguments()["targets"], child.arguments()["workers"]))
