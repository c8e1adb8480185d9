"""What does the emulator answer when it refuses?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RefusalError"]

# Polytomic publishes no catalogue of error keys: these are plausible ones, and nothing may depend on them.
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
    """An answer other than success, in the form that the API gives it.

    :param status: the HTTP status.
    :param message: for a human.
    :param metadata: for a program; ``{"field": ...}`` names the part of a body that is refused.
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
        """Refuse a body because of one field, and name it."""
        return cls(status, f"{field}: {complaint}", metadata={"field": field})
