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
    """A process could not be started, has ended early, or could not be ended."""


class ProcessGroup:
    """Processes that share one fate, each with its console in a file.

    Use as a context manager. On leaving it, for whatever reason, everything that was started is ended together with its
    children, also those in process groups of their own; the same happens if this very process is killed.
    """

    def __init__(self) -> None:
        self._pids: dict[str, int] = {}
        self._consoles: dict[str, Path] = {}

    def __enter__(self) -> Self:
        """Start the reaper, in a session of its own: a Ctrl-C in the terminal reaches only us, who end the rest."""
        command = [sys.executable, str(Path(__file__).with_name("reaper.py"))]
        self._reaper = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End everything; see :meth:`stop`."""
        self.stop()

    @property
    def session(self) -> int:
        """The session that all processes of this group are in: the reaper's pid."""
        return self._reaper.pid

    def start(self, name: str, args: Sequence[str], *, env: Mapping[str, str], console: Path) -> int:
        """Start a process and return its pid.

        :param name: how it is called in :meth:`check` and in errors.
        :param env: its whole environment.
        :param console: the file that its stdout and stderr are appended to, made with mode 0600; its folder is the
            working directory.
        :raises ProcessGroupError: if it could not be started.
        """
        if self._reaper.stdin is None or self._reaper.stdout is None:
            raise ProcessGroupError(f"{name} was not started: this group has been stopped")
        order = {"args": list(args), "env": dict(env), "console": str(console.resolve())}
        self._reaper.stdin.write(json.dumps(order) + "\n")
        self._reaper.stdin.flush()
        answer = json.loads(
            self._reaper.stdout.readline() or '{"error": "the reaper has ended, and all processes with it"}'
        )
        if "error" in answer:
            raise ProcessGroupError(f"{name} could not be started: {answer['error']}")
        self._pids[name], self._consoles[name] = answer["pid"], console
        return self._pids[name]

    def check(self) -> None:
        """Make sure that everything still runs.

        :raises ProcessGroupError: with the end of the console of the one that does not.
        """
        for name, pid in self._pids.items():
            if not _runs(pid):
                raise ProcessGroupError(
                    f"{name} has ended early. The end of {self._consoles[name]}:\n{self.tail(name)}"
                )

    def tail(self, name: str, lines: int = 30) -> str:
        """Return the last lines of the console of a process."""
        return "\n".join(self._consoles[name].read_text(errors="replace").splitlines()[-lines:])

    def survivors(self) -> list[int]:
        """List the pids still found in this group's session, the reaper's own excluded; empty after :meth:`stop`."""
        ours = [pid for pid in psutil.pids() if pid != self.session and _session_of(pid) == self.session]
        return [pid for pid in ours if _runs(pid)]

    def stop(self) -> None:
        """End everything and wait for it; once is enough.

        :raises ProcessGroupError: if a process could not be ended even by SIGKILL.
        """
        if self._reaper.stdin is None or self._reaper.stdin.closed:
            return
        self._reaper.stdin.close()
        status = self._reaper.wait(timeout=STOP_SECONDS)
        if self._reaper.stdout is not None:
            self._reaper.stdout.close()
        if self._reaper.stdout is not None:
            self._reaper.stdout.close()
        if status or self.survivors():
            raise ProcessGroupError(
                f"processes are left in session {self.session}: {self.survivors()}; end them by hand"
            )


def _runs(pid: int) -> bool:
    """Whether a process does anything any more; one that has ended is listed until its parent, or init, looks at it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:  # it ended meanwhile, or is not ours to ask about
        return None
