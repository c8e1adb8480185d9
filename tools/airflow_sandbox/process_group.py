"""Processes that end with this one, as a group with a reaper (:mod:`tools.airflow_sandbox.reaper`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ProcessGroup", "ProcessGroupError"]

STOP_SECONDS = 120.0


class ProcessGroupError(RuntimeError):
    """Error of a process: it did not start, has exited early, or could not be stopped."""


class ProcessGroup:
    """Processes that are stopped together, each with its console in a file.

    Use it as a context manager. On exit, all processes are stopped together with their children, even children in other
    process groups. The same happens if this process is killed.
    """

    def __init__(self) -> None:
        self._pids: dict[str, int] = {}
        self._consoles: dict[str, Path] = {}

    def __enter__(self) -> Self:
        """Start the reaper in its own session, so that a Ctrl-C in the terminal reaches only this process."""
        command = [sys.executable, str(Path(__file__).with_name("reaper.py"))]
        self._reaper = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all processes; see :meth:`stop`."""
        self.stop()

    @property
    def session(self) -> int:
        """The session of all processes of this group, which is the pid of the reaper."""
        return self._reaper.pid

    def start(self, name: str, args: Sequence[str], *, env: Mapping[str, str], console: Path) -> int:
        """Start a process and return its pid.

        :param name: the name of the process in errors.
        :param env: the whole environment.
        :param console: the file for stdout and stderr, created with mode 0600; its folder is the working directory.
        :raises ProcessGroupError: if the process could not be started.
        """
        if self._reaper.stdin is None or self._reaper.stdout is None:
            raise ProcessGroupError(f"{name} was not started: its process group is stopped")
        request = {"args": list(args), "env": dict(env), "console": str(console.resolve())}
        self._reaper.stdin.write(json.dumps(request) + "\n")
        self._reaper.stdin.flush()
        response = json.loads(
            self._reaper.stdout.readline() or '{"error": "the reaper has exited and has stopped all processes"}'
        )
        if "error" in response:
            raise ProcessGroupError(f"{name} could not be started: {response['error']}")
        self._pids[name], self._consoles[name] = response["pid"], console
        return self._pids[name]

    def check(self) -> None:
        """Check that all processes are running.

        :raises ProcessGroupError: if one is not, with the end of its console.
        """
        for name, pid in self._pids.items():
            if not _runs(pid):
                raise ProcessGroupError(
                    f"{name} has exited early. The end of {self._consoles[name]}:\n{self.tail(name)}"
                )

    def tail(self, name: str, lines: int = 30) -> str:
        """Return the last lines of the console of a process."""
        return "\n".join(self._consoles[name].read_text(errors="replace").splitlines()[-lines:])

    def survivors(self) -> list[int]:
        """Return the pids in the session of this group, except the reaper's own; empty after :meth:`stop`."""
        pids = [pid for pid in psutil.pids() if pid != self.session and _session_of(pid) == self.session]
        return [pid for pid in pids if _runs(pid)]

    def stop(self) -> None:
        """Stop all processes and wait for their end; a second call does nothing.

        :raises ProcessGroupError: if a process is left even after SIGKILL.
        """
        if self._reaper.stdin is None or self._reaper.stdin.closed:
            return
        self._reaper.stdin.close()
        status = self._reaper.wait(timeout=STOP_SECONDS)
        if self._reaper.stdout is not None:
            self._reaper.stdout.close()
        if status or self.survivors():
            raise ProcessGroupError(
                f"could not stop the processes {self.survivors()} of session {self.session}; stop them manually"
            )


def _runs(pid: int) -> bool:
    """Whether a process is running; a zombie is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:  # it has exited, or belongs to another user
        return None
