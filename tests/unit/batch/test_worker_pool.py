"""Worker pool whose main thread is interrupted: the interpreter waits until a thread has stored its new key."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_polytomic._batch.worker_pool import WorkerPool

INTERRUPTED = """
import signal, sys, threading
from airflow_provider_polytomic._batch.worker_pool import WorkerPool

def stop(*_):
    raise TimeoutError

interrupted = threading.Event()

def do(work):
    interrupted.wait(60)
    print("stored", flush=True)
    return work

signal.signal(signal.SIGALRM, stop)
pool = WorkerPool(1, do)
pool.start()
pool.submit("key")
for _ in range(int(sys.argv[1])):
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        list(pool.drain())
    except TimeoutError:
        print("interrupted", flush=True)
interrupted.set()
"""


@pytest.mark.parametrize("times", [1, 2, 3])
def test_work_in_progress_is_finished_however_often_the_main_thread_is_interrupted(times: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(times)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.stdout.split(), ran.stderr) == (["interrupted"] * times + ["stored"], "")


def test_all_results_come_and_a_pool_that_was_never_started_has_none() -> None:
    pool: WorkerPool[int, int] = WorkerPool(3, lambda work: work * 2)
    pool.start()
    for work in range(10):
        pool.submit(work)
    assert sorted(pool.drain()) == [2 * work for work in range(10)]
    assert list(WorkerPool(3, lambda work: work).drain()) == []
