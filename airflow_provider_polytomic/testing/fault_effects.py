"""What goes over the wire when a fault meets an answer?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.responses import Response, render

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.faults import Fault

__all__ = ["Reply", "prevents_effect", "spoiled"]

_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in to the network.%b</body></html>"
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent.

    :param answer: the answer, or None to close the connection without a byte.
    :param cut: close the connection after half of the body.
    """

    answer: Response | None
    cut: bool = False


def prevents_effect(fault: Fault | None) -> bool:
    """Whether a fault keeps the request from Polytomic altogether."""
    return fault is not None and fault.when == "before" and fault.kind != "delay"


def spoiled(fault: Fault, answer: Response | None) -> Reply:
    """Return what a client gets through a fault.

    :param answer: the real answer; None if the fault prevents the effect.
    """
    if fault.kind == "drop":
        return Reply(None)
    if fault.kind == "status":
        return Reply(_with_status(fault))
    if fault.kind == "not_json":
        quoted = b"" if answer is None else b"<pre>%b</pre>" % answer.body
        return Reply(Response(fault.status or 200, _PAGE % quoted, {"Content-Type": "text/html; charset=utf-8"}))
    if fault.kind == "huge" and answer is not None:
        return Reply(Response(answer.status, _padded(answer.body, fault.megabytes or 0), answer.headers))
    return Reply(answer, cut=fault.kind == "truncated")


def _with_status(fault: Fault) -> Response:
    status = fault.status or 500
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
    headers |= {"Location": fault.location} if fault.location is not None else {}
    if fault.body is None:
        return render(RefusalError(status, f"status {status} on request", headers=headers))
    media_type = "application/json" if fault.body.lstrip()[:1] in {"{", "["} else "text/plain; charset=utf-8"
    return Response(status, fault.body.encode(), headers | {"Content-Type": media_type})


def _padded(body: bytes, megabytes: float) -> bytes:
    """Lengthen a JSON object by one more member, so that it stays valid JSON."""
    start = body[:-1] + b"," if body else b"{"
    return start + b'"padding":"' + b"x" * int(megabytes * _MEGABYTE) + b'"}'
