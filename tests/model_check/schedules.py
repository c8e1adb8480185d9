"""Schedules: every order of the issuers' requests, within a bound on unforced switches.

Most races need two such switches at most (Musuvathi and Qadeer, "Iterative Context Bounding", PLDI 2007).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from tests.model_check.scheduler import Turn

__all__ = ["Bounds", "Ended", "Move", "Step", "explore"]


class Move(NamedTuple):
    """What happens next.

    :param who: the number of the issuer that sends its request, or that dies before it.
    """

    kind: Literal["send", "die", "meddle"]
    who: int = -1


class Step(NamedTuple):
    """What happened: a move, and the request that was sent, or not sent any more."""

    move: Move
    request: str = ""


@dataclass(frozen=True)
class Bounds:
    """Limits on how often each optional event may happen.

    :param switches: from an issuer that could continue to another one.
    :param deaths: of issuers, once they have sent something.
    :param meddling: of a human, between any two requests.
    """

    switches: int = 0
    deaths: int = 0
    meddling: int = 0

    def without(self, move: Move, current: int | None) -> Bounds | None:
        """Return what is left after a move; None if it is not allowed.

        :param current: who sent the last request, if it can continue.
        """
        switches = self.switches - (move.kind == "send" and current is not None and move.who != current)
        deaths, meddling = self.deaths - (move.kind == "die"), self.meddling - (move.kind == "meddle")
        return None if min(switches, deaths, meddling) < 0 else Bounds(switches, deaths, meddling)


@dataclass
class Ended:
    """One schedule, played to its end."""

    turns: Sequence[Turn]
    steps: list[Step] = field(default_factory=list)

    def story(self) -> str:
        """Return it as text, a line a step."""
        return "\n".join(f"{move.who if move.who >= 0 else '':>2} {move.kind:6} {sent}" for move, sent in self.steps)


def explore(
    start: Callable[[], Sequence[Turn]],
    bounds: Bounds,
    *,
    alike: Sequence[Hashable],
    meddle: Callable[[], None] | None = None,
) -> Iterator[Ended]:
    """Play every schedule, each from the start.

    :param start: sets the scene and returns the issuers, each before its first request.
    :param alike: for each issuer what it is; of equal ones that have sent nothing yet, only the first is tried.
    :param meddle: what the human does.
    """
    waiting: list[list[Step | Move]] = [[]]
    while waiting:
        given = waiting.pop()
        ended, others = _play(start(), given, bounds, alike, meddle)
        waiting += others
        yield ended


def _play(
    turns: Sequence[Turn],
    given: list[Step | Move],
    bounds: Bounds,
    alike: Sequence[Hashable],
    meddle: Callable[[], None] | None,
) -> tuple[Ended, list[list[Step | Move]]]:
    """Follow what is given, then let each issuer run as long as it can; also return the alternatives."""
    ended = Ended(turns)
    others: list[list[Step | Move]] = []
    last: int | None = None
    while moves := _moves(turns, last, alike, {step.move.who for step in ended.steps}):
        current = last if last is not None and not turns[last].ended else None
        at = len(ended.steps)
        if at < len(given):
            known = given[at]
            move = known.move if isinstance(known, Step) else known
        else:
            known, move = None, moves[0]
            others += [[*ended.steps, other] for other in moves[1:] if bounds.without(other, current)]
        left = bounds.without(move, current)
        assert left is not None
        bounds = left
        ended.steps.append(Step(move, _do(turns, move, meddle)))
        assert not isinstance(known, Step) or ended.steps[-1] == known, f"not the same again:\n{ended.story()}"
        last = move.who if move.kind == "send" else last
    return ended, others


def _moves(turns: Sequence[Turn], last: int | None, alike: Sequence[Hashable], seen: set[int]) -> list[Move]:
    """Return the possible next steps; first, the last issuer continues."""
    able = [who for who, turn in enumerate(turns) if not turn.ended]
    if not able:
        return []
    unseen = [who for who in able if who not in seen]
    able = [who for who in able if who in seen or not any(alike[who] == alike[each] for each in unseen if each < who)]
    if last in able:
        able.remove(last)
        return [Move("send", last), Move("die", last), *(Move("send", who) for who in able), Move("meddle")]
    return [*(Move("send", who) for who in able), Move("meddle")]


def _do(turns: Sequence[Turn], move: Move, meddle: Callable[[], None] | None) -> str:
    if move.kind == "meddle":
        assert meddle
        meddle()
        return ""
    turn = turns[move.who]
    at = turn.at
    turn.die() if move.kind == "die" else turn.step()
    return at
