"""What can happen between two calls of an issuer? Polytomic, a store and their faults as one immutable value.

The rules are the vendor's guides and what we fear (lost answers, POSTs applied late, recorded 500s, forgotten
outcomes, failing writes, a meddling human). :func:`answers` gives every answer that a call may get, with the world
that follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Call = tuple[Any, ...]
Answer = tuple[Any, ...]

ABSENT = 0
GARBAGE = -1
PENDING: Answer = ("pending",)  # no answer yet: the call goes on


class World(NamedTuple):
    live: frozenset[int]  # keys that answer GET /api/me, numbered from 1
    minted: int
    outcomes: frozenset[tuple[str, object]]  # (idempotency key, key | "500" | "refused")
    in_flight: frozenset[tuple[str, bool]]  # (idempotency key, force) of POSTs that may still be applied
    stored: int
    version: int
    previous: int  # what was stored before: what a human may restore
    record: tuple[tuple[str, str], ...] | None
    left: tuple[tuple[str, int], ...]  # how often each fault may still strike

    def may(self, fault: str) -> bool:
        return dict(self.left).get(fault, 0) > 0

    def spend(self, fault: str) -> World:
        return self._replace(left=tuple((name, left - (name == fault)) for name, left in self.left))

    def store(self, key: int) -> World:
        return self._replace(stored=key, version=self.version + 1, previous=self.stored)


class Setup(NamedTuple):
    compare_and_set: bool = True
    refuses: bool = False  # an unforced POST for a user who has a key: refused, else a second key
    most: int = 8  # keys that the search allows


def apply_post(world: World, name: str, force: bool, setup: Setup) -> World | None:
    """The POST takes effect: its outcome is recorded under the idempotency key, once."""
    if not force and setup.refuses and world.live:
        return world._replace(outcomes=world.outcomes | {(name, "refused")})
    if world.minted >= setup.most:
        return None
    key = world.minted + 1
    live = frozenset({key}) if force else world.live | {key}
    return world._replace(live=live, minted=key, outcomes=world.outcomes | {(name, key)})


def answers(world: World, call: Call, setup: Setup) -> Iterator[tuple[World, Answer]]:
    """Every (world, answer) that this call can lead to."""
    match call:
        case ("read",):
            yield world, ("held", world.stored, world.version)
        case ("read_record",):
            yield world, ("record", world.record)
        case ("check_write",):
            yield world, ("ok",)
        case ("read_back",):
            yield world, ("key", world.stored)
        case ("write_record", record):
            yield world._replace(record=record), ("ok",)
            if world.may("record"):
                yield world.spend("record"), ("raise", "unavailable")
                yield world.spend("record")._replace(record=record), ("raise", "unavailable")
        case ("write", key, version):
            if setup.compare_and_set and version != world.version:
                yield world, ("raise", "conflict")
            else:
                after = world.store(key)
                yield after, ("version", after.version)
                if world.may("store"):
                    yield world.spend("store"), ("raise", "unavailable")
                    yield after.spend("store"), ("raise", "unavailable")
        case ("me", key):
            yield world, ("identity",) if key in world.live else ("raise", "unauthorized")
            if world.may("me_5xx"):
                yield world.spend("me_5xx"), ("raise", "no answer")
        case ("post", name, force):
            yield from _post(world, name, force, setup)
        case _:
            raise AssertionError(call)


def _post(world: World, name: str, force: bool, setup: Setup) -> Iterator[tuple[World, Answer]]:
    if world.may("refusal"):  # by the check of credentials, say, before the idempotency key is looked at
        sent = name in dict(world.outcomes) or (name, force) in world.in_flight
        yield world.spend("refusal"), ("raise", "refused after all" if sent else "refused")
    recorded = dict(world.outcomes).get(name)
    if recorded is not None:
        yield world, ("key", recorded) if isinstance(recorded, int) else ("raise", recorded)
        if world.may("no_value"):
            yield world.spend("no_value"), ("raise", "no value")
    elif (name, force) in world.in_flight:
        yield world, ("raise", "no answer")
    else:
        if world.may("error"):
            yield world.spend("error")._replace(outcomes=world.outcomes | {(name, "500")}), PENDING
        if world.may("gateway"):
            yield world.spend("gateway")._replace(in_flight=world.in_flight | {(name, force)}), PENDING
        after = apply_post(world, name, force, setup)
        if after is None:
            yield world, ("raise", "no answer")
        else:
            yield after, PENDING  # the answer may come later than the effect, or be lost and asked for again
            if world.may("proxy"):  # a page of its own, whatever became of the request behind it
                yield world.spend("proxy"), ("raise", "page")
                yield after.spend("proxy"), ("raise", "page")
                late = world.spend("proxy")
                yield late._replace(in_flight=late.in_flight | {(name, force)}), ("raise", "page")
            if world.may("lost"):
                yield after.spend("lost"), ("raise", "no answer")


def meddle(world: World, setup: Setup) -> Iterator[World]:
    """What happens without any issuer."""
    if world.may("forget"):
        for outcome in world.outcomes:
            yield world.spend("forget")._replace(outcomes=world.outcomes - {outcome})
    for name, force in world.in_flight:
        rest = world._replace(in_flight=world.in_flight - {(name, force)})
        yield rest  # it was never applied
        if name not in dict(world.outcomes) and (after := apply_post(rest, name, force, setup)):
            yield after
    if world.may("human"):
        for value in {GARBAGE, ABSENT, world.previous} - {world.stored}:
            yield world.spend("human").store(value)
