"""Simulation of Polytomic, a store and their faults as one immutable state of the system.

The rules are those of Polytomic's guides and the expected faults (lost responses, POSTs that take effect late, recorded
500s, forgotten outcomes, failing writes, a human who edits the store). :func:`answers` yields every answer that a call
may get, with the state that follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Call = tuple[Any, ...]
Answer = tuple[Any, ...]

ABSENT = 0
GARBAGE = -1
PENDING: Answer = ("pending",)  # no answer yet: the call continues


class Key(NamedTuple):
    user: int
    run: float  # of the issuer whose POST made it


class Post(NamedTuple):
    name: str  # its idempotency key
    force: bool
    user: int
    run: float  # of the issuer that sent it


class SystemState(NamedTuple):
    live: frozenset[int]  # keys that answer GET /api/me, by number
    keys: tuple[Key, ...]  # all that were ever made, numbered from 1
    outcomes: frozenset[tuple[str, object]]  # (idempotency key, key | "500" | "refused")
    in_flight: frozenset[Post]  # that may still be applied
    stored: int
    version: int
    previous: int  # what was stored before: what a human may restore
    record: tuple[tuple[str, str], ...] | None
    left: tuple[tuple[str, int], ...]  # how often each fault may still occur

    @property
    def works(self) -> bool:
        """Whether the stored key is live."""
        return self.stored in self.live

    def may(self, fault: str) -> bool:
        return any(name == fault and left > 0 for name, left in self.left)

    def spend(self, fault: str) -> SystemState:
        return self._replace(left=tuple((name, left - (name == fault)) for name, left in self.left))

    def store(self, key: int) -> SystemState:
        return self._replace(stored=key, version=self.version + 1, previous=self.stored)


class Setup(NamedTuple):
    compare_and_set: bool = True
    refuses: bool = False  # an unforced POST for a user who has a key: refused, else a second key
    most: int = 8  # keys that the search allows
    is_recognised: bool = False  # the stored value identifies itself as a key of the issuing server


def apply_post(system: SystemState, post: Post, setup: Setup) -> SystemState | None:
    """Return the state after the POST takes effect: its outcome is recorded under the idempotency key, once."""
    theirs = {number for number in system.live if system.keys[number - 1].user == post.user}
    if not post.force and setup.refuses and theirs:
        return system._replace(outcomes=system.outcomes | {(post.name, "refused")})
    if len(system.keys) >= setup.most:
        return None
    keys = (*system.keys, Key(post.user, post.run))
    live = (system.live - theirs if post.force else system.live) | {len(keys)}
    return system._replace(live=live, keys=keys, outcomes=system.outcomes | {(post.name, len(keys))})


def answers(system: SystemState, call: Call, setup: Setup) -> Iterator[tuple[SystemState, Answer]]:
    """Yield every state and answer that this call can lead to."""
    match call:
        case ("read",):
            yield system, ("stored", system.stored, system.version, setup.is_recognised)
        case ("read_record",):
            yield system, ("record", system.record)
        case ("check_write",):
            yield system, ("ok",)
        case ("read_back",):
            yield system, ("key", system.stored)
        case ("write_record", record):
            yield system._replace(record=record), ("ok",)
            if system.may("record"):
                yield system.spend("record"), ("raise", "unavailable")
                yield system.spend("record")._replace(record=record), ("raise", "unavailable")
        case ("write", key, version):
            if setup.compare_and_set and version != system.version:
                yield system, ("raise", "conflict")
            else:
                after = system.store(key)
                yield after, ("version", after.version)
                if system.may("store"):
                    yield system.spend("store"), ("raise", "unavailable")
                    yield after.spend("store"), ("raise", "unavailable")
        case ("me", key):
            alive = key in system.live
            yield system, ("identity", system.keys[key - 1].user) if alive else ("raise", "unauthorized")
            if system.may("me_5xx"):
                yield system.spend("me_5xx"), ("raise", "no answer")
        case ("post", *post):
            yield from _post(system, Post(*post), setup)
        case _:
            raise AssertionError(call)


def _post(system: SystemState, post: Post, setup: Setup) -> Iterator[tuple[SystemState, Answer]]:
    waits = any(post.name == each.name for each in system.in_flight)
    recorded = dict(system.outcomes).get(post.name)
    if system.may("refusal"):  # by the check of credentials, say, before the idempotency key is looked at
        sent = recorded is not None or waits
        yield system.spend("refusal"), ("raise", "refused after all" if sent else "refused")
    if recorded is not None:
        yield system, ("key", recorded) if isinstance(recorded, int) else ("raise", recorded)
        if system.may("no_value"):
            yield system.spend("no_value"), ("raise", "no value")
    elif waits:
        yield system, ("raise", "no answer")
    else:
        if system.may("error"):
            yield system.spend("error")._replace(outcomes=system.outcomes | {(post.name, "500")}), PENDING
        if system.may("gateway"):
            yield system.spend("gateway")._replace(in_flight=system.in_flight | {post}), PENDING
        after = apply_post(system, post, setup)
        if after is None:
            yield system, ("raise", "no answer")
        else:
            yield after, PENDING  # the answer may come later than the effect, or be lost and asked for again
            if system.may("proxy"):  # a page of its own, whatever happened to the request
                yield system.spend("proxy"), ("raise", "page")
                yield after.spend("proxy"), ("raise", "page")
                yield system.spend("proxy")._replace(in_flight=system.in_flight | {post}), ("raise", "page")
            if system.may("lost"):
                yield after.spend("lost"), ("raise", "no answer")


def meddle(system: SystemState, setup: Setup) -> Iterator[SystemState]:
    """Yield every state that can follow without an issuer."""
    if system.may("forget"):
        for outcome in system.outcomes:
            yield system.spend("forget")._replace(outcomes=system.outcomes - {outcome})
    for post in system.in_flight:
        rest = system._replace(in_flight=system.in_flight - {post})
        yield rest  # it was never applied
        if post.name not in dict(system.outcomes) and (after := apply_post(rest, post, setup)):
            yield after
    if system.may("human"):
        for value in {GARBAGE, ABSENT, system.previous} - {system.stored}:
            yield system.spend("human").store(value)
