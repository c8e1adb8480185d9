"""Scripts of faults: the faults of Polytomic and the store, and where the process dies, for each try.

A script is a plain value, so the output of a failing test can be run again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from hypothesis import strategies as st

__all__ = ["Crash", "Mode", "Script", "StoreFault", "Try", "hurried", "scripts"]

Mode = Literal["create", "rotate", "standby"]
Start = Literal["nothing", "fresh", "old", "revoked", "not stored"]

_DAY = 86_400
_PROXY = "<html><body>Access to this site is restricted.</body></html>"


@dataclass(frozen=True)
class StoreFault:
    """A fault of the store.

    :param kind: ``denied``, ``conflict`` and ``unavailable`` prevent the effect, ``unavailable after`` does not;
        ``stale`` returns the previous value to readers; ``hand: ...`` is a person who changes the destination before.
    :param skip: the number of such calls that pass first.
    :param times: the number of calls that it affects.
    """

    call: str
    kind: str
    skip: int = 0
    times: int = 1


@dataclass(frozen=True)
class Crash:
    """Death of the process before or after its n-th call to Polytomic or the store."""

    call: int
    after: bool


@dataclass(frozen=True)
class Try:
    """One try of the task, and the seconds that Airflow waits afterwards.

    :param polytomic: faults of the emulator, as strings.
    """

    polytomic: tuple[str, ...] = ()
    store: tuple[StoreFault, ...] = ()
    crash: Crash | None = None
    wait: int = 300


@dataclass(frozen=True)
class Script:
    """Initial state, tries and faults.

    :param start: the content of the destination: nothing, a key of one or eight days ago, a revoked key; or nothing,
        although the user has a key.
    :param existing_key: the emulator's result of a request without ``force`` if the user has a key.
    :param replay_values: whether Polytomic repeats the key under an Idempotency-Key.
    :param revocation_delay: seconds for which revoked keys still work.
    """

    mode: Mode
    start: Start
    tries: tuple[Try, ...]
    existing_key: Any = "second_key"
    replay_values: bool = True
    revocation_delay: float = 0.0

    @property
    def has_hand(self) -> bool:
        """Whether a person changes the destination during the script."""
        return any(fault.kind.startswith("hand") for each in self.tries for fault in each.store)

    def has(self, *words: str) -> bool:
        """Whether a fault of Polytomic contains all of these words."""
        return any(all(word in fault for word in words) for each in self.tries for fault in each.polytomic)

    @property
    def forgets(self) -> bool:
        """Whether Polytomic no longer returns a key that it has created, so that a lost key stays lost and live."""
        return not self.replay_values or self.has("forget") or any(each.wait >= _DAY for each in self.tries)

    @property
    def may_leave_orphans(self) -> bool:
        """Whether, without ``force``, a live key can be left that is stored nowhere."""
        # Two equal errors 500 of Polytomic mean that the Idempotency-Key is used up.
        return self.mode == "create" and (
            self.start in {"not stored", "old", "revoked"} or self.forgets or self.has("status:500 ")
        )


def _fault(endpoint: str, kinds: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    counts = st.tuples(st.integers(1, 4), st.integers(0, 2))
    return st.builds(
        lambda kind, often: f"{kind} endpoint={endpoint} times={often[0]}" + (f" skip={often[1]}" if often[1] else ""),
        kinds,
        counts,
    )


def _anywhere() -> list[str]:
    """Return the faults of any request: lost ones, and responses of proxies, before and after the effect."""
    lost = ["drop", "drop when=after", "truncated", "huge:1.1", "delay:1", "delay:70", "delay:70 when=after"]
    pages = [f"not_json:{status}{when}" for status in (200, 403, 502) for when in ("", " when=after")]
    proxies = [
        f"status:{status} body='{_PROXY}'{when}"
        for status in (400, 401, 403, 404, 407, 408, 500, 502, 503, 504)
        for when in ("", " when=after")
    ]
    busy = ["status:429", "status:429 retry_after=2", "status:429 retry_after=30", "status:503", "status:504"]
    away = ["status:302 location=https://elsewhere.example/login"]
    return [*lost, *pages, *proxies, *busy, *away]


# Errors of Polytomic itself, so without effect. For a key that works, it never returns 401 or 403.
_POST = [
    *_anywhere(),
    *(f"status:{status}" for status in (400, 401, 403, 404, 409, 422, 500)),
    *("recorded_500", "late:5", "late:120", "late:600"),
]
_ME = [*_anywhere(), "status:404", "status:500"]

_KINDS = {
    "read": ["denied", "unavailable"],
    "read_record": ["denied", "unavailable"],
    "check_write": ["denied", "unavailable"],
    "write_record": ["denied", "unavailable", "unavailable after"],
    "write": ["denied", "unavailable", "unavailable after", "conflict"],
    "read_back": ["denied", "unavailable", "stale"],
}
_HANDS = [f"hand: {what}" for what in ("garbage", "foreign", "removed", "restored", "another")]

_STORE_CALLS = [(call, kind) for call, kinds in _KINDS.items() for kind in kinds]
_STORE = st.builds(
    lambda where, skip, times: StoreFault(where[0], where[1], skip, times),
    st.sampled_from(_STORE_CALLS),
    st.integers(0, 3),
    st.integers(1, 6),
)
_HAND = st.builds(
    StoreFault, st.sampled_from(["read", "write", "read_back"]), st.sampled_from(_HANDS), st.integers(0, 3)
)


def _is_consistent(script: Script) -> bool:
    """Whether Polytomic behaves as documented: it returns 409 while an Idempotency-Key is in flight.

    Two equal errors 500 of its own mean that an outcome is recorded, so there cannot be a late effect afterwards.
    """
    return not (script.has("late") and script.has("status:500 "))


def hurried(script: Script) -> Script:
    """Return the script with responses that take milliseconds, for real HTTP."""
    return replace(
        script,
        tries=tuple(
            replace(each, polytomic=tuple(re.sub(r"delay:\d+", "delay:0.01", fault) for fault in each.polytomic))
            for each in script.tries
        ),
    )


def _is_known(script: Script) -> bool:
    """Whether the script leads to the known limit, ``A_LIMIT`` of the tests."""
    return script.mode == "rotate" and script.revocation_delay > 0 and (script.forgets or script.has_hand)


def scripts(mode: Mode, *, most_tries: int = 4) -> st.SearchStrategy[Script]:
    """Return the scripts of a mode."""
    polytomic = st.one_of(
        _fault("create_api_key", st.sampled_from(_POST)),
        _fault("create_api_key", st.sampled_from(_POST)),
        _fault("get_identity", st.sampled_from(_ME)),
        *([] if mode == "create" else [st.just("forget endpoint=create_api_key")]),
    )
    tries = st.builds(
        Try,
        st.lists(polytomic, max_size=3).map(tuple),
        st.lists(st.one_of(_STORE, _STORE, _STORE, _STORE, _STORE, _HAND), max_size=2).map(tuple),
        st.none() | st.builds(Crash, st.integers(1, 16), st.booleans()),
        st.sampled_from([1, 300, 300, 1200, 90_000]),
    )
    return st.builds(
        Script,
        st.just(mode),
        st.sampled_from(["nothing", "fresh", "old", "old", "revoked", "not stored"]),
        st.lists(tries, min_size=1, max_size=most_tries).map(tuple),
        st.sampled_from(["second_key", 409, 422]) if mode == "create" else st.just("second_key"),
        st.sampled_from([True, True, True, False]),
        st.sampled_from([0.0, 0.0, 3.0]),
    ).filter(lambda script: _is_consistent(script) and not _is_known(script))
