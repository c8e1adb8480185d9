"""Who lets processes race? Whoever holds the other ends of their sockets: it orders, lets them meet and hears the ends.

Each racer is a process that lives for many rounds, as a worker does, but opens the store anew in each, as a try does.
"""

from __future__ import annotations

import json
import select
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.crash.job import Race

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.crash.job import Job
    from tests.crash.scenario import World

__all__ = ["Racer", "race", "racing"]

_MOST_SECONDS = 120.0


class Racer:
    """One process that races."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    def fileno(self) -> int:
        return self._connection.fileno()

    def say(self, said: dict[str, Any]) -> None:
        """Tell it something."""
        self._connection.sendall(json.dumps(said).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        """Wait for what it says."""
        line = self._lines.readline()
        assert line, "a racer has hung up"
        said: dict[str, Any] = json.loads(line)
        return said

    def hang_up(self) -> None:
        self._lines.close()
        self._connection.close()


@contextmanager
def racing(world: World, like: Job, number: int = 2) -> Iterator[list[Racer]]:
    """Start so many racers.

    :param like: a job that has the environment that they are to have.
    """
    zygote, address = world.zygote, world.folder / "race.sock"
    racers: list[Racer] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.settimeout(_MOST_SECONDS)
        listening.bind(str(address))
        listening.listen(number)
        job = Race(str(address), like.environ, in_a_task=like.in_a_task)
        pids = [zygote.start(job) for _ in range(number)]
        try:
            racers.extend(Racer(listening.accept()[0]) for _ in range(number))
            yield racers
        finally:
            for racer in racers:
                racer.hang_up()
            address.unlink()
            ends = [zygote.wait(pid) for pid in pids]
        assert [(end.state, end.code) for end in ends] == [("exited", 0)] * number, f"{ends}\n{zygote.said()}"


def race(racers: list[Racer], orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each its order at once, let go those who have come to where they meet, and return what each says in the end.

    One that ends without having come there is not waited for.
    """
    for racer, order in zip(racers, orders, strict=True):
        racer.say(order)
    ends: dict[Racer, dict[str, Any]] = {}
    waiting: set[Racer] = set()
    expected = {racer for racer, order in zip(racers, orders, strict=True) if order.get("meet")}
    while len(ends) < len(racers):
        heard, _, _ = select.select(list(set(racers) - set(ends)), [], [], _MOST_SECONDS)
        assert heard, "a racer says nothing more"
        for racer in heard:
            said = racer.hear()
            if "met" in said:
                waiting.add(racer)
            else:
                ends[racer] = said
        if waiting and expected <= waiting | set(ends):
            for racer in waiting:
                racer.say({})
            expected -= waiting
            waiting.clear()
    return [ends[racer] for racer in racers]
