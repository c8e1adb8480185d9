"""Which fault meets this request?

The first that matches, in the order of injection: faults that were injected one after the other meet one request
after the other. One with a share leaves to chance which requests it meets: it draws once for each that matches,
whatever else meets that one, so that its draws depend on nothing but their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_polytomic.testing.faults import Fault

__all__ = ["FaultQueue"]

# They change what happens inside Polytomic: a request that is refused or replayed without acting does not use them up.
_NEED_ACTION = {"late", "recorded_500"}


@dataclass(slots=True)
class _Pending:
    fault: Fault
    skip: int
    times: int | None
    chance: Random = field(init=False)

    def __post_init__(self) -> None:
        # By what goes wrong too, so that faults of one seed do not all meet the same requests.
        self.chance = Random(str(replace(self.fault, times=1, skip=0)))  # noqa: S311 - it must repeat itself, and guards nothing

    def strikes(self) -> bool:
        """Draw whether it meets the next request that matches."""
        return self.fault.share is None or self.chance.random() < self.fault.share


class FaultQueue:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []

    def add(self, fault: Fault) -> None:
        """Append a fault."""
        self._pending.append(_Pending(fault, fault.skip, fault.times))

    def clear(self) -> None:
        """Drop all of them."""
        self._pending.clear()

    def pending(self) -> list[str]:
        """Return the text form of what is still to come, as it was injected."""
        return [str(pending.fault) for pending in self._pending]

    def take_forget(self, endpoint: str, users: Collection[str]) -> bool:
        """Whether a ``forget`` meets this request; it does so beside any other fault, since it changes no answer."""
        return self._take([p for p in self._pending if p.fault.kind == "forget"], endpoint, users) is not None

    def take(self, endpoint: str, users: Collection[str], *, acts: bool) -> Fault | None:
        """Return the fault that meets this request, and count the request.

        :param users: the ids of those whom it is about.
        :param acts: whether the request would act, rather than be refused or be given an earlier outcome.
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
            elif pending.strikes() and taken is None:
                taken = pending
        if taken is None:
            return None
        if taken.times is not None:
            taken.times -= 1
        self._pending = [pending for pending in self._pending if pending.times != 0]
        return taken.fault
