"""What goes wrong on request, and what was received? Aimed at one action, before or after it takes effect."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.servers.aws_call import AwsError

__all__ = ["AwsFault", "AwsFaults", "AwsLog", "AwsRequest", "When"]

When = Literal["before", "after"]


@dataclass(slots=True)
class AwsFault:
    """What meets the next matching requests.

    :param action: e.g. ``PutSecretValue``.
    :param when: before the effect (then there is none) or after it.
    :param error: what is answered; None together with no ``act`` for a connection that is closed without a byte.
    :param act: run once the request is there, which then goes on: somebody else's write in between.
    :param times: how many matching requests.
    :param skip: how many of them pass first.
    """

    action: str
    when: When
    error: AwsError | None = None
    act: Callable[[], object] | None = None
    times: int = 1
    skip: int = 0


class AwsFaults:
    """Those that are still to come."""

    def __init__(self) -> None:
        self._faults: list[AwsFault] = []
        self._lock = threading.Lock()

    def add(self, fault: AwsFault) -> None:
        """Append one."""
        with self._lock:
            self._faults.append(fault)

    def take(self, action: str) -> AwsFault | None:
        """Return the first that meets this request, and count the request."""
        with self._lock:
            taken: AwsFault | None = None
            for fault in self._faults:
                if fault.action != action:
                    continue
                if fault.skip:
                    fault.skip -= 1
                elif taken is None:
                    taken = fault
            if taken is not None:
                taken.times -= 1
            self._faults = [fault for fault in self._faults if fault.times > 0]
            return taken

    def clear(self) -> None:
        """Drop all of them."""
        with self._lock:
            self._faults.clear()


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """One request of a user.

    :param status: None where the connection was dropped.
    :param error: the code of a refusal.
    """

    service: str
    action: str
    body: Mapping[str, Any]
    access_key_id: str | None
    status: int | None
    error: str | None


class AwsLog:
    """The requests of users in the order of their answers; what a test did itself is not in it."""

    def __init__(self) -> None:
        self._requests: list[AwsRequest] = []

    def add(self, request: AwsRequest) -> None:
        """Append one."""
        self._requests.append(request)

    def all(self) -> list[AwsRequest]:
        """Return every one so far."""
        return list(self._requests)

    def counts(self) -> dict[str, int]:
        """Return how many of each action."""
        return dict(Counter(request.action for request in self._requests))

    def clear(self) -> None:
        """Forget them."""
        self._requests.clear()
