"""Faults that a test can inject, as values and as strings for the command line.

::

    Fault("status", status=503, endpoint="create_api_key", times=2, when="after")
    "status:503 endpoint=create_api_key times=2 when=after"

========================  ==================================================================================  =======
kind                      what the client receives                                                            ``when``
========================  ==================================================================================  =======
``status:N``              status N, as from a proxy: an error of the API, or ``body``; ``retry_after``,       before
                          ``location``
``drop``                  a connection that closes without a byte                                             before
``late``, ``late:S``      504 now; the effect comes S seconds later, or on ``release()``; until then its      -
                          Idempotency-Key is in flight
``delay:S``               the response S seconds later                                                        before
``truncated``             the headers of the real response and half of its body, then the connection closes   after
``not_json[:N]``          an HTML page with status N (200); after the effect, it quotes the real response     before
``huge:MB``               the real response with MB megabytes of padding in its JSON                          after
``recorded_500``          an ApiError 500 without effect, replayed for the Idempotency-Key from then on       -
``forget``                the usual response; all Idempotency-Keys are forgotten before the request           -
========================  ==================================================================================  =======

``when``: before or after the effect. A fault before the effect prevents it, except ``delay``. The column has the
default, and ``-`` if there is no choice; ``truncated`` and ``huge`` are always after. ``endpoint``: only requests to
this endpoint. ``user``: only requests with this user's id in the path or with this user's key. ``times``: the number of
matching requests that it affects, ``always`` for all. ``skip``: the number of matching requests that pass first.
``share``: the share of the other requests that it affects, in draws that a ``seed`` repeats:
``drop when=after share=0.1 seed=7 times=always``.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_polytomic.testing.endpoints import ENDPOINT_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Fault"]

FaultKind = Literal["status", "drop", "late", "delay", "truncated", "not_json", "huge", "recorded_500", "forget"]
When = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a kind accepts: the argument after the colon, values of ``when``, options."""

    argument: str | None = None
    required: bool = False
    when: tuple[When, ...] = ()
    options: tuple[str, ...] = ()


_KINDS: Final[Mapping[str, _Kind]] = {
    "status": _Kind("status", required=True, when=("before", "after"), options=("body", "retry_after", "location")),
    "drop": _Kind(when=("before", "after")),
    "late": _Kind("seconds"),
    "delay": _Kind("seconds", required=True, when=("before", "after")),
    "truncated": _Kind(when=("after",)),
    "not_json": _Kind("status", when=("before", "after")),
    "huge": _Kind("megabytes", required=True, when=("after",)),
    "recorded_500": _Kind(),
    "forget": _Kind(),
}
_SPECIFIC = ("status", "seconds", "megabytes", "body", "retry_after", "location")
_ALWAYS = "always"


def _times(text: str) -> int | None:
    return None if text == _ALWAYS else int(text)


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "status": int,
    "seconds": float,
    "megabytes": float,
    "times": _times,
    "skip": int,
    "share": float,
    "seed": int,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault for the next matching requests; the module lists the kinds.

    :param kind: the kind of fault.
    :param status: the status of ``status`` and ``not_json``, 200-599.
    :param seconds: how long ``delay`` waits, or ``late`` holds the effect back.
    :param megabytes: the padding that ``huge`` adds.
    :param endpoint: the name of the endpoint, e.g. ``create_api_key``; None for any.
    :param user: the id of the user in the path, or of the user whose key is sent; None for all requests.
    :param times: the number of matching requests that it affects; None for all.
    :param skip: the number of matching requests that pass first.
    :param share: the share of the other matching requests that it affects, above 0 and up to 1; None for all.
    :param seed: which requests a ``share`` affects: the same fault with the same seed affects the same ones, in the
        order of their arrival.
    :param when: before or after the effect; None for the default of the kind.
    :param body: the body of ``status``; sent as JSON if it begins like JSON, else as plain text.
    :param retry_after: the ``Retry-After`` header of ``status``.
    :param location: the ``Location`` header of ``status``.
    :raises ValueError: if the fault is invalid.
    """

    kind: FaultKind
    status: int | None = None
    seconds: float | None = None
    megabytes: float | None = None
    endpoint: str | None = None
    user: str | None = None
    times: int | None = 1
    skip: int = 0
    share: float | None = None
    seed: int = 0
    when: When | None = None
    body: str | None = None
    retry_after: str | float | None = None
    location: str | None = None

    def __post_init__(self) -> None:
        """Check the fault, and set the default of ``when``."""
        kind = _find_kind(self.kind)
        self._check_arguments(kind)
        if self.endpoint is not None and self.endpoint not in ENDPOINT_NAMES:
            raise ValueError(f"unknown endpoint {self.endpoint!r}; use one of {', '.join(ENDPOINT_NAMES)}")
        if (self.times is not None and self.times < 1) or self.skip < 0:
            raise ValueError("times must be at least 1, or None (always); skip must be at least 0")
        if self.share is not None and not 0 < self.share <= 1:
            raise ValueError("share must be above 0 and at most 1")
        if self.seed and self.share is None:
            raise ValueError("seed needs share, as in share=0.1 seed=7")
        if self.retry_after is not None:
            object.__setattr__(self, "retry_after", str(self.retry_after))
        if self.when is None and kind.when:
            object.__setattr__(self, "when", kind.when[0])

    def _check_arguments(self, kind: _Kind) -> None:
        allowed = {*kind.options, kind.argument}
        for name in _SPECIFIC:
            if getattr(self, name) is not None and name not in allowed:
                raise ValueError(f"the fault {self.kind} does not accept {name}")
        if kind.required and getattr(self, str(kind.argument)) is None:
            raise ValueError(f"the fault {self.kind} needs {kind.argument}: {self.kind}:<{kind.argument}>")
        if self.when is not None and self.when not in kind.when:
            raise ValueError(f"the fault {self.kind} does not accept when={self.when}")
        if self.status is not None and self.status not in range(200, 600):
            raise ValueError("status must be 200 to 599")
        if any(amount is not None and not 0 <= amount < math.inf for amount in (self.seconds, self.megabytes)):
            raise ValueError("seconds and megabytes must be 0 or more")

    @classmethod
    def parse(cls, spec: str) -> Fault:
        """Read a fault from a string such as ``late:2 endpoint=create_api_key``.

        A value with blanks is quoted as in a shell.

        :raises ValueError: if the string is invalid.
        """
        head, *options = shlex.split(spec) or [""]
        kind, colon, argument = head.partition(":")
        name = _find_kind(kind).argument
        values: dict[str, Any] = {}
        if colon:
            if name is None:
                raise ValueError(f"in the fault {spec!r}, {kind} accepts nothing after a colon")
            values[name] = _read(spec, name, argument)
        for option in options:
            name, equals, text = option.partition("=")
            if not equals or name in values or name not in _NAMES:
                raise ValueError(f"in the fault {spec!r}, {option!r} is not one of {'=, '.join(_NAMES)}=")
            values[name] = _read(spec, name, text)
        return cls(kind, **values)  # type: ignore[arg-type]  # __post_init__ rejects an unknown kind

    def __str__(self) -> str:
        """Return the string that :meth:`parse` reads."""
        kind = _KINDS[self.kind]
        argument = getattr(self, kind.argument) if kind.argument else None
        words = [self.kind if argument is None else f"{self.kind}:{argument}"]
        given: dict[str, Any] = {name: getattr(self, name) for name in ("endpoint", "user", *kind.options)}
        given["times"] = {1: None, None: _ALWAYS}.get(self.times, self.times)
        given |= {"skip": self.skip or None, "share": self.share, "seed": self.seed or None}
        given["when"] = None if self.when in kind.when[:1] else self.when
        words += [f"{name}={shlex.quote(str(value))}" for name, value in given.items() if value is not None]
        return " ".join(words)


_NAMES = tuple(field.name for field in fields(Fault) if field.name != "kind")


def _find_kind(name: str) -> _Kind:
    kind = _KINDS.get(name)
    if kind is None:
        raise ValueError(f"unknown fault {name!r}; use one of {', '.join(_KINDS)}")
    return kind


def _read(spec: str, name: str, text: str) -> Any:
    try:
        return _READERS.get(name, str)(text)
    except ValueError:
        raise ValueError(f"in the fault {spec!r}, {text!r} is not a valid {name}") from None
