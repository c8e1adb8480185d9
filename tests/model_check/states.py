"""States of an issuer: each history as one number, so that states of the system are compared quickly."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance import issue

from .replay import USERS, Ended, next_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.model_check.simulation import Answer, Call

    from .replay import Role

__all__ = ["States", "states_of"]

History = tuple[tuple["Call", "Answer"], ...]


class States:
    """The states in which issuers have been. An issuer that has ended is only how it ended; a crash is the first state.

    :param issuer: ``issue()``, or something worse.
    """

    def __init__(self, issuer: Callable[..., object]) -> None:
        self._issuer = issuer
        self._histories: list[tuple[Role, History]] = []
        self._nexts: list[Call | Ended] = []
        self._first: dict[Role, int] = {}
        self._ended: dict[tuple[Role, Ended], int] = {}
        self._after: dict[tuple[int, Call, Answer], int] = {}

    def first(self, role: Role) -> int:
        """Return the state of an issuer that has not begun."""
        if role not in self._first:
            self._first[role] = self._add(role, ())
        return self._first[role]

    def after(self, state: int, answer: Answer) -> int:
        """Return the state of an issuer whose call has got this answer."""
        call = self._nexts[state]
        known = self._after.get((state, call, answer))
        if known is None:
            role, history = self._histories[state]
            known = self._after[state, call, answer] = self._add(role, (*history, (call, answer)))
        return known

    def dead(self, state: int) -> int:
        """Return the state of an issuer that never runs again."""
        return self._end(self.role(state), Ended("dead"))

    def role(self, state: int) -> Role:
        return self._histories[state][0]

    def next(self, state: int) -> Call | Ended:
        """Return the call that comes next, or how it ended."""
        return self._nexts[state]

    def opened(self, state: int) -> dict[str, str]:
        """Return the last record that it wrote."""
        return [dict(asked[1]) for asked, _ in self._histories[state][1] if asked[0] == "write_record"][-1]

    def last(self, state: int) -> str:
        """Return what it did last, as text."""
        history, state_ = self._histories[state][1], self._nexts[state]
        if isinstance(state_, Ended):
            return " ".join(str(each) for each in state_ if each)
        return f"{' '.join(str(each) for each in history[-1][0][:2])} -> {history[-1][1]}" if history else "-"

    def _end(self, role: Role, ended: Ended) -> int:
        if (role, ended) not in self._ended:
            self._ended[role, ended] = len(self._nexts)
            self._nexts.append(ended)
            self._histories.append((role, ()))
        return self._ended[role, ended]

    def _add(self, role: Role, history: History) -> int:
        known = next_of(self._issuer, role, history)
        if isinstance(known, Ended):
            return self._end(role, known)
        if known == ("check_write",):  # it changes nothing
            return self._add(role, (*history, (known, ("ok",))))
        if self._issuer is issue and known[0] == "post":
            _check_order(known, history)
        self._histories.append((role, history))
        self._nexts.append(known)
        return len(self._nexts) - 1


@cache
def states_of(issuer: Callable[..., object]) -> States:
    """Return the same for every scenario: most of their states are the same."""
    return States(issuer)


def _check_order(post: Call, history: History) -> None:
    """Check that every POST comes after its open record, and is the one that the record names."""
    opened = [dict(asked[1]) for asked, answer in history if asked[0] == "write_record" and answer[0] == "ok"]
    assert opened, "a POST before any record was written"
    assert opened[-1]["state"] == "open"
    assert post[1] == f"{opened[-1]['issuance_id']}-{opened[-1]['idempotency_keys_used']}"
    assert opened[-1]["user_id"] == USERS[post[3]].user_id
