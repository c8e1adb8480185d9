"""Queue of the injected faults, which selects the one that affects a request.

The first matching fault is selected, in the order of injection, so several faults affect one request after the other.
A fault with a share draws once for each matching request, even if another fault affects that request, so its draws
depend only on the order of the requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_polytomic.testing.faults import Fault

__all__ = ["FaultQueue"]

# They change what happens inside Polytomic: a request that is rejected or replayed does not use them up.
_NEED_ACTION = {"late", "recorded_500"}


@dataclass(slots=True)
class _Pending:
    fault: Fault
    skip: int
    times: int | None
    chance: Random = field(init=False)

    def __post_init__(self) -> None:
        # The seed includes the fault itself, so that faults with one seed do not all affect the same requests.
        self.chance = Random(str(replace(self.fault, times=1, skip=0)))  # noqa: S311 - must be repeatable

    def draw(self) -> bool:
        """Draw whether the fault affects the next matching request."""
        return self.fault.share is None or self.chance.random() < self.fault.share


class FaultQueue:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []

    def add(self, fault: Fault) -> None:
        """Append a fault."""
        self._pending.append(_Pending(fault, fault.skip, fault.times))

    def clear(self) -> None:
        """Delete all faults."""
        self._pending.clear()

    def pending(self) -> list[str]:
        """Return the faults that are still to come, as strings."""
        return [str(pending.fault) for pending in self._pending]

    def take_forget(self, endpoint: str, users: Collection[str]) -> bool:
        """Whether a ``forget`` affects this request, in addition to any other fault."""
        return self._take([p for p in self._pending if p.fault.kind == "forget"], endpoint, users) is not None

    def take(self, endpoint: str, users: Collection[str], *, acts: bool) -> Fault | None:
        """Return the fault that affects this request, and count the request.

        :param users: the ids of the users that the request is about.
        :param acts: whether the request reaches its endpoint, and is neither rejected nor replayed.
        """
        candidates = [
            p for p in self._pending if p.fault.kind != "forget" and (acts or p.fault.kind not in _NEED_ACTION)
        ]
        return self._take(candidates, endpoint, users)

    def _take(self, candidates: list[_Pending], endpoint: str, users: Collection[str]) -> Fault | None:
        taken: _Pending | None = None
        for pending in candidates:
            if pending.fault.endpoint not in {None, endpoint} or pending.fault.user not in {None, *users}:
                continue
            if pending.skip:
                pending.skip -= 1
            elif pending.draw() and taken is None:
                taken = pending
        if taken is None:
            return None
        if taken.times is not None:
            taken.times -= 1
        self._pending = [pending for pending in self._pending if pending.times != 0]
        return taken.fault
