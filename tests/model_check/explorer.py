"""Which worlds can a few issuers reach together? Every order of their calls, and of the faults that strike them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance import issue
from tests.model_check.initial_states import holding
from tests.model_check.simulation import PENDING, Setup, World, answers, meddle

from .replay import Ended, Role, key_of
from .states import states_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Explorer", "Node", "Result"]

# A world and the states of the issuers, as numbers; these in their order, since who is who does not matter.
Node = tuple[int, ...]


@dataclass
class Result:
    worlds: int = 0
    ends: int = 0
    minted: set[int] = field(default_factory=set)  # how many keys, at the ends
    failed: int = 0  # ends at which an issuer failed
    refused: int = 0  # ends at which an issuer said that somebody must decide
    silent: Node | None = None  # an end without a failure whose destination holds a dead key: never allowed
    loud: int = 0  # the same where an issuer failed, and so is tried again
    revoked: Node | None = None  # where the stored key, which was live a moment ago, is not
    amiss: tuple[str, Node] | None = None  # an end that is not as the scenario says
    cut_off: bool = False

    @property
    def most_minted(self) -> int:
        return max(self.minted, default=0)

    @property
    def least_minted(self) -> int:
        return min(self.minted, default=0)


class Explorer:
    """Explores one scenario.

    :param roles: who issues, side by side.
    :param start: what is there before; or 1 if that is a live key with its record, older than every run, else 0.
    :param issuer: what is explored: ``issue()``, or something worse, to see that the search finds it out.
    :param faults: how often each fault of :mod:`.world` may strike; besides those, ``crash`` (it begins again),
        ``death`` (it does not) and ``retry`` of one that failed.
    :param end: says what is amiss at an end, if anything is.
    :param most_worlds: where the search is cut off.
    """

    def __init__(
        self,
        roles: tuple[Role, ...],
        setup: Setup,
        *,
        start: World | int = 0,
        issuer: Callable[..., object] = issue,
        most_worlds: int = 1_000_000,
        faults: Mapping[str, int] = MappingProxyType({}),
        end: Callable[[World, list[Ended]], str] = lambda _world, _ended: "",
    ) -> None:
        self.roles = roles
        self.setup = setup
        self.before = holding(start) if isinstance(start, int) else start
        self.issuer = issuer
        self.most_worlds = most_worlds
        self.faults = dict(faults)
        self.end = end
        self._states = states_of(issuer)
        self._worlds: list[World] = []
        self._numbers: dict[World, int] = {}
        self._meddled: dict[int, list[int]] = {}
        self._steps: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self.came_from: dict[Node, Node | None] = {}

    def explore(self) -> Result:
        world = self._number(self.before._replace(left=tuple(sorted(self.faults.items()))))
        start = (world, *sorted(self._states.first(role) for role in self.roles))
        self.came_from = {start: None}
        queue = deque([start])
        result = Result()
        while queue and len(self.came_from) < self.most_worlds:
            node = queue.popleft()
            self._judge(result, node)
            for after in self._successors(node):
                if after not in self.came_from:
                    self.came_from[after] = node
                    queue.append(after)
                    if result.revoked is None and self.world(node).works and not self.world(after).works:
                        result.revoked = after
        result.worlds = len(self.came_from)
        result.cut_off = bool(queue)
        return result

    def world(self, node: Node) -> World:
        return self._worlds[node[0]]

    def _number(self, world: World) -> int:
        number = self._numbers.setdefault(world, len(self._worlds))
        if number == len(self._worlds):
            self._worlds.append(world)
        return number

    def _judge(self, result: Result, node: Node) -> None:
        """Count the node if it is an end."""
        world = self.world(node)
        ended = [each for state in node[1:] if isinstance(each := self._states.next(state), Ended)]
        if world.in_flight or len(ended) < len(self.roles):
            return
        kinds = {each.state for each in ended}
        if "failed" in kinds and world.may("retry"):
            return
        result.ends += 1
        result.failed += "failed" in kinds
        result.refused += "refused" in kinds
        result.minted.add(len(world.keys) - len(self.before.keys))
        if "done" in kinds and not world.works and not self.faults.get("human"):
            if kinds == {"done"}:
                result.silent = result.silent or node
            else:
                result.loud += 1
        if result.amiss is None and (said := self.end(world, ended)):
            result.amiss = said, node

    def _check_overwrite(self, world: World, state: int) -> None:
        """Check that a store that compares and sets never loses a working key that somebody else put there (rule 5)."""
        if not self.setup.compare_and_set or not world.works:
            return
        before = self._states.opened(state)["previous_fingerprint"]
        assert key_of(world.stored).fingerprint == before, "a working key was overwritten"

    def _successors(self, node: Node) -> Iterator[Node]:
        world, *states = node
        if world not in self._meddled:
            self._meddled[world] = [self._number(after) for after in meddle(self._worlds[world], self.setup)]
        for after in self._meddled[world]:
            yield after, *states
        for at, state in enumerate(states):
            others = states[:at] + states[at + 1 :]
            if (world, state) not in self._steps:
                self._steps[world, state] = [
                    (self._number(after), next_) for after, next_ in self._step(self._worlds[world], state)
                ]
            for after, next_ in self._steps[world, state]:
                yield after, *sorted((*others, next_))

    def _step(self, world: World, state: int) -> Iterator[tuple[World, int]]:
        """Yield what can become of a world and of an issuer when it is its turn."""
        call, first = self._states.next(state), self._states.first(self._states.role(state))
        if isinstance(call, Ended):
            if call.state == "failed" and world.may("retry"):
                yield world.spend("retry"), first
            return
        for after, answer in answers(world, call, self.setup):
            if call[0] == "write" and answer[0] == "version" and self.issuer is issue:
                self._check_overwrite(world, state)
            yield after, state if answer == PENDING else self._states.after(state, answer)
        if state != first:
            if world.may("crash"):
                yield world.spend("crash"), first
            if world.may("death"):
                yield world.spend("death"), self._states.dead(state)

    def story(self, node: Node | None) -> str:
        """Tell how a node came about, a line a step: what a failing test prints."""
        lines: list[str] = []
        while node is not None:
            world = self.world(node)
            last = " | ".join(self._states.last(state) for state in node[1:])
            lines.append(f"live={set(world.live)} stored={world.stored} in_flight={len(world.in_flight)} :: {last}")
            node = self.came_from[node]
        return "\n".join(reversed(lines))
