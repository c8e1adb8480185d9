"""What goes wrong at the fake Vault, and what has it received?"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Fault", "Faults", "Received"]


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived.

    :param path: below ``/v1/`` and the namespace.
    :param namespace: with its slash; empty for the root namespace, or as sent if there is none such.
    :param token: ``root``, ``token-1`` ...; ``unknown`` for one that was not accepted; empty for none.
    :param body: as received, read from JSON.
    :param status: what was answered; None if the connection was dropped.
    """

    method: str
    path: str
    namespace: str
    token: str
    status: int | None
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the requests that match.

    :param method: ``*`` for any.
    :param path: a shell pattern over the path below ``/v1/`` and the namespace; ``*`` crosses slashes.
    :param status: the answer, instead of the real one.
    :param drop: close the connection without an answer.
    :param applied: do what the request asks before failing it.
    :param delay: seconds before anything else.
    """

    method: str = "*"
    path: str = "*"
    status: int | None = None
    drop: bool = False
    applied: bool = False
    delay: float = 0.0

    def __post_init__(self) -> None:
        if self.drop and self.status is not None:
            raise ValueError("a fault either answers or drops the connection")
        if self.applied and not (self.drop or self.status is not None):
            raise ValueError("nothing fails after the request is applied: give drop or status")

    @property
    def fails(self) -> bool:
        """Whether it is more than a delay."""
        return self.drop or self.status is not None

    def meets(self, method: str, path: str) -> bool:
        """Whether a request is one of those."""
        return self.method in {"*", method} and fnmatchcase(path, self.path)


@dataclass(slots=True)
class _Pending:
    fault: Fault
    times: int
    skip: int


class Faults:
    """The faults that are still to come; the first that matches is used."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []

    def add(self, fault: Fault, *, times: int, skip: int) -> None:
        """Have the next requests that match, after some that are spared, meet a fault."""
        self._pending.append(_Pending(fault, times, skip))

    def clear(self) -> None:
        """Drop them all."""
        self._pending.clear()

    @property
    def left(self) -> int:
        """How many requests will still go wrong."""
        return sum(pending.times for pending in self._pending)

    def take(self, method: str, path: str) -> Fault:
        """Return the fault that a request meets; one that does nothing for none."""
        for pending in self._pending:
            if not pending.fault.meets(method, path):
                continue
            if pending.skip:
                pending.skip -= 1
                continue
            pending.times -= 1
            self._pending = [each for each in self._pending if each.times]
            return pending.fault
        return Fault()
