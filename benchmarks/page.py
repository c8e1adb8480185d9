"""What do the results say? The page of the documentation, made from their JSON and from nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.plot import plot
from benchmarks.tables import fleet, goals, imports, machine, memory, outage, parsing, presence, requests

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["newest", "page_of", "write_page"]

_TRIAL = """
**A short trial.** These are of `--quick`: a few rounds of little. They show what is measured, and say next to nothing
about how fast it is; least of all about a fleet, which is too small here to be worth its threads.
"""
_PAGE = """\
# Benchmarks

What this package costs, next to what you would do without it. `make bench` measures it and writes this page from the
results; no figure here is written by hand, and no test asserts a time. Every comparison is within one run. Polytomic
itself is an emulator that answers at once: what a live one takes to make a key comes on top.
{trial}{outdated}
| measured | |
| --- | --- |
{machine}

## At a glance

| what | goal | measured | |
| --- | --- | --- | --- |
{goals}

![Seconds for a fleet, and the outage of a forced rotation](benchmarks.svg)

## Import and parse

The time after `BaseOperator` is there, which itself takes {base}; each module in a fork of a fresh process.

| module | median | quartiles | modules added | of `BaseOperator`'s time |
| --- | --- | --- | --- | --- |
{imports}

{presence}

A DAG of {tasks:,} tasks, parsed by `DagBag` and serialised, in one process, in turn, {rounds} times. `EmptyOperator`
has no parameters; Airflow spends most of the difference on templated fields, each of which it serialises for each
task, so `BashOperator` stands beside it.

| operator | parse, median | of `EmptyOperator` | serialise, median | of `EmptyOperator` | both | JSON |
| --- | --- | --- | --- | --- | --- | --- |
{parsing}

## Outage of a forced rotation

Polytomic revokes the old key before it makes the new one, so readers are cut off from the request until the new key
is stored: three round trips (the request, the question whose the new key is, the write). The bare ones are the same
three by `requests`, on warm connections, to the same servers, {outage_rounds} times each in random order.
`outage_seconds` in the log goes on until the value has been read back, which is a fourth round trip.

| round trip | until | bare: median (quartiles), p99 | ours: median (quartiles), p99 | of medians | of p99 |
| --- | --- | --- | --- | --- | --- |
{outage}

## A fleet

{fleet}

## Requests for one key

A rotation of a key that was rotated before, in the order in which the servers receive it:

{requests}

## Memory

The most that a process of its own had in memory (`ru_maxrss`), Airflow included, while
`PolytomicBatchRotateApiKeysOperator` rotated so many keys with {workers} threads: file of targets, checks, issuances,
report and events are real; a Polytomic and stores that keep nothing answer, because a server would need hours for the
last row.

| targets | megabytes | more than the first |
| --- | --- | --- |
{memory}

## How it is measured

`{command}` took {seconds} in all. The emulated Polytomic, the Vault ({vault}) and a relay before both are processes
of their own on this machine. The relay holds every byte back for half a round trip in each direction, and a new
connection for one round trip more. TLS is not played; it would add at least one more to every new connection, which
only the loops open for each key. With clients and servers on the same cores, what is limited by the processor is told
worse than it is on machines of their own.
"""


def newest(folder: Path) -> dict[str, Any]:
    """Return the results that were measured last.

    :raises FileNotFoundError: if there are none.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise FileNotFoundError(f"there are no results in {folder}: python -m benchmarks measures")
    found = [json.loads(file.read_text()) for file in files]
    return dict(max(found, key=lambda each: str(each["machine"]["measured_at"])))


def page_of(found: dict[str, Any]) -> str:
    """Return the page, in Markdown."""
    return _PAGE.format(
        # Of results that a later change has overtaken: written into their file, and gone with the next measurement.
        outdated=f"\n**Of an earlier version.** {found['outdated']}\n" if "outdated" in found else "",
        trial=_TRIAL if "--quick" in found["command"] else "",
        machine=_lines(machine(found)),
        goals=_lines(goals(found)),
        base=f"{found['imports']['base_operator']['median']:.2f} s",
        imports=_lines(imports(found)),
        presence=presence(found),
        tasks=found["parsing"]["tasks"],
        rounds=found["parsing"]["rounds"],
        parsing=_lines(parsing(found)),
        outage_rounds=found["outage"][0]["rounds"],
        outage=_lines(outage(found)),
        fleet=fleet(found),
        requests=_lines(requests(found)),
        workers=found["fleet"]["workers"],
        memory=_lines(memory(found)),
        command=found["command"],
        seconds=f"{found['seconds'] // 60} min {found['seconds'] % 60} s",
        vault=found["vault"],
    )


def write_page(found: dict[str, Any], folder: Path) -> list[Path]:
    """Write the page and its plot, and return both files."""
    page, picture = folder / "benchmarks.md", folder / "benchmarks.svg"
    page.write_text(page_of(found))
    picture.write_text(plot(found))
    return [page, picture]


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
