"""Who waits for a thread that holds a new key, if the main thread is interrupted again and again? The interpreter."""

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
crew = WorkerPool(1, do)
crew.assemble()
crew.start("key")
for _ in range(int(sys.argv[1])):
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        list(crew.close())
    except TimeoutError:
        print("interrupted", flush=True)
interrupted.set()
"""


@pytest.mark.parametrize("times", [1, 2, 3])
def test_what_was_begun_is_finished_however_often_the_main_thread_is_interrupted(times: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(times)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.stdout.split(), ran.stderr) == (["interrupted"] * times + ["stored"], "")


def test_all_results_come_and_a_crew_that_was_never_assembled_has_none() -> None:
    crew: WorkerPool[int, int] = WorkerPool(3, lambda work: work * 2)
    crew.assemble()
    for work in range(10):
        crew.start(work)
    assert sorted(crew.close()) == [2 * work for work in range(10)]
    assert list(WorkerPool(3, lambda work: work).close()) == []
