"""Wrappers of Polytomic and a store that fail on request, or stop the process at a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import (
    SecretStoreConflictError,
    SecretStoreDeniedError,
    SecretStoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_polytomic.exceptions import SecretStoreError

    from .fault_scripts import Crash, StoreFault

__all__ = ["Calls", "Faulty", "KilledError"]

_ERRORS: dict[str, Callable[[], SecretStoreError]] = {
    "denied": lambda: SecretStoreDeniedError("The store refuses. Nothing was changed. Let this user write there."),
    "conflict": lambda: SecretStoreConflictError(
        "Another process changed it; nothing was written. A retry reads it again."
    ),
    "unavailable": lambda: SecretStoreUnavailableError(
        "The store did not answer. A retry reads it again. Check its health."
    ),
}


class KilledError(BaseException):
    """Death of the process, which no error handler catches."""


@dataclass
class _Pending:
    fault: StoreFault
    skip: int
    times: int


class Calls:
    """Faults of the calls of one try.

    :param hand: changes the destination as a person.
    :param stale: returns the previous value of readers.
    :param watch: called after each call.
    """

    def __init__(
        self,
        faults: Sequence[StoreFault],
        crash: Crash | None,
        *,
        hand: Callable[[str], None],
        stale: Callable[[], Any],
        watch: Callable[[str], None],
    ) -> None:
        self._pending = [_Pending(fault, fault.skip, fault.times) for fault in faults]
        self._crash, self._hand, self._stale, self._watch = crash, hand, stale, watch
        self._number = 0

    def call(self, name: str, act: Callable[[], Any]) -> Any:
        """Call the wrapped method, with the faults of this call."""
        self._number += 1
        self._die(after=False)
        kind = self._take(name) or ""
        if kind.startswith("hand"):
            self._hand(kind)
        elif kind in _ERRORS:
            raise self._error(kind)
        result = self._stale() if kind == "stale" else act()
        self._watch(name)
        self._die(after=True)
        if kind == "unavailable after":
            raise self._error("unavailable")
        return result

    @staticmethod
    def _error(kind: str) -> SecretStoreError:
        return _ERRORS[kind]()

    def _die(self, *, after: bool) -> None:
        if self._crash and (self._crash.call, self._crash.after) == (self._number, after):
            raise KilledError(f"at call {self._number}")

    def _take(self, name: str) -> str | None:
        taken: str | None = None
        for pending in self._pending:
            if pending.fault.call != name or not pending.times:
                continue
            if pending.skip:
                pending.skip -= 1
            elif taken is None:
                pending.times -= 1
                taken = pending.fault.kind
        return taken


class Faulty:
    """Wrapper of the real Polytomic or store, each call of which can fail."""

    def __init__(self, real: Any, calls: Calls) -> None:
        self._real, self._calls = real, calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._calls.call(name, lambda: found(*args, **kwargs))
