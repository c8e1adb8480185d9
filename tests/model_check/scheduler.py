"""Scheduler of issuers: each runs in its own thread, which waits before every request that it sends.

Only one thread runs at a time, so a schedule decides everything; the requests themselves are real.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from botocore.httpsession import URLLib3Session
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

__all__ = ["Turn", "gated_requests", "reach"]

# Each schedule has its own destination; their names must not make requests differ.
_NUMBERED = r"acme_\d+"
_MAX_SECONDS = 60.0  # no request takes so long; a thread that waits for another one's lock does

_this_thread = threading.local()


class _DiedError(BaseException):
    """Raised instead of every further request of an issuer that has died."""


class Turn:
    """One issuer.

    :param act: what it does.
    """

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._dead = False
        self.ended = False
        self.at = ""
        """The request that it waits before."""
        self.result: object = None
        """What it returned or raised; None if it died."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._wait()

    def step(self) -> str:
        """Let it send the request that it waits before, and run to the next request or to its end."""
        at = self.at
        self._go.release()
        self._wait()
        return at

    def die(self) -> None:
        """Make it send no further request."""
        self._dead = True
        self.step()
        assert self.ended, "it continued after its death"

    def reach(self, request: str) -> None:
        """Wait before a request until it is this issuer's turn."""
        if not self._dead:
            self.at = request
            self._stands.release()
            self._go.acquire()
        if self._dead:
            raise _DiedError

    def _wait(self) -> None:
        assert self._stands.acquire(timeout=_MAX_SECONDS), f"it hangs after {self.at}"
        if self.ended:
            self._thread.join()

    def _run(self) -> None:
        _this_thread.turn = self
        try:
            self.result = self._act()
        except _DiedError:
            self.result = None
        except BaseException as error:  # noqa: BLE001 (it belongs to the test's own thread)
            self.result = error
        finally:
            self.ended = True
            self._stands.release()


def reach(request: str) -> None:
    """Wait before a request, in the thread of an issuer; elsewhere return at once."""
    turn: Turn | None = getattr(_this_thread, "turn", None)
    if turn is not None:
        turn.reach(request)


@contextmanager
def gated_requests(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make every request that hvac or boto3 sends wait for its turn."""
    send_of_requests, send_of_botocore = HTTPAdapter.send, URLLib3Session.send

    def send_by_requests(self: HTTPAdapter, request: Any, *args: Any, **kwargs: Any) -> Any:
        path = unquote(urlsplit(request.url).path).removeprefix("/v1/")
        reach(re.sub(_NUMBERED, "acme", f"{request.method} {path}"))
        return send_of_requests(self, request, *args, **kwargs)

    def send_by_botocore(self: URLLib3Session, request: Any) -> Any:
        reach(_name_of(request))
        return send_of_botocore(self, request)

    with patch.context() as patched:
        patched.setattr(HTTPAdapter, "send", send_by_requests)
        patched.setattr(URLLib3Session, "send", send_by_botocore)
        yield


def _name_of(request: Any) -> str:
    """Return action and secret of a request to AWS: ``PutParameter /airflow/connections/acme``."""
    target = request.headers["X-Amz-Target"]
    action = (target.decode() if isinstance(target, bytes) else str(target)).rpartition(".")[2]
    body = json.loads(request.body)
    return re.sub(_NUMBERED, "acme", f"{action} {body.get('Name') or body.get('SecretId') or ''}".rstrip())
