"""Which worlds can a few issuers reach together? Every order of their calls, and of the faults that strike them."""

from __future__ import annotations

from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_polytomic.issuing import issue
from airflow_provider_polytomic.records import Record

from .replay import TARGET, Ended, Role, key_of, next_of
from .world import PENDING, Answer, Call, Setup, World, answers, meddle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

History = tuple[tuple[Call, Answer], ...]
Node = tuple[World, tuple[History, ...]]


class Result(NamedTuple):
    worlds: int
    ends: int
    most_minted: int
    least_minted: int
    failed: int  # ends at which an issuer failed
    refused: int  # ends at which an issuer said that somebody must decide
    silent: Node | None  # an end without a failure whose destination holds a dead key: never allowed
    loud: int  # the same where an issuer failed, and so is tried again
    cut_off: bool


class Explorer:
    """Explores one scenario.

    :param roles: who issues, side by side.
    :param holds: 1 if the destination holds a live key, with its record, that is older than every run.
    :param issuer: what is explored: ``issue()``, or something worse, to see that the search finds it out.
    :param faults: how often each fault of :mod:`.world` may strike.
    :param most_worlds: where the search is cut off.
    """

    def __init__(
        self,
        roles: tuple[Role, ...],
        setup: Setup,
        *,
        holds: int = 0,
        issuer: Callable[..., object] = issue,
        most_worlds: int = 1_000_000,
        faults: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.roles = roles
        self.setup = setup
        self.holds = holds
        self.issuer = issuer
        self.most_worlds = most_worlds
        self.faults = dict(faults)
        self._next: dict[tuple[Role, History], Call | Ended] = {}
        self.came_from: dict[Node, Node | None] = {}

    def start(self) -> Node:
        record = None
        if self.holds:
            issued: datetime = Role(run=-6).run_time
            nobody = "00000000-0000-0000-0000-000000000000"
            done = Record("done", nobody, True, 1, issued, "absent", TARGET, key_of(1).fingerprint, issued)
            record = tuple(sorted(done.to_mapping().items()))
        live = frozenset({1}) if self.holds else frozenset()
        left = tuple(sorted(self.faults.items()))
        world = World(live, self.holds, frozenset(), frozenset(), self.holds, 0, self.holds, record, left)
        return world, ((),) * len(self.roles)

    def explore(self) -> Result:
        start = self.start()
        self.came_from = {start: None}
        queue = deque([start])
        ends = failed = refused = loud = 0
        minted: set[int] = set()
        silent = None
        while queue and len(self.came_from) < self.most_worlds:
            node = queue.popleft()
            states = [self._next_of(role, history) for role, history in zip(self.roles, node[1], strict=True)]
            if not node[0].in_flight and all(self._is_final(node[0], state) for state in states):
                kinds = {state.state for state in states if isinstance(state, Ended)}
                ends += 1
                failed += "failed" in kinds
                refused += "refused" in kinds
                minted.add(node[0].minted - self.holds)
                if "done" in kinds and node[0].stored not in node[0].live and not self.faults.get("human"):
                    if kinds == {"done"}:
                        silent = silent or node
                    else:
                        loud += 1
            for after in self._successors(node, states):
                if after not in self.came_from:
                    self.came_from[after] = node
                    queue.append(after)
        return Result(
            len(self.came_from),
            ends,
            max(minted, default=0),
            min(minted, default=0),
            failed,
            refused,
            silent,
            loud,
            bool(queue),
        )

    @staticmethod
    def _is_final(world: World, state: Call | Ended) -> bool:
        return isinstance(state, Ended) and not (state.state == "failed" and world.may("retry"))

    def _next_of(self, role: Role, history: History) -> Call | Ended:
        known = self._next.get((role, history))
        if known is None:
            known = self._next[role, history] = next_of(self.issuer, role, history)
            if self.issuer is issue:
                self._check_order(known, history)
        return known

    @staticmethod
    def _check_order(call: Call | Ended, history: History) -> None:
        """Check that no POST comes before its open record, and none with an idempotency key that it does not name."""
        if isinstance(call, Ended) or call[0] != "post":
            return
        opened = [dict(asked[1]) for asked, answer in history if asked[0] == "write_record" and answer[0] == "ok"]
        assert opened, "a POST before any record was written"
        assert opened[-1]["state"] == "open"
        assert call[1] == f"{opened[-1]['issuance_id']}-{opened[-1]['spent']}"

    def _check_overwrite(self, world: World, history: History) -> None:
        """Check that a store that compares and sets never loses a working key that somebody else put there (rule 5)."""
        if not self.setup.compare_and_set or world.stored not in world.live:
            return
        opened = [dict(asked[1]) for asked, _ in history if asked[0] == "write_record"]
        assert key_of(world.stored).fingerprint == opened[-1]["before"], "a working key was overwritten"

    def _successors(self, node: Node, states: list[Call | Ended]) -> Iterator[Node]:
        world, histories = node
        for after in meddle(world, self.setup):
            yield after, histories
        for at, call in enumerate(states):

            def put(after: World, history: History, at: int = at) -> Node:
                return after, (*histories[:at], history, *histories[at + 1 :])

            if isinstance(call, Ended):
                if call.state == "failed" and world.may("retry"):
                    yield put(world.spend("retry"), ())
                continue
            for after, answer in answers(world, call, self.setup):
                if call[0] == "write" and answer[0] == "version" and self.issuer is issue:
                    self._check_overwrite(world, histories[at])
                history = histories[at] if answer == PENDING else (*histories[at], (call, answer))
                yield put(after, history)
            if histories[at] and world.may("crash"):
                yield put(world.spend("crash"), ())

    def story(self, node: Node | None) -> str:
        """Tell how a node came about, a line a step: what a failing test prints."""
        lines: list[str] = []
        while node is not None:
            world, histories = node
            last = " | ".join(f"{history[-1][0][:2]} -> {history[-1][1]}" if history else "-" for history in histories)
            lines.append(f"live={set(world.live)} stored={world.stored} in_flight={len(world.in_flight)} :: {last}")
            node = self.came_from[node]
        return "\n".join(reversed(lines))
