"""A measurement in its own process, which reports progress and result as lines of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from benchmarks.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MeasuringError", "arguments", "measured", "progress", "result"]


class MeasuringError(RuntimeError):
    """A measuring process failed; its own words are on stderr."""


def measured(
    module: str,
    given: Mapping[str, Any],
    env: Mapping[str, str],
    *,
    tell: Callable[[int, int], None] = lambda _done, _of: None,
) -> Any:
    """Run a module of this package in a process of its own, and return its result.

    :param given: what it is told, as JSON types.
    :param env: its whole environment.
    :param tell: told how many of how many steps are done.
    :raises MeasuringError: if it ends without a result.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}"]
    found = None
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(env), cwd=ROOT
    ) as process:
        if process.stdin:
            process.stdin.write(json.dumps(given))  # no argument: a thousand targets are too long for one
            process.stdin.close()
        for line in process.stdout or ():
            if line.startswith('{"benchmark": '):
                told = json.loads(line)["benchmark"]
                if "result" in told:
                    found = told
                else:
                    tell(told["done"], told["of"])
    if process.returncode or found is None:
        raise MeasuringError(f"benchmarks.{module} ended with status {process.returncode} and without a result")
    return found["result"]


@cache
def arguments() -> Any:
    """Return what this process was told."""
    return json.load(sys.stdin)


def progress(done: int, of: int) -> None:
    """Say how far this process is."""
    _say({"done": done, "of": of})


def result(found: Any) -> None:
    """Say what this process has measured."""
    _say({"result": found})


def _say(what: dict[str, Any]) -> None:
    # Airflow prints to stdout as well; a line that begins like this is nobody else's.
    sys.stdout.write(json.dumps({"benchmark": what}) + "\n")
    sys.stdout.flush()
