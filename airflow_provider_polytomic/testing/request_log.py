"""What did the emulator receive, and how did it answer?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ReceivedRequest", "RequestLog"]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as it arrived.

    :param method: upper case.
    :param path: decoded, without the query.
    :param query: the last value of each parameter.
    :param headers: names in lower case; the last value of each.
    :param body: as received.
    :param endpoint: the name that faults are aimed at, e.g. ``create_api_key``; ``unknown`` where the API has none
        such.
    :param status: what was answered; None while it is not answered, and for good if the connection was dropped.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    endpoint: str
    status: int | None = None

    @property
    def idempotency_key(self) -> str | None:
        """The ``Idempotency-Key``, or None if there was none."""
        return self.headers.get("idempotency-key")


class RequestLog:
    """All requests in the order of their arrival, except those to the emulator's own control paths."""

    def __init__(self) -> None:
        self._requests: list[ReceivedRequest] = []

    def add(self, request: ReceivedRequest) -> int:
        """Note a request that arrived, and return its number."""
        self._requests.append(request)
        return len(self._requests) - 1

    def answered(self, number: int, status: int | None) -> None:
        """Note what a request is answered."""
        self._requests[number] = replace(self._requests[number], status=status)

    def all(self) -> list[ReceivedRequest]:
        """Return every request so far."""
        return list(self._requests)

    def counts(self) -> dict[str, int]:
        """Return how many requests each endpoint received."""
        return dict(Counter(request.endpoint for request in self._requests))
