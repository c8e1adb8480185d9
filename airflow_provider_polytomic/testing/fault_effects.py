"""The effect of a fault on a response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.responses import Response, render

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.faults import Fault

__all__ = ["Reply", "apply_fault", "prevents_effect"]

_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in to the network.%b</body></html>"
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent to the client.

    :param response: the response, or None to close the connection without a byte.
    :param cut: whether to close the connection after half of the body.
    """

    response: Response | None
    cut: bool = False


def prevents_effect(fault: Fault | None) -> bool:
    """Whether the request does not reach Polytomic because of a fault."""
    return fault is not None and fault.when == "before" and fault.kind != "delay"


def apply_fault(fault: Fault, response: Response | None) -> Reply:
    """Return what the client receives with a fault.

    :param response: the real response; None if the fault prevents the effect.
    """
    if fault.kind == "drop":
        return Reply(None)
    if fault.kind == "status":
        return Reply(_with_status(fault))
    if fault.kind == "not_json":
        quoted = b"" if response is None else b"<pre>%b</pre>" % response.body
        return Reply(Response(fault.status or 200, _PAGE % quoted, {"Content-Type": "text/html; charset=utf-8"}))
    if fault.kind == "huge" and response is not None:
        return Reply(Response(response.status, _pad(response.body, fault.megabytes or 0), response.headers))
    return Reply(response, cut=fault.kind == "truncated")


def _with_status(fault: Fault) -> Response:
    status = fault.status or 500
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
    headers |= {"Location": fault.location} if fault.location is not None else {}
    if fault.body is None:
        return render(RefusalError(status, f"status {status} on request", headers=headers))
    media_type = "application/json" if fault.body.lstrip()[:1] in {"{", "["} else "text/plain; charset=utf-8"
    return Response(status, fault.body.encode(), headers | {"Content-Type": media_type})


def _pad(body: bytes, megabytes: float) -> bytes:
    """Add a member with padding to a JSON object."""
    start = body[:-1] + b"," if body else b"{"
    return start + b'"padding":"' + b"x" * int(megabytes * _MEGABYTE) + b'"}'
