"""Pool of threads that rotate keys, and that one other thread gives work to.

That thread is the task's main thread, in which Airflow raises exceptions between any two lines (2.11 on SIGTERM, both
versions on a time-out). It therefore shares no lock with the workers, only two queues whose operations are atomic.
"""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["WorkerPool"]

Work = TypeVar("Work")
Result = TypeVar("Result")


class WorkerPool(Generic[Work, Result]):
    """Pool of threads, each of which does one piece of work at a time.

    After ``start``, call ``drain`` in any case: the threads are no daemons, and the interpreter waits for them.

    :param size: number of threads, and the maximum number of pieces of work to submit at a time.
    :param do: does a piece of work; returns a result that is not None and raises nothing, since an exception ends the
        thread.
    """

    def __init__(self, size: int, do: Callable[[Work], Result]) -> None:
        self.size, self._do = size, do
        self._todo: SimpleQueue[Work | None] = SimpleQueue()
        self._done: SimpleQueue[Result | None] = SimpleQueue()  # None: a thread has ended
        # No daemons: if the main thread dies, the interpreter waits until the work in progress is done.
        self._threads = [threading.Thread(target=self._work, name=f"polytomic-batch-{n}") for n in range(size)]

    def start(self) -> None:
        """Start the threads.

        :raises RuntimeError: if the system allows no more threads; call ``drain`` to end those that run.
        """
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work) -> None:
        """Give a piece of work to a thread."""
        self._todo.put(work)

    def next_result(self, timeout: float) -> Result | None:
        """Return the next result, or None if there is none within this number of seconds."""
        try:
            return self._done.get(timeout=timeout)
        except Empty:
            return None

    def drain(self) -> Iterator[Result]:
        """Wait until all submitted work is done, return the results that are left, and end the threads."""
        for _ in self._threads:
            self._todo.put(None)
        # No join: on Python 3.11, an exception in it marks the thread as ended; the interpreter then does not wait.
        working = sum(thread.ident is not None for thread in self._threads)  # start() may have failed midway
        while working:
            if (result := self._done.get()) is None:
                working -= 1
            else:
                yield result

    def _work(self) -> None:
        try:
            while (work := self._todo.get()) is not None:
                self._done.put(self._do(work))
                del work  # otherwise it stays in memory until the next one arrives
        finally:
            self._done.put(None)  # the last item of this thread
