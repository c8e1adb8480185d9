"""Client of the fork server, which starts, stops and reaps the processes that the tests kill."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .job import Outcome

if TYPE_CHECKING:
    from .job import Job

__all__ = ["ForkServer"]

ROOT = Path(__file__).parents[2]


class ForkServer:
    """Client of the fork server, for one thread.

    :param log: the file for the output of the server and its children.
    """

    def __init__(self, log: Path) -> None:
        self._log = log

    def __enter__(self) -> Self:
        with self._log.open("wb") as console:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.fork_server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                cwd=ROOT,
                # The root first, so that the imports also work if the package is not installed.
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server, which kills and reaps its children."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(timeout=120)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def warm_up(self, job: Job) -> None:
        """Let the fork server do a job itself, so that its forks need no imports."""
        self._ask("warm up", job)

    def prepare_for_tasks(self) -> None:
        """Let the fork server prepare what a job ``in_a_task`` needs."""
        self._ask("prepare for tasks", None)

    def start(self, job: Job) -> int:
        """Fork a process for the job and return its id."""
        pid: int = self._ask("start", job)
        return pid

    def wait(self, pid: int) -> Outcome:
        """Wait until the process has exited, and reap it, or until it is stopped."""
        answer = self._ask("wait", pid)
        point = answer["report"].pop("point", None)
        return Outcome(answer["state"], answer["code"], point, answer["report"])

    def resume(self, pid: int) -> None:
        """Continue a stopped process."""
        self._ask("signal", [pid, signal.SIGCONT])

    def run(self, job: Job) -> Outcome:
        """Fork a process for the job and wait for its end."""
        return self.wait(self.start(job))

    def said(self) -> str:
        """Return the end of the log, for a failing test."""
        return self._log.read_text(errors="replace")[-6000:]

    def _ask(self, command: str, argument: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(pickle.dumps((command, argument)))
        self._process.stdin.flush()
        try:
            return pickle.load(self._process.stdout)
        except EOFError:
            raise RuntimeError(f"the fork server died:\n{self.said()}") from None
