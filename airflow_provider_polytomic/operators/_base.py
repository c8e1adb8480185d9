"""Base of all operators: the connection, what becomes of an error, and what a kill does."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_polytomic._airflow.version import BaseOperator
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicError
from airflow_provider_polytomic.operators._fields import set_map_index_name, to_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic._provisioning.create import RetryBudget
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

__all__ = ["PolytomicOperator"]


# What changes who acts, on what, or whether anything is changed at all, if it falls back to its default unnoticed.
_NEVER_DROPPED = frozenset(
    {
        "allow_failures", "allow_active_key", "check_only", "force", "polytomic_conn_id", "shard", "shards",
        "skip_if_not_due", "take_over",
    }
)  # fmt: skip


class PolytomicOperator(BaseOperator):
    """A task that asks something of Polytomic.

    What it returns is small JSON. An object is also pushed field by field, so that ``task.output["id"]`` can be given
    to the next task; the summary of a batch is not. A field that is not known is left out.

    Each operator has one ``__init__``, which sets the two attributes that are declared here: Airflow wraps every level,
    and that takes 45 us a task while a DAG file is parsed. A parameter that is left out is None, because Airflow
    serialises every templated field that is not.
    """

    template_fields: Sequence[str] = ("polytomic_conn_id",)
    ui_color = "#d7ecf5"
    polytomic_conn_id: str | None
    retry_for: float | str
    # The parameter after which a mapped task instance is called.
    _map_index_field: ClassVar[str]
    # The fields of _NEVER_DROPPED that the DAG gives a value.
    _given: tuple[str, ...] = ()
    # No threading.Event: Airflow deep-copies operators, and on_kill runs as a signal handler of the same thread.
    _killed = False

    if TYPE_CHECKING:

        @property
        def output(self) -> Any:
            """What it returns; Airflow declares a type that cannot be indexed: ``task.output["id"]``."""

    def execute(self, context: Any) -> Any:
        """Do the task's one thing.

        :raises PolytomicError: which is also an ``AirflowFailException`` if a retry cannot help; its message says what
            to do. Otherwise the next try goes on where this one stopped.
        """
        from airflow_provider_polytomic.operators._failures import as_failure

        self._set_map_index_name(context)
        try:
            self._refuse_dropped()
            with closing(self._make_hook()) as hook:
                return self._perform(hook, context)
        except PolytomicError as error:
            # A configuration error names its parameter where that is safe: a mistyped destination can hold a password.
            if not isinstance(error, PolytomicConfigurationError):
                error.add_note(f"({self._describe()})")
            if error.retryable:
                raise
            failure = as_failure(error)
        # Outside the except block: an exception without a context drags along no frames whose locals could be printed.
        raise failure

    def on_kill(self) -> None:
        """Create nothing and repeat no request from now on. Airflow 3 gives ``execute`` five seconds to end."""
        self._killed = True

    def _remember_given(self) -> None:
        """Note which fields have a value before rendering; the last call of each ``__init__``."""
        self._given = tuple(
            name for name in self.template_fields if name in _NEVER_DROPPED and getattr(self, name) is not None
        )

    def _refuse_dropped(self) -> None:
        """Refuse a template, or a task's output, that has become None: that is not what leaving the field out means.

        :raises PolytomicConfigurationError: if there is one.
        """
        dropped = [name for name in self._given if getattr(self, name) is None]
        if dropped:
            raise PolytomicConfigurationError(
                f"{' and '.join(dropped)} was given and renders to None; its default would not be what was meant.",
                "Correct the template, or leave the parameter out.",
                reason="rendered_to_nothing",
                fields=dropped,
            )

    def _make_hook(self) -> PolytomicHook:
        """Return the hook, not yet connected: an invalid parameter is reported before the connection is read."""
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        return PolytomicHook(
            self._conn_id(), retry_for=to_seconds("retry_for", self.retry_for), stopping=self._is_killed
        )

    def _perform(self, hook: PolytomicHook, context: Any, /) -> Any:
        """Do it, and return small JSON."""
        raise NotImplementedError

    def _describe(self) -> str:
        """Say whom the task is about, for errors: ids and names, nothing secret."""
        raise NotImplementedError

    def _conn_id(self) -> str:
        """Return the connection's id, after rendering."""
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        return PolytomicHook.default_conn_name if self.polytomic_conn_id is None else self.polytomic_conn_id

    def _set_map_index_name(self, context: Any) -> None:
        """Call a mapped task instance by what tells it from the others."""
        set_map_index_name(context, self._map_index_field)

    def _retry_budget(self) -> RetryBudget:
        """Return how long this task waits for a request that is in flight."""
        from airflow_provider_polytomic._provisioning.create import RetryBudget

        return RetryBudget(to_seconds("retry_for", self.retry_for), stopping=self._is_killed)

    def _is_retried(self, context: Any) -> bool:
        """Whether an earlier try of this task may have done its work, and died before it could say so.

        A task that was cleared is one, too.
        """
        return bool(context["ti"].try_number > 1)

    def _is_killed(self) -> bool:
        """Whether Airflow wants this task to end."""
        return self._killed
