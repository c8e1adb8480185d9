"""The points at which a process can die: before and after every call to Polytomic or the store, and inside them."""

from __future__ import annotations

import os
import re
import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from .job import Interruption

__all__ = ["Passed", "Points", "Watched", "watch_inside", "watch_requests"]

# Audit events of effects that another process, or the next run, can see. Each is raised before its effect.
_EVENTS = {
    *("fcntl.flock", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.chown", "os.truncate", "os.link"),
    *("socket.connect", "http.client.send", "sqlite3.connect"),
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Points:
    """Counter of the passed points, which interrupts the process at one of them.

    :param tell: called with the name of the point before the signal is sent.
    """

    def __init__(self, interruption: Interruption | None, tell: Callable[[str], None]) -> None:
        self.armed = False
        self.since: list[str] = []  # the points that were passed after the interruption
        self._interruption = interruption
        self._tell = tell
        self._passed = 0
        self._interrupted = False
        self._lock = threading.Lock()  # several threads can reach a point at once

    def call(self, name: str) -> None:
        """Handle the begin or the end of a call to Polytomic or the store."""
        if self._interruption and self._interruption.watch == "calls":
            self.reach(name)

    def reach(self, name: str) -> None:
        """Count a point, and interrupt the process at the selected one."""
        if not (self.armed and self._interruption):
            return
        with self._lock:
            self._passed += 1
            if self._interrupted:
                self.since.append(name)
                return
            self._interrupted = self._interruption.at in (self._passed, name)
            if not self._interrupted:
                return
            self._tell(name)
        os.kill(os.getpid(), self._interruption.signal)


class Passed(Protocol):
    """Protocol of an observer of the calls."""

    def call(self, name: str) -> None:
        """Handle the begin or the end of a call to Polytomic or the store."""


class Watched:
    """Wrapper of the real Polytomic or store, with a point before and after each call."""

    def __init__(self, real: Any, points: Passed) -> None:
        self._real = real
        self._points = points

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._points.call(f"before {name}")
            try:
                return found(*args, **kwargs)
            finally:
                self._points.call(f"after {name}")

        return call


def watch_requests(points: Points, base_url: str) -> None:
    """Add three points to every request: before it, when the response has arrived, and when it is read.

    At the second point the effect has happened, but the client does not know it. There is one more point before each
    file that is put in place: a stored key, or its record. Like :func:`watch_inside`, this cannot be undone.
    """
    from requests.adapters import HTTPAdapter

    sys.addaudithook(lambda event, _args: points.reach("before os.rename") if event == "os.rename" else None)

    send = HTTPAdapter.send

    def watched(self: HTTPAdapter, request: Any, *args: Any, **kwargs: Any) -> Any:
        if not request.url.startswith(base_url):
            return send(self, request, *args, **kwargs)
        name = f"{request.method} {_UUID.sub('{id}', request.path_url.partition('?')[0])}"
        points.reach(f"before {name}")
        response: Any = send(self, request, *args, **kwargs)  # the hook streams the body, which is not read yet
        points.reach(f"unread {name}")
        close = response.close

        def closed() -> None:
            close()
            points.reach(f"after {name}")

        response.close = closed
        return response

    setattr(HTTPAdapter, "send", watched)  # noqa: B010 (mypy knows that a method is not to be assigned)


def watch_inside(points: Points, *, lines: bool) -> None:
    """Add a point to every step that others can see, and to every SQL statement and commit.

    This cannot be undone; the process does nothing else afterwards.

    :param lines: whether to add a point to every line of ``atomic_file``, too.
    """
    sys.addaudithook(lambda event, args: points.reach(_name(event, args)) if _is_step(event, args) else None)
    if lines:
        sys.settrace(lambda frame, _event, _arg: _line_tracer(points) if _is_atomic_file(frame) else None)
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "before_cursor_execute", lambda *given: points.reach(f"before {given[2].split()[0]}"))
    event.listen(Engine, "commit", lambda _connection: points.reach("before commit"))


def _is_step(event: str, args: tuple[Any, ...]) -> bool:
    if event == "open":
        return isinstance(args[2], int) and bool(args[2] & _WRITES)
    return event in _EVENTS


def _name(event: str, args: tuple[Any, ...]) -> str:
    return f"before {event} {args[0]!s:.120}" if event in {"open", "os.remove", "os.mkdir"} else f"before {event}"


def _is_atomic_file(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith("secret_stores/local/atomic_file.py")


def _line_tracer(points: Points) -> Any:
    def trace(frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            points.reach(f"before atomic_file.{frame.f_code.co_name}:{frame.f_lineno}")
        return trace

    return trace
