"""The output of the demo: steps with their seconds while it runs, and short tables at the end."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tools.airflow_sandbox.process import RunStates

__all__ = ["Screen"]

STATE_STYLES = {"success": "green", "failed": "red", "running": "cyan", "up_for_retry": "yellow"}


class Screen:
    """Output on the terminal, or in a log; the whole output can be read again and searched for secrets."""

    def __init__(self) -> None:
        self._console = Console(record=True, highlight=False)
        self._tasks: dict[str, str | None] = {}

    @property
    def shown(self) -> str:
        """The output so far."""
        return self._console.export_text(clear=False)

    def say(self, text: str, style: str = "") -> None:
        """Show a line unchanged, without markup."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    @contextlib.contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show a step while it runs, and then the seconds that it took."""
        started = time.monotonic()
        with self._console.status(doing):
            yield
        self.say(f"  {doing}: {time.monotonic() - started:.1f} s", "dim")

    def changes(self, states: RunStates) -> None:
        """Show the tasks of a run whose state has changed since the last call."""
        changed = [
            f"{task} {state}" for task, state in states.tasks.items() if state and self._tasks.get(task) != state
        ]
        self._tasks = states.tasks
        if changed:
            self.say(f"    {', '.join(changed)}", "dim")

    def states(self, states: RunStates) -> None:
        """Show the table of tasks."""
        table = Table("task", "state", title="The DAG run", title_justify="left")
        for task, state in states.tasks.items():
            table.add_row(task, Text(state or "none", style=STATE_STYLES.get(state or "", "")))
        self._console.print(table)

    def rows(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a table with a header."""
        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            table.add_row(*map(Text, row))
        self._console.print(table)

    def facts(self, title: str, facts: Mapping[str, object]) -> None:
        """Show a table of two columns."""
        table = Table(title=title, title_justify="left", show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in facts.items():
            table.add_row(name, Text(str(value)))
        self._console.print(table)
