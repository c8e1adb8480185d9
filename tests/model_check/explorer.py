"""Explorer of all states that a few issuers can reach: every order of their calls and of the faults."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance import issue
from tests.model_check.initial_states import holding
from tests.model_check.simulation import PENDING, Setup, SystemState, answers, meddle

from .replay import Ended, Role, key_of
from .states import states_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Explorer", "Node", "Result"]

# A state of the system and those of the issuers, as numbers; these sorted, since the issuers are alike.
Node = tuple[int, ...]


@dataclass
class Result:
    systems: int = 0
    ends: int = 0
    minted: set[int] = field(default_factory=set)  # how many keys, at the ends
    failed: int = 0  # ends at which an issuer failed
    refused: int = 0  # ends at which an issuer said that the user must decide
    silent: Node | None = None  # an end without a failure whose destination holds a revoked key: never allowed
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
    :param faults: how often each fault of :mod:`.simulation` may occur; besides those, ``crash`` (it begins again),
        ``death`` (it does not) and ``retry`` of one that failed.
    :param end: says what is amiss at an end, if anything is.
    :param max_systems: where the search is cut off.
    """

    def __init__(
        self,
        roles: tuple[Role, ...],
        setup: Setup,
        *,
        start: SystemState | int = 0,
        issuer: Callable[..., object] = issue,
        max_systems: int = 1_000_000,
        faults: Mapping[str, int] = MappingProxyType({}),
        end: Callable[[SystemState, list[Ended]], str] = lambda _system, _ended: "",
    ) -> None:
        self.roles = roles
        self.setup = setup
        self.before = holding(start) if isinstance(start, int) else start
        self.issuer = issuer
        self.max_systems = max_systems
        self.faults = dict(faults)
        self.end = end
        self._states = states_of(issuer)
        self._systems: list[SystemState] = []
        self._numbers: dict[SystemState, int] = {}
        self._meddled: dict[int, list[int]] = {}
        self._steps: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self.came_from: dict[Node, Node | None] = {}

    def explore(self) -> Result:
        system = self._number(self.before._replace(left=tuple(sorted(self.faults.items()))))
        start = (system, *sorted(self._states.first(role) for role in self.roles))
        self.came_from = {start: None}
        queue = deque([start])
        result = Result()
        while queue and len(self.came_from) < self.max_systems:
            node = queue.popleft()
            self._judge(result, node)
            for after in self._successors(node):
                if after not in self.came_from:
                    self.came_from[after] = node
                    queue.append(after)
                    if result.revoked is None and self.system(node).works and not self.system(after).works:
                        result.revoked = after
        result.systems = len(self.came_from)
        result.cut_off = bool(queue)
        return result

    def system(self, node: Node) -> SystemState:
        return self._systems[node[0]]

    def _number(self, system: SystemState) -> int:
        number = self._numbers.setdefault(system, len(self._systems))
        if number == len(self._systems):
            self._systems.append(system)
        return number

    def _judge(self, result: Result, node: Node) -> None:
        """Count the node if it is an end."""
        system = self.system(node)
        ended = [each for state in node[1:] if isinstance(each := self._states.next(state), Ended)]
        if system.in_flight or len(ended) < len(self.roles):
            return
        kinds = {each.state for each in ended}
        if "failed" in kinds and system.may("retry"):
            return
        result.ends += 1
        result.failed += "failed" in kinds
        result.refused += "refused" in kinds
        result.minted.add(len(system.keys) - len(self.before.keys))
        if "done" in kinds and not system.works and not self.faults.get("human"):
            if kinds == {"done"}:
                result.silent = result.silent or node
            else:
                result.loud += 1
        if result.amiss is None and (said := self.end(system, ended)):
            result.amiss = said, node

    def _check_overwrite(self, system: SystemState, state: int) -> None:
        """Check that a store that compares and sets never loses a working key that another process stored (rule 5)."""
        if not self.setup.compare_and_set or not system.works:
            return
        before = self._states.opened(state)["previous_fingerprint"]
        assert key_of(system.stored).fingerprint == before, "a working key was overwritten"

    def _successors(self, node: Node) -> Iterator[Node]:
        system, *states = node
        if system not in self._meddled:
            self._meddled[system] = [self._number(after) for after in meddle(self._systems[system], self.setup)]
        for after in self._meddled[system]:
            yield after, *states
        for at, state in enumerate(states):
            others = states[:at] + states[at + 1 :]
            if (system, state) not in self._steps:
                self._steps[system, state] = [
                    (self._number(after), next_) for after, next_ in self._step(self._systems[system], state)
                ]
            for after, next_ in self._steps[system, state]:
                yield after, *sorted((*others, next_))

    def _step(self, system: SystemState, state: int) -> Iterator[tuple[SystemState, int]]:
        """Yield each pair of states that can follow when it is the issuer's turn."""
        call, first = self._states.next(state), self._states.first(self._states.role(state))
        if isinstance(call, Ended):
            if call.state == "failed" and system.may("retry"):
                yield system.spend("retry"), first
            return
        for after, answer in answers(system, call, self.setup):
            if call[0] == "write" and answer[0] == "version" and self.issuer is issue:
                self._check_overwrite(system, state)
            yield after, state if answer == PENDING else self._states.after(state, answer)
        if state != first:
            if system.may("crash"):
                yield system.spend("crash"), first
            if system.may("death"):
                yield system.spend("death"), self._states.dead(state)

    def story(self, node: Node | None) -> str:
        """Return how a node came about, a line a step: what a failing test prints."""
        lines: list[str] = []
        while node is not None:
            system = self.system(node)
            last = " | ".join(self._states.last(state) for state in node[1:])
            lines.append(f"live={set(system.live)} stored={system.stored} in_flight={len(system.in_flight)} :: {last}")
            node = self.came_from[node]
        return "\n".join(reversed(lines))
