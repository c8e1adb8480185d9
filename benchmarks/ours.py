"""The use of this package in a measuring process: as its operators use it, from Airflow's configuration."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow.masking import mask_secret
from airflow_provider_polytomic._issuance import issue
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import StoreFactory
from benchmarks.environment import CONN_ID
from tests.runs import renew

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.reference import KeyReference

__all__ = ["Clock", "Ours", "forget_masked"]

_MASKERS = ("airflow.sdk._shared.secrets_masker", "airflow.utils.log.secrets_masker")  # 3.x; 2.11


@dataclass
class Clock:
    """The times, on the monotonic clock, when the request for a key started and when the store had the key."""

    posted: float = 0.0
    stored: float = 0.0


class _Watched:
    """Wrapper of an object that replaces some of its methods."""

    def __init__(self, real: Any, **replaced: Any) -> None:
        self._real = real
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Ours:
    """The hook and the stores of one task."""

    def __init__(self, pool_size: int = 1) -> None:
        self.hook = PolytomicHook(CONN_ID, pool_size=pool_size)
        self.stores = StoreFactory(issuer=self.hook.base_url)

    def rotate(self, target: list[str], name: str, clock: Clock | None = None) -> KeyReference:
        """Rotate one key now, at any age."""
        api: Any = self.hook
        store: Any = self.stores.open(Destination.parse(f"airflow://connection/{name}"))
        if clock is not None:
            api, store = _watch(api, store, clock)
        mode = renew(datetime.now(UTC))
        return issue(api, store, Target(*target), mode, hide=mask_secret)


def _watch(api: Any, store: Any, clock: Clock) -> tuple[Any, Any]:
    def create_api_key(*given: Any, **named: Any) -> Any:
        clock.posted = time.monotonic()
        return api.create_api_key(*given, **named)

    def write(*given: Any) -> Any:
        version = store.write(*given)
        clock.stored = time.monotonic()
        return version

    return _Watched(api, create_api_key=create_api_key), _Watched(store, write=write)


def forget_masked() -> None:
    """Empty Airflow's list of masked secrets, which grows with each key; a task that rotates one key has only one."""
    for name in _MASKERS:
        if name in sys.modules:
            masker = sys.modules[name]._secrets_masker()  # noqa: SLF001 (2.11 has no public way)
            masker.patterns, masker.replacer = set(), None
