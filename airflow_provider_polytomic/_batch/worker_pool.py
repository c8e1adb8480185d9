"""Who does the work of a fleet's rotation? A few threads, which one other thread gives work to and hears from.

That one is the task's main thread, into which Airflow raises exceptions between any two lines (2.11 on SIGTERM, both on
a time-out). So it shares no lock with the others, but two queues whose every operation is one step of the interpreter.
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
    """So many threads, each of which does one piece of work after the other.

    Whoever assembles it closes it, whatever happens: they are no daemons, and the interpreter waits for them.

    :param size: how many, and so the most pieces of work that should be under way at a time.
    :param do: does a piece of work, and returns anything but None; whatever it raises ends the thread, so it had better
        raise nothing.
    """

    def __init__(self, size: int, do: Callable[[Work], Result]) -> None:
        self.size, self._do = size, do
        self._todo: SimpleQueue[Work | None] = SimpleQueue()
        self._done: SimpleQueue[Result | None] = SimpleQueue()  # None: a thread has ended
        # No daemons: where the main thread dies all the same, the interpreter waits for what they have begun.
        self._threads = [threading.Thread(target=self._work, name=f"polytomic-fleet-{n}") for n in range(size)]

    def assemble(self) -> None:
        """Start the threads.

        :raises RuntimeError: if the system allows no more of them; those that run are still to be closed.
        """
        for thread in self._threads:
            thread.start()

    def start(self, work: Work) -> None:
        """Have a thread do it."""
        self._todo.put(work)

    def finished(self, seconds: float) -> Result | None:
        """Return the result of a piece of work, or None if none comes within so many seconds."""
        try:
            return self._done.get(timeout=seconds)
        except Empty:
            return None

    def close(self) -> Iterator[Result]:
        """Wait until all that was started is done, and return the results that nobody has heard of."""
        for _ in self._threads:
            self._todo.put(None)
        # No join: an exception raised into it has Python 3.11 take the thread for ended, and the interpreter not wait.
        working = sum(thread.ident is not None for thread in self._threads)  # not all may have been started
        while working:
            if (result := self._done.get()) is None:
                working -= 1
            else:
                yield result

    def _work(self) -> None:
        try:
            while (work := self._todo.get()) is not None:
                self._done.put(self._do(work))
                del work  # or it would stay until the next one comes
        finally:
            self._done.put(None)  # the last of this thread
