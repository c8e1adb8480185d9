"""Rows of the tables on the benchmarks page, each with its unit, and whether it met its goal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["batch", "goals", "imports", "machine", "memory", "outage", "parsing", "presence", "requests"]

Results = dict[str, Any]

_KILO = 1000


def machine(results: Results) -> Iterator[str]:
    """Yield the rows about the machine, the time and the software."""
    facts = results["machine"]
    yield _row("time", facts["measured_at"].replace("T", " ").replace("+00:00", " UTC"))
    yield _row("machine", f"{facts['cores']} cores, {facts['processor']}, {facts['memory_gb']} GB, {facts['system']}")
    yield _row("load before the start (1, 5, 15 minutes)", ", ".join(f"{load:.2f}" for load in facts["load"]))
    versions = ", ".join(f"{name} {facts[name]}" for name in ("requests", "hvac", "polytomic"))
    yield _row("software", f"Python {facts['python']}, Airflow {facts['airflow']}, {versions}")
    yield _row("command", f"`{results['command']}`")


def goals(results: Results) -> Iterator[str]:
    """Yield the goals, and whether they were met."""
    ours = results["parsing"]["operators"]["ours"]
    tasks = f"{results['parsing']['tasks']:,} of the provider's operators, ratio to `EmptyOperator`"
    yield _goal(f"parse a DAG of {tasks}", "≤ 1.2", ours["parse"]["of_empty"], most=1.2)
    yield _goal(f"parse and serialise a DAG of {tasks}", "≤ 1.2", ours["both"]["of_empty"], most=1.2)
    for each in results["outage"]:
        what = f"outage of a forced rotation, ratio to bare requests, round trip {_ms(each['seconds_of_delay'])}"
        yield _goal(f"{what}, 99th percentiles", "≤ 1.2", each["stored"]["of_p99"], most=1.2)
        yield _row(f"{what}, medians", "", f"{each['stored']['of_medians']:.2f}", "")
    keys, far = f"{results['batch']['targets']:,} keys", f"round trip {_ms(results['far'])}"
    for name, share in _speeds(results).items():
        what = f"{keys}, {far}, times as fast as the {name} (extrapolated)"
        yield _goal(what, "≥ 20", share, least=20) if "loop" in name else _row(what, "", f"{share:.1f}", "")
    speed = results["batch"]["speed_of_plain"]
    yield _goal(f"{keys}, {far}, ratio of speed to bare pooled requests", "≥ 0.8", speed, least=0.8)
    yield _goal(
        "additional memory for the largest batch, compared with the smallest",
        "≤ 100 MB",
        _growth(results)[-1],
        most=100,
    )


def imports(results: Results) -> Iterator[str]:
    """Yield the rows of the modules."""
    for module, each in results["imports"]["modules"].items():
        cells = (f"`{module}`", _figure(each["median"]), _quartiles(each), each["modules_added"])
        yield _row(*cells, f"{100 * each['of_base_operator']:.1f} %")


def presence(results: Results) -> str:
    """Return the cost of the provider for an Airflow that does not use it."""
    ratios = results["presence"]
    if ratios is None:
        return "The cost of the provider's presence was not measured, because the provider was not installed."
    have, have_not = ratios["with"], ratios["without"]
    return (
        f"`import airflow` takes {_figure(have['median'])} ({_quartiles(have)}) with the provider installed, and "
        f"{_figure(have_not['median'])} ({_quartiles(have_not)}) without: a ratio of {ratios['of_medians']:.2f}."
    )


def parsing(results: Results) -> Iterator[str]:
    """Yield the rows of the operators."""
    for each in results["parsing"]["operators"].values():
        cells = [f"`{each['operator']}`"]
        for what in ("parse", "serialise"):
            cells += [_figure(each[what]["median"]), f"{each[what]['of_empty']:.2f}"]
        yield _row(*cells, f"{each['both']['of_empty']:.2f}", f"{each['bytes'] / _KILO:,.0f} kB")


def outage(results: Results) -> Iterator[str]:
    """Yield the rows of the outages."""
    for each in results["outage"]:
        for until, name in {"stored": "stored", "read": "read back"}.items():
            figures = each[until]
            ratios = (f"{figures['of_medians']:.2f}", f"{figures['of_p99']:.2f}")
            yield _row(
                _ms(each["seconds_of_delay"]), name, _spread(figures["plain"]), _spread(figures["ours"]), *ratios
            )


def batch(results: Results) -> str:
    """Return the list and the table about batches."""
    rotated, loops, mapped = results["batch"], results["loops"], results["mapped"]
    keys, workers = rotated["targets"], rotated["workers"]
    turns = rotated["ours"]["seconds"]["count"]
    about = (
        f"Each variant rotates {keys:,} keys.\n"
        f"Every request has a round trip of {_ms(results['far'])}, and Airflow's secrets backend is on KV version 2.\n"
        "\n"
        f"- The batch operator and the bare client have {workers} threads and send the same requests, in turn "
        f"({turns} times each).\n"
        "- The short loop requests a key and writes it.\n"
        "- The careful loop reads the destination, requests a key, confirms its owner, writes only over what it read, "
        "reads the value back and confirms it.\n"
        "  This is what a rotation does, except for the record.\n"
        "- Both loops handle one customer after the other.\n"
        f"  They ran over {loops['targets']} and are extrapolated.\n"
        f"- {_about(mapped)}"
    )
    lines = [
        about,
        "",
        "| Variant | Seconds | Keys per second | Requests per key | Processor seconds of the client |",
        "| --- | --- | --- | --- | --- |",
    ]
    names = {
        "ours": f"`PolytomicBatchRotateApiKeysOperator`, {workers} threads",
        "plain": f"bare requests, {workers} threads",
    }
    for who, name in names.items():
        each = rotated[who]
        seconds = each["seconds"]
        spread = f"{seconds['median']:.1f} ({seconds['low']:.1f} to {seconds['high']:.1f})"
        sent, used = each["requests"]["median"] / keys, each["processor"]["median"]
        lines.append(_row(name, spread, f"{keys / seconds['median']:.1f}", f"{sent:.1f}", f"{used:.1f}"))
    others = {f"{name} loop": loops[name] / loops["targets"] for name in ("short", "careful")}
    if mapped:
        others["mapped tasks"] = mapped["seconds"] / mapped["targets"]
    lines += [_row(name, f"{keys * each:,.0f}", f"{1 / each:.1f}", "", "") for name, each in others.items()]
    return "\n".join([*lines, "", _limit(results)])


def requests(results: Results) -> Iterator[str]:
    """Yield the rows of the requests and their purposes."""
    yield "| Step | Server | Request | Purpose |"
    yield "| --- | --- | --- | --- |"
    traced = results["requests"]
    for number, each in enumerate(traced["each"], 1):
        yield _row(number, each["to"], f"`{each['request']}`", each["for"])
    for each in traced["once"]:
        yield _row("", each["to"], f"`{each['request']}`", each["for"])


def memory(results: Results) -> Iterator[str]:
    """Yield the rows of the memory sizes."""
    for each, more in zip(results["memory"], _growth(results), strict=True):
        yield _row(f"{each['targets']:,}", f"{each['megabytes']:.0f}", f"{more:.0f}")


def _about(mapped: Results | None) -> str:
    if mapped is None:
        return "Mapped tasks were not measured."
    return (
        f"The mapped tasks are extrapolated too, from {mapped['targets']} on LocalExecutor with {mapped['slots']} "
        "slots.\n"
        "  They are measured from the start of the first task to the end of the last one.\n"
        "  Each task has its own process.\n"
        "  Their `outage_seconds`, which include opening the connections, are "
        f"{_spread(mapped['outage_seconds'])}: median (quartiles), p99."
    )


def _limit(results: Results) -> str:
    rotated, loops = results["batch"], results["loops"]
    sent = rotated["ours"]["requests"]["median"] / rotated["targets"]
    limit = rotated["workers"] / (sent * results["far"])
    times = {name: f"{limit * loops[name] / loops['targets']:.1f}" for name in ("short", "careful")}
    return (
        f"With this round trip, {rotated['workers']} threads that wait for {sent:.0f} requests per key reach at most "
        f"{limit:.0f} keys per second, even if they never wait for a processor.\n"
        f"That is {times['short']} times as many as the short loop, and {times['careful']} times as many as the "
        "careful loop.\n"
        "The short loop omits the steps that keep a key from being lost."
    )


def _speeds(results: Results) -> dict[str, float]:
    ours = results["batch"]["ours"]["seconds"]["median"] / results["batch"]["targets"]
    loops, mapped = results["loops"], results["mapped"]
    speeds = {f"{name} loop": loops[name] / loops["targets"] / ours for name in ("short", "careful")}
    if mapped:
        speeds[f"mapped tasks with {mapped['slots']} slots"] = mapped["seconds"] / mapped["targets"] / ours
    return speeds


def _growth(results: Results) -> list[float]:
    first = results["memory"][0]["megabytes"]
    return [each["megabytes"] - first for each in results["memory"]]


def _goal(what: str, goal: str, value: float, *, most: float | None = None, least: float | None = None) -> str:
    is_met = (most is None or value <= most) and (least is None or value >= least)
    text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"  # noqa: PLR2004 (three digits are enough)
    return _row(what, goal, text, "met" if is_met else "missed")


def _spread(figures: Results) -> str:
    median, low, high, slow = (f"{1000 * figures[name]:.1f}" for name in ("median", "low", "high", "p99"))
    return f"{median} ({low} to {high}), {slow} ms"


def _quartiles(figures: Results) -> str:
    return f"{_figure(figures['low'])} to {_figure(figures['high'])}"


def _figure(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
