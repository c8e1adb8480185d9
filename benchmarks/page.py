"""Benchmarks page of the documentation, made from the JSON of the results and from nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.plot import plot
from benchmarks.tables import batch, goals, imports, machine, memory, outage, parsing, presence, requests

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["newest", "render_page", "write_page"]

_TRIAL = """
**A short trial.**
These results come from `--quick`: a few rounds with few keys.
They show what is measured, and say almost nothing about how fast the provider is.
The batch is too small to benefit from its threads.
"""
_PAGE = """\
# Benchmarks

This page compares what the provider costs with what you would write without it.
`make bench` measures it and writes this page from the results.
No figure here is written by hand, and no test asserts a time.
Every comparison is within one run.
Polytomic is an emulator that responds at once; the time that a live server needs to create a key is not included.
{trial}{outdated}
| Fact | Value |
| --- | --- |
{machine}

## Summary

| What | Goal | Measured | Result |
| --- | --- | --- | --- |
{goals}

![Seconds for a batch, and the outage of a forced rotation](benchmarks.svg)

## Import and parse

The table shows the time in addition to importing `BaseOperator`, which itself takes {base}.
Each module is imported in a fork of a fresh process.

| Module | Median | Quartiles | Modules added | Share of `BaseOperator`'s time |
| --- | --- | --- | --- | --- |
{imports}

{presence}

The next table shows a DAG of {tasks:,} tasks that one process parses with `DagBag` and serialises, {rounds} times \
for each operator in turn.
`EmptyOperator` has no parameters.
Airflow serialises each templated field of each task, and spends most of the difference on that, so the table also \
shows `BashOperator`.

| Operator | Parse, median | Ratio to `EmptyOperator` | Serialise, median | Ratio to `EmptyOperator` | Ratio of both \
| JSON |
| --- | --- | --- | --- | --- | --- | --- |
{parsing}

## Outage of a forced rotation

Polytomic revokes the old key before it creates the new one.
Consumers are cut off from the request until the new key is stored, which takes three round trips: the request for the \
key, the request that confirms its owner, and the write.
The bare requests are the same three with `requests`, on warm connections, to the same servers, {outage_rounds} times \
each in random order.
`outage_seconds` in the log ends when the value has been read back, which is a fourth round trip.

| Round trip | Until | Bare: median (quartiles), p99 | Provider: median (quartiles), p99 | Ratio of medians | Ratio of \
p99 |
| --- | --- | --- | --- | --- | --- |
{outage}

## A batch of keys

{batch}

## Requests for one key

The table lists the requests of one rotation, in the order in which the servers receive them.
The key was rotated before.

{requests}

## Memory

Each row shows the peak memory of a separate process (`ru_maxrss`), Airflow included, while \
`PolytomicBatchRotateApiKeysOperator` rotates that many keys with {workers} threads.
The file of targets, the checks, the issuances, the report and the events are real.
Polytomic and the stores are replaced by objects that respond and keep nothing, because a server would need hours for \
the last row.

| Targets | Megabytes | More than the first row |
| --- | --- | --- |
{memory}

## How the measurement works

`{command}` took {seconds} in all.
The emulated Polytomic, the Vault ({vault}) and a relay in front of both are processes of their own on this machine.
The relay delays every byte by half a round trip in each direction, and a new connection by one more round trip.
TLS is not simulated.
It would add at least one more round trip to every new connection, and only the loops open a connection for each key.
Clients and servers share the same cores, so results that the processor limits are worse than on separate machines.
"""


def newest(folder: Path) -> dict[str, Any]:
    """Return the newest results.

    :raises FileNotFoundError: if the folder has no results.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise FileNotFoundError(f"{folder} has no results; run python -m benchmarks")
    runs = [json.loads(file.read_text()) for file in files]
    return dict(max(runs, key=lambda run: str(run["machine"]["measured_at"])))


def render_page(results: dict[str, Any]) -> str:
    """Return the page in Markdown."""
    return _PAGE.format(
        # A note about later changes of the package, written into the file of the results.
        outdated=f"\n**Measured with an earlier version.**\n{results['outdated']}\n" if "outdated" in results else "",
        trial=_TRIAL if "--quick" in results["command"] else "",
        machine=_lines(machine(results)),
        goals=_lines(goals(results)),
        base=f"{results['imports']['base_operator']['median']:.2f} s",
        imports=_lines(imports(results)),
        presence=presence(results),
        tasks=results["parsing"]["tasks"],
        rounds=results["parsing"]["rounds"],
        parsing=_lines(parsing(results)),
        outage_rounds=results["outage"][0]["rounds"],
        outage=_lines(outage(results)),
        batch=batch(results),
        requests=_lines(requests(results)),
        workers=results["batch"]["workers"],
        memory=_lines(memory(results)),
        command=results["command"],
        seconds=f"{results['seconds'] // 60} min {results['seconds'] % 60} s",
        vault=results["vault"],
    )


def write_page(results: dict[str, Any], folder: Path) -> list[Path]:
    """Write the page and its plot, and return both files."""
    page, picture = folder / "benchmarks.md", folder / "benchmarks.svg"
    page.write_text(render_page(results))
    picture.write_text(plot(results))
    return [page, picture]


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
