"""Responses in the form of Polytomic's API version 2025-09-18."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from airflow_provider_polytomic.testing.errors import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NOTHING", "Response", "check_version", "render"]

_VERSION: Final = "2025-09-18"

NOTHING: Final = object()
"""Return value of a handler whose success has no body, according to the documentation."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, ready to be sent."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def check_version(headers: Mapping[str, str]) -> None:
    """Check that the request is for the version of the emulator, which is the default without the header.

    :raises RefusalError: 400 for another version; what Polytomic responds is not documented.
    """
    if headers.get("x-polytomic-version", _VERSION) != _VERSION:
        raise RefusalError(400, f"unsupported X-Polytomic-Version; the emulator supports only {_VERSION}")


def render(outcome: object) -> Response:
    """Return the response for data, :data:`NOTHING` or a :class:`RefusalError`."""
    headers = {"X-Polytomic-Version": _VERSION}
    if outcome is NOTHING:
        return Response(200, b"", headers)
    headers["Content-Type"] = "application/json"
    if isinstance(outcome, RefusalError):
        error = {name: getattr(outcome, name) for name in ("key", "message", "metadata", "status")}
        return Response(outcome.status, _json(error), headers | outcome.headers)
    return Response(200, _json({"data": outcome}), headers)


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
