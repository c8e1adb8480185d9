"""Transport between the hook's own session and the emulator without a socket, for thousands of scripts in minutes.

Time is simulated: a response after an hour takes no time, and a client times out as it would.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import HTTPAdapter
from starlette.routing import compile_path
from urllib3 import HTTPResponse

from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.testing.endpoints import ENDPOINTS, UNKNOWN
from airflow_provider_polytomic.testing.request_log import ReceivedRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from airflow_provider_polytomic.testing import PolytomicEmulator
    from airflow_provider_polytomic.testing.fault_effects import Reply

__all__ = ["FakeTime", "Loopback"]

_PATHS = {path: compile_path(path)[0] for path in dict.fromkeys(endpoint.path for endpoint in ENDPOINTS)}


@dataclass
class FakeTime:
    """The time of hook, issuance and emulator, which advances only when one of them sleeps or waits."""

    now: datetime
    seconds: float = 0.0

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds
        self.now += timedelta(seconds=seconds)

    @property
    def clock(self) -> Clock:
        """Return the clock for the hook and the issuance."""
        return Clock(monotonic=lambda: self.seconds, now=self._since_1970, sleep=self.pass_, jitter=lambda: 0.5)

    def _since_1970(self) -> float:
        return self.now.timestamp()


class Loopback(HTTPAdapter):
    """Adapter that carries the requests of a session to an emulator that was never started.

    :param time: the time, which advances by the time of each response.
    """

    def __init__(self, emulator: PolytomicEmulator, time: FakeTime) -> None:
        super().__init__()
        self._dispatcher = emulator._dispatcher
        self._time = time

    def send(self, request: requests.PreparedRequest, *_args: Any, timeout: Any = None, **_kwargs: Any) -> Any:
        """Return the response, or raise the error, that the faults select."""
        taken = 0.0

        async def pause(seconds: float) -> None:
            nonlocal taken
            taken += seconds

        received, path, ids = _received(request)
        reply = _result(self._dispatcher.reply(received, path, ids, pause))
        self._time.pass_(min(taken, timeout.total))
        if taken > timeout.total:
            raise requests.ReadTimeout("no answer in time", request=request)
        if reply.response is None:
            raise requests.ConnectionError("closed without a byte", request=request)
        body = reply.response.body
        return self.build_response(
            request,
            HTTPResponse(
                body=io.BytesIO(body[: len(body) // 2] if reply.cut else body),
                headers={**reply.response.headers, "Content-Length": str(len(body))},
                status=reply.response.status,
                preload_content=False,
                enforce_content_length=True,
                request_method=request.method,
            ),
        )


def _received(request: requests.PreparedRequest) -> tuple[ReceivedRequest, str, dict[str, str]]:
    url = urlsplit(str(request.url))
    found = [(path, match.groupdict()) for path, pattern in _PATHS.items() if (match := pattern.match(url.path))]
    path, ids = found[0]
    body = request.body or b""
    received = ReceivedRequest(
        method=str(request.method),
        path=url.path,
        query={name: values[-1] for name, values in parse_qs(url.query).items()},
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body if isinstance(body, bytes) else body.encode(),
        endpoint=UNKNOWN,
    )
    return received, path, ids


def _result(coroutine: Coroutine[Any, Any, Reply]) -> Reply:
    """Run a coroutine that never waits, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        reply: Reply = done.value
        return reply
    raise AssertionError("it waits")
