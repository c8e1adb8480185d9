"""Transport adapter whose connections read within limits: one deadline and one budget of bytes for each exchange.

Timeouts of requests and urllib3 apply to each read from the socket, so a server that sends a byte now and then never
reaches one; and neither library limits how much it reads for a status line, headers or the framing of chunks.
"""

from __future__ import annotations

import io
import socket
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from airflow_provider_polytomic._support.base_url import is_this_machine
from airflow_provider_polytomic._support.library_logs import suppress_library_logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from airflow_provider_polytomic._support.clock import Clock

__all__ = ["LimitedAdapter", "Limits"]


class Limits:
    """Deadline and budget of bytes of one exchange.

    :param seconds: from now on, for everything from the connection to the last byte of the body.
    :param max_bytes: how much may be received, in status line, headers, framing and body together.
    """

    def __init__(self, seconds: float, max_bytes: int, clock: Clock) -> None:
        self._clock = clock
        self._deadline = clock.monotonic() + seconds
        self._bytes_left = max_bytes
        self.is_late = False
        """Whether the deadline has passed while something was awaited."""
        self.is_too_long = False
        """Whether more was received than the budget."""

    @contextmanager
    def apply(self) -> Iterator[None]:
        """Apply the limits to the exchanges of this thread."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def seconds_left(self) -> float:
        """Return the seconds until the deadline.

        :raises TimeoutError: if there are none.
        """
        seconds = self._deadline - self._clock.monotonic()
        if seconds <= 0:
            raise self.late()
        return seconds

    def late(self) -> TimeoutError:
        """Note that the deadline has passed, and return the error for it."""
        self.is_late = True
        return TimeoutError("the response came too late")

    def count(self, number: int) -> None:
        """Subtract received bytes from the budget.

        :raises OSError: if it is exceeded.
        """
        self._bytes_left -= number
        if self._bytes_left < 0:
            self.is_too_long = True
            raise OSError("the response is too long")


_current: ContextVar[Limits | None] = ContextVar("limits", default=None)


class LimitedAdapter(HTTPAdapter):
    """Adapter that applies the limits of this thread, uses no proxy for this machine, and logs nothing.

    A request outside of :meth:`Limits.apply`, such as a user's own over the session of ``get_conn``, has no limits.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pools for direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _limit(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Return the pools for connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        _limit(manager)
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request.

        A proxy for a server on this machine, which environments set for all hosts, would receive the key in plain text.
        """
        if is_this_machine(urlsplit(request.url or "").hostname or ""):
            kwargs["proxies"] = None  # requests passes it by name
        with suppress_library_logs():
            return super().send(request, *args, **kwargs)


class _Reader(io.RawIOBase):
    """What is received from a socket, within limits."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._limits = limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._limits.seconds_left())
        try:
            number = self._raw.readinto(buffer)
        except TimeoutError:
            raise self._limits.late() from None
        self._limits.count(number or 0)
        return number

    def close(self) -> None:
        self._raw.close()
        super().close()


class _LimitedSocket:
    """A socket as ``HTTPResponse`` uses it."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self._sock = sock
        self._limits = limits

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._limits))


class _LimitedResponse(HTTPResponse):
    """Response, also of a proxy to CONNECT, that is read within the limits of this thread."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        limits = _current.get()
        limited: Any = sock if limits is None else _LimitedSocket(sock, limits)
        super().__init__(limited, *args, **kwargs)


class _LimitedConnection:
    """Mixin for a connection of urllib3."""

    response_class = _LimitedResponse
    debuglevel = 0  # whatever a program has set on the class of http.client


class _LimitedDirectConnection(_LimitedConnection):
    """Mixin for a connection that urllib3 itself opens, and not a library for SOCKS."""

    _dns_host: str
    port: int
    timeout: Any

    def _new_conn(self) -> socket.socket:
        """Try one address after the other within the deadline: urllib3 gives the whole timeout to each."""
        connect: Any = super()._new_conn  # type: ignore[misc]  # of the class that is mixed in
        limits = _current.get()
        if limits is None:
            opened: socket.socket = connect()
            return opened
        host, timeout, problem = self._dns_host, self.timeout, None
        try:
            for address in _resolve(host, self.port):
                self._dns_host, self.timeout = address, limits.seconds_left()
                try:
                    opened = connect()
                except (ConnectTimeoutError, NewConnectionError) as error:
                    problem = error
                    continue
                try:
                    opened.settimeout(limits.seconds_left())  # of the TLS handshake
                except TimeoutError:
                    opened.close()
                    raise
                return opened
        finally:
            self._dns_host, self.timeout = host, timeout
        raise problem or OSError("the name has no address")


def _resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, or the host itself if its name cannot be resolved, which urllib3 reports."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return [host]
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _limit(manager: Any) -> None:
    """Let a manager of pools create limited connections."""
    manager.pool_classes_by_scheme = {
        scheme: _limited_pool(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


@cache
def _limited_pool(pool: Any) -> Any:
    connection = pool.ConnectionCls
    if issubclass(connection, _LimitedConnection):
        return pool
    is_direct = connection._new_conn is HTTPConnection._new_conn  # noqa: SLF001 (no public one)
    mixin = _LimitedDirectConnection if is_direct else _LimitedConnection
    limited = type(f"Limited{connection.__name__}", (mixin, connection), {})
    return type(f"Limited{pool.__name__}", (pool,), {"ConnectionCls": limited})
