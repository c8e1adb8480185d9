"""Process that starts others for its owner, and stops all of them when the owner is gone.

Run as a file, in its own session, by :class:`tools.airflow_sandbox.process_group.ProcessGroup`. Each line on its
standard input is a process to start, as JSON (``args``, ``env``, ``console``); the response is a line with its ``pid``
or an ``error``. When the input ends (the owner has closed it, has crashed or was killed by SIGKILL), the reaper stops
these processes and their descendants, and then exits.

Stopping the process group is not enough: Airflow's tasks and file processors create their own groups, and a killed
``airflow`` command leaves its children behind as orphans. They stay in this session, and on Linux orphans become
children of this process (PR_SET_CHILD_SUBREAPER), even if they have left the session.
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


def _start(request: dict[str, Any]) -> int:
    """Start a process, which :func:`_reap` collects later."""
    fd = os.open(request["console"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with open(fd, "wb") as console:  # noqa: PTH123 - a descriptor, whose mode is set at creation
        process = subprocess.Popen(
            request["args"],
            env=request["env"],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            cwd=Path(request["console"]).parent,
        )
    process.returncode = 0  # because _reap collects it, Popen must not wait for it
    return process.pid


def _reap() -> None:
    """Collect the processes that have exited, including adopted orphans."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _survivors() -> list[psutil.Process]:
    """Return all running descendants of this process, and all running processes of its session."""
    me, session = psutil.Process(), os.getsid(0)
    running = {process.pid: process for process in me.children(recursive=True)}
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            if process.pid != me.pid and os.getsid(process.pid) == session:
                running[process.pid] = process
    return [
        process for process in running.values() if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


def _stop_all() -> bool:
    """Stop all processes, by SIGTERM and later by SIGKILL, and return whether none is left."""
    terminated: set[int] = set()
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
                    elif process.pid not in terminated:
                        process.terminate()
                        terminated.add(process.pid)
        time.sleep(0.1)
    return False


def _serve() -> None:
    """Start the requested processes until the input ends."""
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
                response: dict[str, int | str] = {"pid": _start(json.loads(line))}
            except OSError as error:
                response = {"error": str(error)}
            sys.stdout.write(json.dumps(response) + "\n")
            sys.stdout.flush()


def main() -> int:
    """Run until the input ends, and return 0 if no process is left, else 1."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A handler instead of SIG_IGN, which every started process would inherit.
        signal.signal(number, lambda *_: None)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        _serve()
    finally:
        all_stopped = _stop_all()
    return 0 if all_stopped else 1


if __name__ == "__main__":
    sys.exit(main())
