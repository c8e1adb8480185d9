"""Control of racing processes over their sockets: send orders, line the processes up, and read the results.

Each racer is a process for many rounds, like a worker, but opens the store again in each, like a try.
"""

from __future__ import annotations

import select
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.crash.racer import Channel, Race

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.crash.environment import Customer

__all__ = ["race", "racing"]

_MAX_SECONDS = 300.0


@contextmanager
def racing(customer: Customer) -> Iterator[list[Channel]]:
    """Start two racers in the environment of a customer."""
    fork_server, address = customer.environment.fork_server, customer.environment.folder / "race.sock"
    racers: list[Channel] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.settimeout(_MAX_SECONDS)
        listening.bind(str(address))
        listening.listen(2)
        like = customer.job(runs=(), renew=True)
        pids = [
            fork_server.start(Race(address=str(address), environ=like.environ, in_a_task=like.in_a_task))
            for _ in range(2)
        ]
        try:
            racers.extend(Channel(listening.accept()[0]) for _ in pids)
            yield racers
        finally:
            for racer in racers:
                racer.hang_up()
            address.unlink()
            ends = [fork_server.wait(pid) for pid in pids]
        assert [(end.state, end.code) for end in ends] == [("exited", 0)] * 2, f"{ends}\n{fork_server.said()}"


def race(racers: list[Channel], orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Send each racer its order, resume those that have reached their meeting point, and return the results.

    A racer that finishes without reaching its point does not block the others.
    """
    for racer, order in zip(racers, orders, strict=True):
        racer.say(**order)
    ends: dict[Channel, dict[str, Any]] = {}
    waiting: set[Channel] = set()
    expected = {racer for racer, order in zip(racers, orders, strict=True) if order["meet"]}
    while len(ends) < len(racers):
        heard, _, _ = select.select(list(set(racers) - set(ends)), [], [], _MAX_SECONDS)
        assert heard, "a racer says nothing more"
        for racer in heard:
            said = racer.hear()
            assert said, "a racer has hung up"
            if "met" in said:
                waiting.add(racer)
            else:
                ends[racer] = said
        if waiting and expected <= waiting | set(ends):
            for racer in waiting:
                racer.say()
            expected -= waiting
            waiting.clear()
    return [ends[racer] for racer in racers]
