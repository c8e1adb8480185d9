"""Log of the requests that the emulator received, with the status of each response."""

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

    :param method: the method, in upper case.
    :param path: the decoded path, without the query.
    :param query: the last value of each parameter.
    :param headers: the last value of each header, with names in lower case.
    :param body: the body as received.
    :param endpoint: the name that faults refer to, such as ``create_api_key``; ``unknown`` if the API has no such
        endpoint.
    :param status: the status of the response; None until there is one, or if the connection was dropped.
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
        """The ``Idempotency-Key``, or None."""
        return self.headers.get("idempotency-key")


class RequestLog:
    """Log of all requests in the order of their arrival, except those to the control paths."""

    def __init__(self) -> None:
        self._requests: list[ReceivedRequest] = []

    def add(self, request: ReceivedRequest) -> int:
        """Add a request, and return its number."""
        self._requests.append(request)
        return len(self._requests) - 1

    def record_status(self, number: int, status: int | None) -> None:
        """Record the status of the response to a request."""
        self._requests[number] = replace(self._requests[number], status=status)

    def all(self) -> list[ReceivedRequest]:
        """Return all requests so far."""
        return list(self._requests)

    def counts(self) -> dict[str, int]:
        """Return the number of requests by endpoint."""
        return dict(Counter(request.endpoint for request in self._requests))
