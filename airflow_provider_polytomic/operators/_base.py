"""Base of all operators: the hook, errors that fail a task at once, and the reaction to a kill."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_polytomic._airflow.version import BaseOperator
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicError
from airflow_provider_polytomic.operators._fields import rendered_to_nothing, set_map_index_name, to_seconds

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_polytomic._provisioning.create import RetryBudget
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

__all__ = ["PolytomicOperator"]


class PolytomicOperator(BaseOperator):
    """Base class for operators that call Polytomic.

    ``execute`` returns small JSON. An object is also pushed field by field, so that the next task can use
    ``task.output["id"]``; the summary of a batch is not. Unknown fields are omitted.

    Each operator has one ``__init__``, which sets the two attributes that are declared here: Airflow wraps every level
    of it, which takes 45 us a task while a DAG file is parsed. Optional parameters default to None, because Airflow
    serialises every templated field that is not None.
    """

    template_fields: Sequence[str] = ("polytomic_conn_id",)
    ui_color = "#d7ecf5"
    polytomic_conn_id: str | None
    retry_for: float | str
    # The parameter that names a mapped task instance.
    _map_index_field: ClassVar[str]
    # Fields, besides the connection, whose default would change what the task acts on, or whether it changes anything.
    _acting_fields: ClassVar[frozenset[str]] = frozenset()
    # The template fields that the DAG sets.
    _given: frozenset[str] = frozenset()
    # Not a threading.Event: Airflow deep-copies operators, and on_kill runs as a signal handler of the same thread.
    _killed = False

    if TYPE_CHECKING:

        @property
        def output(self) -> Any:
            """Reference to the returned value. Airflow's own type does not allow ``task.output["id"]``."""

    def execute(self, context: Context) -> Any:
        """Run the task.

        :raises PolytomicError: if it fails; the message says what to do. The error is also an ``AirflowFailException``
            if a retry cannot help. Otherwise the next try continues where this one stopped.
        """
        from airflow_provider_polytomic.operators._failures import as_failure

        try:
            self._set_map_index_name(context)
            self._refuse_dropped()
            return self._run(context)
        except PolytomicError as error:
            # A configuration error names its own parameter: an invalid destination can contain a password.
            if not isinstance(error, PolytomicConfigurationError):
                self._add_subject(error)
            if error.retryable:
                raise
            failure = as_failure(error)
        # Outside the except block: without a context, the exception keeps no frames whose locals could be printed.
        raise failure

    def on_kill(self) -> None:
        """Create nothing and repeat no request from now on. Airflow 3 gives ``execute`` five seconds to end."""
        self._killed = True

    def _remember_given(self, *, may_be_empty: Collection[str] = ()) -> None:
        """Remember which fields the DAG sets, before they are rendered; the last call of each ``__init__``.

        :param may_be_empty: fields for which an empty value means the default.
        """
        values = {name: getattr(self, name) for name in self.template_fields}
        self._given = frozenset(
            name for name, value in values.items() if value is not None and (name not in may_be_empty or value)
        )

    def _refuse_dropped(self) -> None:
        """Refuse a template, or a task's output, that renders to None where the default would be unsafe.

        :raises PolytomicConfigurationError: if there is one.
        """
        unsafe = self._given & {"polytomic_conn_id", *self._acting_fields}
        dropped = [name for name in self.template_fields if name in unsafe and getattr(self, name) is None]
        if dropped:
            raise rendered_to_nothing(dropped, "The default would have another effect.")

    def _run(self, context: Context) -> Any:
        """Do the work with a hook that is closed afterwards, and return small JSON."""
        with closing(self._make_hook(stopping=self._is_killed)) as hook:
            return self._perform(hook, context)

    def _make_hook(self, **options: Any) -> PolytomicHook:
        """Return the hook, not yet connected: an invalid parameter is reported before the connection is read."""
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        return PolytomicHook(self._conn_id(), retry_for=to_seconds("retry_for", self.retry_for), **options)

    def _perform(self, hook: PolytomicHook, context: Context, /) -> Any:
        """Do the work, and return small JSON."""
        raise NotImplementedError

    def _describe(self) -> dict[str, str]:
        """Return the subject of the task, for errors: ids and names by what they name, nothing secret."""
        raise NotImplementedError

    def _add_subject(self, error: PolytomicError) -> None:
        """Add a note with the part of the subject that the message does not name."""
        message = str(error).lower()
        missing = ", ".join(
            f"{name} {value}" for name, value in self._describe().items() if str(value).lower() not in message
        )
        if missing:
            error.add_note(f"({missing[0].upper()}{missing[1:]})")

    def _conn_id(self) -> str:
        """Return the connection's id, after rendering."""
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        return PolytomicHook.default_conn_name if self.polytomic_conn_id is None else self.polytomic_conn_id

    def _set_map_index_name(self, context: Context) -> None:
        """Name a mapped task instance after the parameter that distinguishes it."""
        set_map_index_name(context, self._map_index_field)

    def _retry_budget(self) -> RetryBudget:
        """Return how long this task waits for a request that is in progress elsewhere."""
        from airflow_provider_polytomic._provisioning.create import RetryBudget

        return RetryBudget(to_seconds("retry_for", self.retry_for), stopping=self._is_killed)

    def _warn_about_no_retries(self, subject: str) -> None:
        """Log a warning for a task without retries that replaces the keys of this subject."""
        self.log.warning(
            "%s: retries=0, so a failure can leave consumers without a working key\n"
            "Polytomic revokes a user's keys before the new one is stored. If the task fails between these two "
            "steps, consumers get 401 until you clear the task. Set retries=5, for example, and a short retry_delay: "
            "within 24 hours, a retry gets the same key.",
            subject,
        )

    def _is_retried(self, context: Context) -> bool:
        """Return whether an earlier try, or the run before a clear, may have done the work and ended unreported."""
        return context["ti"].try_number > 1

    def _is_killed(self) -> bool:
        """Return whether Airflow stops this task."""
        return self._killed
