"""Error responses of the emulated API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RefusalError"]

# Polytomic publishes no list of error keys: these are plausible, and no code may depend on them.
_KEYS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    422: "unprocessable_entity",
    429: "too_many_requests",
    500: "internal_server_error",
}


class RefusalError(Exception):
    """An error response, in the form of the API.

    :param status: the HTTP status.
    :param message: the text for people.
    :param metadata: the data for programs; ``{"field": ...}`` names the invalid part of a body.
    :param headers: further response headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.key = _KEYS.get(status, "error")
        self.metadata = dict(metadata or {})
        self.headers = dict(headers or {})

    @classmethod
    def of_field(cls, status: int, field: str, complaint: str) -> RefusalError:
        """Return the error for one invalid field of a body."""
        return cls(status, f"{field}: {complaint}", metadata={"field": field})
