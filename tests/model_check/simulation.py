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


class Key(NamedTuple):
    user: int
    run: float  # of the issuer whose POST made it


class Post(NamedTuple):
    name: str  # its idempotency key
    force: bool
    user: int
    run: float  # of the issuer that sent it


class World(NamedTuple):
    live: frozenset[int]  # keys that answer GET /api/me, by number
    keys: tuple[Key, ...]  # all that were ever made, numbered from 1
    outcomes: frozenset[tuple[str, object]]  # (idempotency key, key | "500" | "refused")
    in_flight: frozenset[Post]  # that may still be applied
    stored: int
    version: int
    previous: int  # what was stored before: what a human may restore
    record: tuple[tuple[str, str], ...] | None
    left: tuple[tuple[str, int], ...]  # how often each fault may still strike

    @property
    def works(self) -> bool:
        """Whether the stored key is live."""
        return self.stored in self.live

    def may(self, fault: str) -> bool:
        return any(name == fault and left > 0 for name, left in self.left)

    def spend(self, fault: str) -> World:
        return self._replace(left=tuple((name, left - (name == fault)) for name, left in self.left))

    def store(self, key: int) -> World:
        return self._replace(stored=key, version=self.version + 1, previous=self.stored)


class Setup(NamedTuple):
    compare_and_set: bool = True
    refuses: bool = False  # an unforced POST for a user who has a key: refused, else a second key
    most: int = 8  # keys that the search allows
    is_recognised: bool = False  # what is stored says of itself that it is a key of the issuing server


def apply_post(world: World, post: Post, setup: Setup) -> World | None:
    """The POST takes effect: its outcome is recorded under the idempotency key, once."""
    theirs = {number for number in world.live if world.keys[number - 1].user == post.user}
    if not post.force and setup.refuses and theirs:
        return world._replace(outcomes=world.outcomes | {(post.name, "refused")})
    if len(world.keys) >= setup.most:
        return None
    keys = (*world.keys, Key(post.user, post.run))
    live = (world.live - theirs if post.force else world.live) | {len(keys)}
    return world._replace(live=live, keys=keys, outcomes=world.outcomes | {(post.name, len(keys))})


def answers(world: World, call: Call, setup: Setup) -> Iterator[tuple[World, Answer]]:
    """Every (world, answer) that this call can lead to."""
    match call:
        case ("read",):
            yield world, ("held", world.stored, world.version, setup.is_recognised)
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
            alive = key in world.live
            yield world, ("identity", world.keys[key - 1].user) if alive else ("raise", "unauthorized")
            if world.may("me_5xx"):
                yield world.spend("me_5xx"), ("raise", "no answer")
        case ("post", *post):
            yield from _post(world, Post(*post), setup)
        case _:
            raise AssertionError(call)


def _post(world: World, post: Post, setup: Setup) -> Iterator[tuple[World, Answer]]:
    waits = any(post.name == each.name for each in world.in_flight)
    recorded = dict(world.outcomes).get(post.name)
    if world.may("refusal"):  # by the check of credentials, say, before the idempotency key is looked at
        sent = recorded is not None or waits
        yield world.spend("refusal"), ("raise", "refused after all" if sent else "refused")
    if recorded is not None:
        yield world, ("key", recorded) if isinstance(recorded, int) else ("raise", recorded)
        if world.may("no_value"):
            yield world.spend("no_value"), ("raise", "no value")
    elif waits:
        yield world, ("raise", "no answer")
    else:
        if world.may("error"):
            yield world.spend("error")._replace(outcomes=world.outcomes | {(post.name, "500")}), PENDING
        if world.may("gateway"):
            yield world.spend("gateway")._replace(in_flight=world.in_flight | {post}), PENDING
        after = apply_post(world, post, setup)
        if after is None:
            yield world, ("raise", "no answer")
        else:
            yield after, PENDING  # the answer may come later than the effect, or be lost and asked for again
            if world.may("proxy"):  # a page of its own, whatever became of the request behind it
                yield world.spend("proxy"), ("raise", "page")
                yield after.spend("proxy"), ("raise", "page")
                yield world.spend("proxy")._replace(in_flight=world.in_flight | {post}), ("raise", "page")
            if world.may("lost"):
                yield after.spend("lost"), ("raise", "no answer")


def meddle(world: World, setup: Setup) -> Iterator[World]:
    """What happens without any issuer."""
    if world.may("forget"):
        for outcome in world.outcomes:
            yield world.spend("forget")._replace(outcomes=world.outcomes - {outcome})
    for post in world.in_flight:
        rest = world._replace(in_flight=world.in_flight - {post})
        yield rest  # it was never applied
        if post.name not in dict(world.outcomes) and (after := apply_post(rest, post, setup)):
            yield after
    if world.may("human"):
        for value in {GARBAGE, ABSENT, world.previous} - {world.stored}:
            yield world.spend("human").store(value)
