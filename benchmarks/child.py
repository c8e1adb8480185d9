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

__all__ = ["MeasuringError", "arguments", "progress", "result", "run_measurement"]


class MeasuringError(RuntimeError):
    """A measuring process failed; its own errors are on stderr."""


def run_measurement(
    module: str,
    given: Mapping[str, Any],
    env: Mapping[str, str],
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Any:
    """Run a module of this package in its own process, and return its result.

    :param given: its arguments, as JSON types.
    :param env: its whole environment.
    :param on_progress: called with the number of finished steps and of all steps.
    :raises MeasuringError: if it exits without a result.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}"]
    message = None
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(env), cwd=ROOT
    ) as process:
        if process.stdin:
            process.stdin.write(json.dumps(given))  # no argument: a thousand targets are too long for one
            process.stdin.close()
        for line in process.stdout or ():
            if line.startswith('{"benchmark": '):
                message = json.loads(line)["benchmark"]
                if "result" not in message:
                    on_progress(message["done"], message["of"])
    if process.returncode or message is None or "result" not in message:
        raise MeasuringError(f"benchmarks.{module} exited with status {process.returncode} and without a result")
    return message["result"]


@cache
def arguments() -> Any:
    """Return the arguments of this process."""
    return json.load(sys.stdin)


def progress(done: int, of: int) -> None:
    """Report the progress of this process."""
    _send({"done": done, "of": of})


def result(measured: Any) -> None:
    """Report the result of this process."""
    _send({"result": measured})


def _send(message: dict[str, Any]) -> None:
    # Airflow prints to stdout as well, but no line that begins like this.
    sys.stdout.write(json.dumps({"benchmark": message}) + "\n")
    sys.stdout.flush()
