"""A process that starts others for its owner and ends all of them with it.

Run as a file, in a session of its own, by :class:`tools.airflow_sandbox.process_group.ProcessGroup`. Each line on its
standard input is a process to start, as JSON (``args``, ``env``, ``console``); the answer is a line with its ``pid`` or
an ``error``. When the input ends (the owner has closed it, has crashed or was killed by SIGKILL), it ends every process
that came of them, and itself last.

Ending the process group is not enough: Airflow's tasks and its file processors put themselves into groups of their
own, and an ``airflow`` command that is ended leaves its children behind as orphans. They stay in this session, and on
Linux orphans become children of this process (PR_SET_CHILD_SUBREAPER), even those that have left the session.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

__all__ = ["main"]

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
TERM_SECONDS = 15.0
KILL_SECONDS = 60.0
REAP_EVERY_SECONDS = 0.5


def _start(order: dict[str, Any]) -> int:
    """Start one process; it becomes a child that :func:`_reap` collects, so the Popen object is not kept."""
    fd = os.open(order["console"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with open(fd, "wb") as console:  # noqa: PTH123 - a descriptor, not a path: its mode is set when it is made
        process = subprocess.Popen(
            order["args"],
            env=order["env"],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            cwd=Path(order["console"]).parent,
        )
    process.returncode = 0  # _reap collects it: tells Popen that there is nothing left to wait for
    return process.pid


def _reap() -> None:
    """Collect the processes that have ended, adopted orphans included."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _survivors() -> list[psutil.Process]:
    """List what came of us and still runs: our descendants, and whoever is in our session."""
    me, session = psutil.Process(), os.getsid(0)
    found = {process.pid: process for process in me.children(recursive=True)}
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            if process.pid != me.pid and os.getsid(process.pid) == session:
                found[process.pid] = process
    return [process for process in found.values() if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def _end_all() -> bool:
    """End everything, politely first; children made meanwhile are met on the next round. False if something is left."""
    asked: set[int] = set()
    started = time.monotonic()
    while time.monotonic() - started < TERM_SECONDS + KILL_SECONDS:
        _reap()
        with contextlib.suppress(psutil.NoSuchProcess):
            survivors = _survivors()
            if not survivors:
                return True
            kill = time.monotonic() - started > TERM_SECONDS
            for process in survivors:
                with contextlib.suppress(psutil.NoSuchProcess):
                    if kill:
                        process.kill()
                    elif process.pid not in asked:
                        process.terminate()
                        asked.add(process.pid)
        time.sleep(0.1)
    return False


def _serve() -> None:
    """Start what the owner asks for, until its end of the pipe closes."""
    buffered = b""
    while True:
        _reap()
        if not select.select([sys.stdin], [], [], REAP_EVERY_SECONDS)[0]:
            continue
        read = os.read(sys.stdin.fileno(), 1 << 16)
        if not read:
            return
        *lines, buffered = (buffered + read).split(b"\n")
        for line in lines:
            try:
                answer: dict[str, int | str] = {"pid": _start(json.loads(line))}
            except OSError as error:
                answer = {"error": str(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


def main() -> int:
    """Keep the processes until the owner is gone or done.

    :returns: 0 when nothing is left running, else 1.
    """
    for outlived in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A handler and not SIG_IGN, which every process started from here would inherit.
        signal.signal(outlived, lambda *_: None)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        _serve()
    finally:
        nothing_left = _end_all()
    return 0 if nothing_left else 1


if __name__ == "__main__":
    sys.exit(main())
