"""How long readers have no key in a forced rotation, by the package and by plain requests in turn.

Until the key is stored there are three round trips: the request for a key, the request that confirms its owner, and the
write. ``outage_seconds`` of the reference ends when the value is read back, which is the fourth.
"""

from __future__ import annotations

import random
from typing import Any

from benchmarks import child
from benchmarks.figures import Figures, quotient
from benchmarks.ours import Clock, Ours, forget_masked
from benchmarks.plain import Plain, Window

__all__: list[str] = []

_WARM_UP = 5


def _ours(ours: Ours, target: list[str]) -> Window:
    clock = Clock()
    forget_masked()
    reference = ours.rotate(target, "outage_ours", clock)
    if not reference.issued or reference.outage_seconds is None:
        raise AssertionError("no key was issued")
    return Window(clock.stored - clock.posted, reference.outage_seconds)


def _measure(given: dict[str, Any]) -> dict[str, Any]:
    ours, plain = Ours(), Plain(given)
    first, second = given["targets"]
    results: dict[str, list[Window]] = {"ours": [], "plain": []}
    for number in range(-_WARM_UP, given["rounds"]):
        order = ["ours", "plain"]
        random.shuffle(order)
        for who in order:
            window = _ours(ours, first) if who == "ours" else plain.window(second, "outage_plain")
            if number >= 0:
                results[who].append(window)
        child.progress(number + 1 + _WARM_UP, given["rounds"] + _WARM_UP)
    return {
        "seconds_of_delay": given["seconds_of_delay"],
        "rounds": given["rounds"],
        "stored": _compare(
            [window.stored for window in results["ours"]], [window.stored for window in results["plain"]]
        ),
        "read": _compare([window.read for window in results["ours"]], [window.read for window in results["plain"]]),
    }


def _compare(ours: list[float], plain: list[float]) -> dict[str, Any]:
    one, other = Figures.of(ours), Figures.of(plain)
    pairs = Figures.of([one_ours / one_plain for one_ours, one_plain in zip(ours, plain, strict=True)])
    return {
        "ours": one.to_json(),
        "plain": other.to_json(),
        "of_medians": quotient(one.median, other.median),
        "of_p99": quotient(one.p99, other.p99),
        "pairs": pairs.to_json(),
    }


if __name__ == "__main__":
    child.result(_measure(child.arguments()))
