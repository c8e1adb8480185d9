"""On what do the tests of removing stand? On that of issuing, with a store from which things can be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_polytomic.exceptions import ConflictError, PolytomicNotFoundError
from airflow_provider_polytomic.removing import Removed, remove_key
from tests.unit.issuing import bench
from tests.unit.issuing.bench import OTHER, OWN, TARGET, After, fingerprint

if TYPE_CHECKING:
    from airflow_provider_polytomic.secret_stores.base import Held

__all__ = ["GONE", "OTHER", "OWN", "TARGET", "After", "Bench", "fingerprint"]

GONE = PolytomicNotFoundError("no such user", status=404, own_words=True)


class Store(bench.Store):
    """One destination, which tells how it was emptied."""

    def __init__(self, calls: list[str]) -> None:
        super().__init__(calls)
        self.for_good: bool | None = None

    def remove(self, over: Held, *, for_good: bool) -> None:
        with self.taking("remove"):
            if over.version != str(self.version):
                raise ConflictError("changed by somebody else")
            self.put(None)
            self.for_good = for_good

    def remove_record(self) -> None:
        with self.taking("remove_record"):
            self.record = None

    def check_remove(self, over: Held) -> None:
        with self.taking("check_remove"):
            pass


class Bench(bench.Bench):
    """All of it, and what was called in which order."""

    store: Store

    def __post_init__(self) -> None:
        super().__post_init__()
        self.store = Store(self.calls)

    def remove(self, *, take_over: bool = False, allow_live: bool = False) -> Removed:
        return remove_key(
            self.vendor, self.store, take_over=take_over, allow_live=allow_live, runtime=self.clock.runtime()
        )
