"""Fork server: a process that has imported Airflow once, and forks a new process in milliseconds.

``python -m tests.crash.fork_server`` reads commands from its standard input and returns the result of each, pickled. It
exits at the end of its input.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import psutil

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from tests.crash import task_context
from tests.crash.job_runner import perform

if TYPE_CHECKING:
    from .job import Job

__all__: list[str] = []

_FAILED = 70  # EX_SOFTWARE


def _start(job: Job) -> int:
    """Fork a process for the job, and keep the pipe for its report under its id."""
    assert threading.active_count() == 1, "a fork would lose the other threads"
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = _FAILED
        try:
            code = perform(job, lambda report: _write(writer, report))
        except BaseException as error:  # noqa: BLE001 (a fork must never come back to the loop below)
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writer)
    _readers[pid] = reader
    return pid


def _write(writer: int, report: dict[str, Any]) -> None:
    # One unbuffered write, so that the report is complete before the process kills itself.
    os.write(writer, json.dumps(report).encode() + b"\n")


def _wait(pid: int) -> dict[str, Any]:
    """Wait until the process has exited or is stopped."""
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return {"state": "stopped", "code": os.WSTOPSIG(status), "report": {}}
    report: dict[str, Any] = {}
    with os.fdopen(_readers.pop(pid)) as lines:
        for line in lines:
            report |= json.loads(line)
    if os.WIFSIGNALED(status):
        return {"state": "killed", "code": os.WTERMSIG(status), "report": report}
    return {"state": "exited", "code": os.WEXITSTATUS(status), "report": report}


def _keep_what_boto_parses() -> None:
    """Cache the parsed descriptions of AWS's services, for which each new client takes 0.15 s."""
    from botocore.loaders import JSONFileLoader, Loader

    load, known = JSONFileLoader.load_file, dict[str, Any]()
    list_services, listed = Loader.list_available_services, dict[str, Any]()

    def load_once(self: Any, path: str) -> Any:
        if path not in known:
            known[path] = load(self, path)
        return known[path]

    def list_once(self: Any, type_name: str) -> Any:
        if type_name not in listed:
            listed[type_name] = list_services(self, type_name)
        return listed[type_name]

    JSONFileLoader.load_file = load_once
    Loader.list_available_services = list_once


def _warm_up(job: Job) -> None:
    """Do the job in this process, so that every fork has its imports."""
    code = perform(job, lambda _told: None)
    assert code == 0, "the first job failed"
    if AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.configuration import clear_secrets_backends_cache

        clear_secrets_backends_cache()
    gc.collect()
    assert psutil.Process().net_connections("tcp") == [], "forks would share a connection"
    gc.freeze()  # otherwise the garbage collection of each fork copies the shared memory


def _obey(command: str, argument: Any) -> Any:
    match command:
        case "start":
            return _start(argument)
        case "wait":
            return _wait(argument)
        case "signal":
            return os.kill(*argument)
        case "warm up":
            return _warm_up(argument)
        case "prepare for tasks":
            return task_context.prepare()
    raise ValueError(command)


if __name__ == "__main__":
    _readers: dict[int, int] = {}
    # Airflow 3 logs to standard output, which the test reads.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which then closes the input
    _keep_what_boto_parses()
    try:
        while True:
            answers.write(pickle.dumps(_obey(*pickle.load(sys.stdin.buffer))))
    except EOFError:
        pass
    finally:
        for pid in _readers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    os._exit(0)  # an orderly exit of Airflow takes seconds
